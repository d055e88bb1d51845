//! How a delivery reaches what a foreign combinator hides.

use super::{current, mark_interest, raise, unique_key};
use crate::task::refs::TaskRef;
use crate::task::waker;
use std::fmt;
use std::sync::Arc;
use std::task::Context;
use weftwork_task_context::Cancelled;

/// Something in a task's future that wants to be polled when a cancel is delivered: a scope
/// or the await of a child.
///
/// Where the future is polled with the task's own waker, the task will reach it by polling.
/// Where a foreign combinator (`FuturesUnordered`) stands between, the probe leaves its
/// latest waker with the task, and a delivery wakes it first.
#[derive(Default)]
pub struct Probe {
    armed: Option<(u64, TaskRef)>,
}

impl Probe {
    /// A probe that is not armed.
    #[must_use]
    pub const fn new() -> Self {
        Self { armed: None }
    }

    /// Says that the future which holds this probe is pending, polled with this context.
    pub fn arm(&mut self, cx: &Context<'_>) {
        let Some(task) = current() else { return };
        mark_interest();
        if waker::task_of(cx.waker()) == Some(task) {
            self.disarm();
            return;
        }
        if self
            .armed
            .as_ref()
            .is_some_and(|(_, at)| at.as_ptr() != task)
        {
            self.disarm();
        }
        let (key, task) = self.armed.get_or_insert_with(|| {
            // SAFETY: it is being polled on this thread, so it is live.
            (unique_key(), unsafe { TaskRef::new(task) })
        });
        let new = Arc::new(cx.waker().clone());
        let old = task.cold_or_new().lock().probes.arm(*key, new);
        task.state.set_cold();
        drop(old);
    }

    /// Says "the await here is cancelled". The caller, which holds this probe, returns `Pending`
    /// and says it again at each further poll.
    ///
    /// # Panics
    /// Outside of a weftwork task, and when one poll of a task meets it again and again (a
    /// foreign `block_on` inside a task would spin).
    pub fn raise(&mut self, cause: &Cancelled, cx: &Context<'_>) {
        // Whoever hears of it polls again to ask whether it still holds.
        self.arm(cx);
        raise(cause, cx);
    }

    /// Withdraws the waker.
    pub fn disarm(&mut self) {
        if let Some((key, task)) = self.armed.take() {
            let waker = task.cold().and_then(|cold| cold.lock().probes.disarm(key));
            drop(waker);
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("armed", &self.armed.is_some())
            .finish()
    }
}
