//! The end of a group, for its done callbacks.

use super::GroupControl;
use crate::{Handle, TaskControl};
use std::sync::Arc;
use weftwork_std_or_loom::Mutex;
use weftwork_std_or_loom::atomic::{AtomicUsize, Ordering::Relaxed};

type Callback = Box<dyn FnOnce(&FinishedGroup) + Send>;

/// What a done callback sees of a group that is done.
#[derive(Clone, Debug)]
pub struct FinishedGroup {
    control: GroupControl,
    failed: Option<TaskControl>,
}

impl FinishedGroup {
    /// The child whose panic or cancel ended the group before the others.
    #[must_use]
    pub fn failed(&self) -> Option<&TaskControl> {
        self.failed.as_ref()
    }

    /// True if the group or, without `return_exceptions`, its first failing child was cancelled.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.control.cancelled().is_some() || self.failed.as_ref().is_some_and(|t| t.cancelled())
    }

    /// True if a child panicked, and the group with it.
    #[doc(alias = "exception")]
    #[must_use]
    pub fn panicked(&self) -> bool {
        !self.cancelled() && self.failed.is_some()
    }

    /// The group: its children and their ends.
    #[must_use]
    pub fn control(&self) -> &GroupControl {
        &self.control
    }
}

/// Calls one done callback of a group, once.
pub(super) struct Notice {
    left: AtomicUsize,
    /// A failure of a child is the end of the group.
    fails: bool,
    control: GroupControl,
    callback: Mutex<Option<Callback>>,
}

impl Notice {
    pub(super) fn new(control: GroupControl, fails: bool, callback: Callback) -> Arc<Self> {
        let notice = Self {
            left: AtomicUsize::new(control.children().len()),
            fails,
            control,
            callback: Mutex::new(Some(callback)),
        };
        Arc::new(notice)
    }

    /// A group without children is done already.
    pub(super) fn tell_of_an_empty_group(self: Arc<Self>) {
        if let Ok(handle) = Handle::try_current() {
            handle.call_soon(move || self.group_ended(None));
        }
    }

    /// Called on the lane, for one child after another.
    pub(super) fn child_ended(&self, child: &TaskControl) {
        let last = self.left.fetch_sub(1, Relaxed) == 1;
        let failed = self.fails && (child.cancelled() || child.panicked());
        // A group that was cancelled is done when all its children are.
        let failed = failed && self.control.cancelled().is_none();
        if last || failed {
            self.group_ended(failed.then(|| child.clone()));
        }
    }

    fn group_ended(&self, failed: Option<TaskControl>) {
        let callback = self.callback.lock().take();
        if let Some(callback) = callback {
            callback(&FinishedGroup {
                control: self.control.clone(),
                failed,
            });
        }
    }
}
