//! Which task is meant, for whoever looks inside; on a foreign executor nobody can say.

use crate::path::TaskTag;
use std::sync::OnceLock;
use std::task::Waker;

/// How a runtime tells its tasks apart: by the numbers that they show.
///
/// All may be called under a lock, and so call nobody else; the tag takes that of the task.
#[derive(Clone, Copy, Debug)]
pub struct TaskIds {
    /// The task that a waker wakes, if it is one of the runtime's.
    pub of_waker: fn(&Waker) -> Option<u64>,
    /// The task that is being polled on this thread.
    pub current: fn() -> Option<u64>,
    /// The same task with its name and the place where it was spawned.
    pub current_tag: fn() -> Option<TaskTag>,
}

static TASK_IDS: OnceLock<TaskIds> = OnceLock::new();

/// Says how the tasks of this process are told apart; it stands from the first call on.
pub fn set_task_ids(ids: TaskIds) {
    // The second time they are the same.
    let _ = TASK_IDS.set(ids);
}

/// The number of the task that `waker` wakes. A combinator that makes wakers of its own hides it.
#[must_use]
pub fn task_id_of(waker: &Waker) -> Option<u64> {
    TASK_IDS.get().and_then(|ids| (ids.of_waker)(waker))
}

/// The number of the task that is being polled on this thread.
#[must_use]
pub fn current_task_id() -> Option<u64> {
    TASK_IDS.get().and_then(|ids| (ids.current)())
}

/// The task that is being polled on this thread, with its name and the place where it was spawned.
#[must_use]
pub fn current_task_tag() -> Option<TaskTag> {
    TASK_IDS.get().and_then(|ids| (ids.current_tag)())
}
