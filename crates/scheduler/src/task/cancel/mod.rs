//! Delivery of cancels to what a task awaits: probes, hits, clean-ups.
//!
//! The combinators of the facade (catch, finally, timeout, gather, groups) stand on these
//! functions; `docs/cancellation.md` has the protocol.

mod again;
mod hit;
mod probe;
mod probes;
mod round;
mod taken;

pub use again::{is_to_strike_again, strike_again};
use hit::meet;
pub use hit::{Hit, Raising};
pub use probe::Probe;
pub use round::deliver;
pub use taken::{Taken, with_effect_seen};

pub(in crate::task) use probes::Probes;

use crate::task::cell::Header;
use crate::task::cold::Cold;
use crate::task::control::TaskControl;
use crate::task::run::swallow;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::Waker;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_task_context as context;

pub use weftwork_task_context::{
    Outcome as Heard, declines, delivered, delivering, delivery, mark_busy, mark_interest,
    mark_taken,
};

/// The task that is being polled on this thread.
#[inline]
pub(in crate::task) fn current() -> Option<NonNull<Header>> {
    NonNull::new(context::task().cast_mut().cast())
}

/// A number that no other probe or waiter of this process has.
pub(in crate::task) fn unique_key() -> u64 {
    // std: a mere source of numbers, which a model has no interest in.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// What panicked, in words.
pub(crate) const WAKER: &str = "a waker";

/// Calls wakers; a panic in one of them does not keep the others from being called.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        swallow(WAKER, || waker.wake());
    }
}

/// As [`wake_all`], by reference.
pub(in crate::task) fn wake_all_by_ref(wakers: &[Arc<Waker>]) {
    for waker in wakers {
        swallow(WAKER, || waker.wake_by_ref());
    }
}

/// Wakes all probes of a task.
pub(in crate::task) fn wake_probes(task: &Header) {
    if let Some(cold) = task.cold() {
        let probes = cold.lock().probes.wakers();
        wake_all_by_ref(&probes);
    }
}

/// Wakes those probes of a task that raise; false if there is none.
pub(in crate::task) fn wake_raised(task: &Header) -> bool {
    let Some(cold) = task.cold() else {
        return false;
    };
    let raised = cold.lock().probes.raised();
    wake_all_by_ref(&raised);
    !raised.is_empty()
}

/// Wakes all probes of the current task.
pub fn wake_current_probes() {
    if let Some(task) = current() {
        // SAFETY: it is being polled on this thread, so it is live.
        wake_probes(unsafe { task.as_ref() });
    }
}

/// How many cancels the current task was asked for that were not taken back; none outside of one.
#[must_use]
pub fn requests() -> Option<u32> {
    current()?;
    Some(with_cold(|cold| cold.lock().cancels).unwrap_or(0))
}

/// What the current task has out of line, if it has that.
fn with_cold<R>(f: impl FnOnce(&Cold) -> R) -> Option<R> {
    // SAFETY: it is being polled on this thread, so it is live.
    current().and_then(|task| unsafe { task.as_ref() }.cold().map(f))
}

/// Something of the current task has ended, or is gone, that was raising or busy with a cancel:
/// the scopes that waited for it look again.
pub fn settled() {
    if let Some(task) = current() {
        // SAFETY: it is being polled on this thread, so it is live.
        unsafe { task.as_ref() }.cold_or_new().lock().settled += 1;
    }
}

/// How much of the current task has settled.
pub(in crate::task) fn count_settled() -> u64 {
    with_cold(|cold| cold.lock().settled).unwrap_or(0)
}

/// A clean-up that has begun: its task is not torn down while this lives.
#[derive(Debug)]
pub struct CleanUp(TaskControl);

impl CleanUp {
    /// Says that a clean-up of the current task begins.
    #[must_use]
    pub fn begin() -> Option<Self> {
        let task = TaskControl::current()?;
        {
            let mut rare = task.header().cold_or_new().lock();
            rare.cleaning += 1;
            rare.settled += 1;
        }
        task.header().state.set_cold();
        Some(Self(task))
    }
}

impl Drop for CleanUp {
    fn drop(&mut self) {
        if let Some(cold) = self.0.header().cold() {
            let mut rare = cold.lock();
            rare.cleaning -= 1;
            rare.settled += 1;
        }
        self.0.task_ref().wake();
    }
}
