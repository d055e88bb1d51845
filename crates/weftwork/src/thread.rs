//! For threads of the process that serve all runtimes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Calls wakers. A panic in one of them ends neither the others nor the thread.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        // To drop what it panicked with may panic again.
        woken.unwrap_or_else(std::mem::forget);
    }
}
