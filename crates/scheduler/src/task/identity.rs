//! The numbers of tasks, for crates that look inside and know no scheduler.

use super::cancel;
use super::cell::Header;
use super::waker::task_of;
use std::sync::Arc;
use std::task::Waker;
use weftwork_task_context::{TaskIds, TaskTag, set_task_ids};

/// Makes our tasks known to those crates. Again and again is as good as once.
pub(crate) fn introduce() {
    set_task_ids(TaskIds {
        of_waker,
        current,
        current_tag,
    });
}

fn of_waker(waker: &Waker) -> Option<u64> {
    // SAFETY: the waker keeps the task live.
    task_of(waker).map(|task| unsafe { task.as_ref() }.id())
}

fn current() -> Option<u64> {
    // SAFETY: it is being polled on this thread, so it is live.
    cancel::current().map(|task| unsafe { task.as_ref() }.id())
}

fn current_tag() -> Option<TaskTag> {
    // SAFETY: as above.
    cancel::current().map(|task| tag_of(unsafe { task.as_ref() }))
}

/// The task as an error names it.
pub(super) fn tag_of(task: &Header) -> TaskTag {
    let name_of = |name: &String| Arc::from(name.as_str());
    let name = task
        .cold()
        .and_then(|cold| cold.lock().name.as_ref().map(name_of));
    TaskTag::new(task.id(), name, task.location())
}
