//! Sleeping, timeouts, intervals.
//!
//! Any `Duration` is legal, `Duration::MAX` included: it never comes. Nothing fires early.

mod interval;
mod sleep;
mod timeout;
mod wait_for;

pub use interval::{Interval, MissedTick, interval};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
pub use wait_for::{WaitFor, wait_for};

use std::time::{Duration, Instant};

/// When `duration` from now will be; none: never.
pub(crate) fn deadline_after(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}
