//! The numbers of tasks, for crates that look inside and know no scheduler.

use super::cancel;
use super::waker::task_of;
use std::task::Waker;
use weftwork_task_context::{TaskIds, set_task_ids};

/// Makes our tasks known to those crates. Again and again is as good as once.
pub(crate) fn introduce() {
    set_task_ids(TaskIds { of_waker, current });
}

fn of_waker(waker: &Waker) -> Option<u64> {
    // SAFETY: the waker keeps the task live.
    task_of(waker).map(|task| unsafe { task.as_ref() }.id())
}

fn current() -> Option<u64> {
    // SAFETY: it is being polled on this thread, so it is live.
    cancel::current().map(|task| unsafe { task.as_ref() }.id())
}
