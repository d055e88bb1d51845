//! Cancelling a group from elsewhere.

use crate::TaskControl;
use crate::cancel::Cancelled;
use std::fmt;
use std::sync::{Arc, OnceLock};
use weftwork_task_context::CancelSource;

/// Cancels all children of a group, to any depth. Cheap to clone.
#[derive(Clone)]
pub struct GroupControl(Arc<Inner>);

struct Inner {
    children: Vec<TaskControl>,
    cancelled: OnceLock<Cancelled>,
}

impl GroupControl {
    pub(crate) fn new(children: Vec<TaskControl>) -> Self {
        Self(Arc::new(Inner {
            children,
            cancelled: OnceLock::new(),
        }))
    }

    /// Cancels every child that has not ended; false if all have.
    ///
    /// Whoever awaits the group is cancelled once all children have ended.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.cancel_for(&Cancelled::new(None, CancelSource::Group))
    }

    pub(crate) fn cancel_for(&self, cause: &Cancelled) -> bool {
        if self.done() {
            return false;
        }
        // Before the children hear of it: they may all swallow it, and the awaiter look for it,
        // before this thread goes on.
        let _ = self.0.cancelled.set(cause.clone());
        for child in &self.0.children {
            child.cancel_for(cause.clone());
        }
        true
    }

    /// True once all children have ended.
    #[must_use]
    pub fn done(&self) -> bool {
        self.0.children.iter().all(TaskControl::done)
    }

    /// The children.
    #[must_use]
    pub fn children(&self) -> &[TaskControl] {
        &self.0.children
    }

    pub(crate) fn cancelled(&self) -> Option<&Cancelled> {
        self.0.cancelled.get()
    }
}

impl fmt::Debug for GroupControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0.children).finish()
    }
}
