//! Stopping the clock, for tests.

use crate::{Handle, yield_now};
use std::time::Duration;

/// Stops the clock of this thread's runtime.
///
/// From here on sleeps take no real time: whenever the runtime is at rest (all its threads sleep,
/// no task is ready, no blocking job waits or runs, no I/O has come), the clock jumps to the next
/// deadline. Timers that are due at the same instant go off in the order in which they were set.
/// A thread that is no part of the runtime is not waited for: what it does comes at whatever time
/// the clock then has.
///
/// `#[weftwork::test(start_paused)]` and
/// [`Builder::start_paused`](crate::Builder::start_paused) stop it from the start.
///
/// ```
/// use std::time::{Duration, Instant};
/// use weftwork::{run, time};
///
/// let start = Instant::now();
/// run(async {
///     time::pause();
///     let virtual_start = time::now();
///     time::sleep(Duration::from_secs(3600)).await;
///     assert_eq!(time::now() - virtual_start, Duration::from_secs(3600));
/// });
/// assert!(start.elapsed() < Duration::from_secs(60));
/// ```
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn pause() {
    Handle::current().pause_time();
}

/// Lets the clock go on from where it stands, as fast as real time.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn resume() {
    Handle::current().resume_time();
}

/// Moves the paused clock on by a duration at once, also while tasks are ready; every timer that
/// is due then goes off, in order, and those who wait for one have a turn. They see the new time:
/// to see each deadline at its time, [`sleep`](super::sleep()) instead.
///
/// ```
/// use std::time::Duration;
/// use weftwork::{run_local, spawn, time};
///
/// run_local(async {
///     time::pause();
///     let nap = spawn(time::sleep(Duration::from_secs(10)));
///     weftwork::yield_now().await;
///     time::advance(Duration::from_secs(9)).await;
///     assert!(!nap.done());
///     time::advance(Duration::from_secs(1)).await;
///     assert!(nap.done());
/// });
/// ```
///
/// # Cancel safety
/// The clock is moved by the first poll; what follows is a yield.
///
/// # Panics
/// Outside of a runtime, and if the clock is not paused.
pub async fn advance(by: Duration) {
    Handle::current().advance_time(by);
    yield_now().await;
}
