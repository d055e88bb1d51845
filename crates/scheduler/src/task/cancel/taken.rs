//! A delivered cancel that found its taker.

use super::{delivery, mark_taken};
use crate::task::control::TaskControl;
use std::fmt;
use weftwork_task_context::Cancelled;

/// A cancel that something took in a delivery, until its effect is seen: a scope will end, a child
/// to which it was passed on will. Dropped before that, it is delivered again to the task: a cancel
/// must not get lost.
pub struct Taken {
    cause: Cancelled,
    /// The number of the delivery.
    delivery: u64,
    /// None once it is settled.
    task: Option<TaskControl>,
}

impl Taken {
    /// Takes the cancel that is being delivered to the current task.
    #[must_use]
    pub fn new(cause: Cancelled) -> Self {
        mark_taken();
        Self {
            cause,
            delivery: delivery(),
            task: TaskControl::current(),
        }
    }

    /// The cancel.
    #[must_use]
    pub fn cause(&self) -> &Cancelled {
        &self.cause
    }

    /// A cancel is delivered to the one who took this. If that is the same delivery, which may come
    /// around twice, it is still taken. If it is a later one, that counts in its place from now on,
    /// whoever takes it.
    pub fn takes_again(&mut self) -> bool {
        let again = self.delivery == delivery();
        if again {
            mark_taken();
        } else {
            self.settle();
        }
        again
    }

    /// Its effect is seen.
    pub fn settle(&mut self) {
        self.task = None;
    }

    /// Its effect is seen: gives the cause.
    #[must_use]
    pub fn settled(mut self) -> Cancelled {
        self.settle();
        self.cause.clone()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.redeliver(self.cause.clone());
        }
    }
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken")
            .field("cause", &self.cause)
            .field("settled", &self.task.is_none())
            .finish()
    }
}
