//! The protocol of cancel delivery, as the combinators of this crate use it.

pub(crate) use weftwork_scheduler::cancel::{
    CleanUp, Hit, Probe, delivered, delivering, mark_busy, mark_taken, on_hit, raise, redeliver,
    wake_current_probes,
};
pub(crate) use weftwork_task_context::Cancelled;

use crate::TaskControl;
use std::task::{Context, Poll};
use weftwork_task_context::{Outcome, with_frame};

/// True while a cancel is being delivered, for a leaf that answers `Pending` then.
pub(crate) fn declines(_: &Context<'_>) -> bool {
    delivering()
}

/// Delivers a cancel to whatever `poll` reaches, and says what was heard.
pub(crate) fn deliver<R>(
    cause: &Cancelled,
    quiet: bool,
    poll: &mut dyn FnMut() -> Poll<R>,
) -> (Poll<R>, Outcome) {
    wake_current_probes();
    with_frame(Some(cause), quiet, poll)
}

/// A cancel that something took in a delivery, until its effect is seen. Dropped before that, it
/// is delivered again to the task: a cancel must not get lost.
pub(crate) struct Taken {
    cause: Cancelled,
    /// None once it is settled.
    task: Option<TaskControl>,
}

impl Taken {
    /// Takes the cancel that is being delivered to the current task.
    pub(crate) fn new(cause: Cancelled) -> Self {
        mark_taken();
        let task = TaskControl::current();
        Self { cause, task }
    }

    /// Another cancel is delivered: that counts in the place of this one from now on. False: it
    /// is not this one again.
    pub(crate) fn takes_again(&mut self) -> bool {
        self.task = None;
        false
    }

    /// Its effect is seen: gives the cause.
    pub(crate) fn settled(mut self) -> Cancelled {
        self.task = None;
        self.cause.clone()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            redeliver(&task, self.cause.clone());
        }
    }
}
