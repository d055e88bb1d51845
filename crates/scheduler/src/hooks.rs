//! Hooks that are called with every task of a runtime: what asyncio's task factory is used for.

use crate::shared;
use crate::task::refs::TaskRef;
use crate::task::{TaskControl, contain};
use std::cell::Cell;
use std::sync::Arc;
use weftwork_task_context::apart;

/// What is called with a task.
pub(crate) type TaskHook = Arc<dyn Fn(&TaskControl) + Send + Sync>;

weftwork_std_or_loom::thread_local! {
    /// A hook for spawns is being called on this thread: its own spawns are not shown to it, for
    /// that might never end.
    static SPAWNING: Cell<bool> = Cell::new(false)
}

/// Shows a new task to the hook for spawns.
#[cold]
pub(crate) fn spawned(hook: &TaskHook, task: &TaskControl) {
    if !SPAWNING.with(|spawning| spawning.replace(true)) {
        call(hook, task, "a hook for spawned tasks");
        SPAWNING.with(|spawning| spawning.set(false));
    }
}

/// Shows a task that has ended to the hook for ends, unless it was never shown to anybody.
#[cold]
pub(crate) fn ended(hook: &TaskHook, task: TaskRef) {
    if task.is_known() {
        call(hook, &TaskControl::new(task), "a hook for ended tasks");
    }
}

fn call(hook: &TaskHook, task: &TaskControl, what: &'static str) {
    // It is called within somebody's poll, whose scopes it is no part of.
    contain(|| apart(|| hook(task)))
        .unwrap_or_else(|payload| shared::report(task.task_ref().as_ptr(), payload, what));
}
