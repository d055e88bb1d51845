//! Hooks that are called with every task of a runtime: what asyncio's task factory is used for.

use crate::shared::{self, Shared};
use crate::task::refs::TaskRef;
use crate::task::{TaskControl, contain};
use std::cell::RefCell;
use std::sync::Arc;
use std::{mem, ptr};
use weftwork_task_context::apart;

/// What is called with a task.
pub(crate) type TaskHook = Arc<dyn Fn(&TaskControl) + Send + Sync>;

weftwork_std_or_loom::thread_local! {
    /// The runtimes whose hook for spawns is being called on this thread, compared and never
    /// followed: what it spawns there is not shown to it, for that might never end.
    static CALLING: RefCell<Vec<*const Shared>> = RefCell::new(Vec::new())
}

/// Shows a new task of this runtime to its hook for spawns.
#[cold]
pub(crate) fn spawned(hook: &TaskHook, task: &TaskControl, shared: &Shared) {
    if begin(shared) {
        call(hook, task, "a hook for spawned tasks");
        let _ = CALLING.try_with(|calling| calling.borrow_mut().pop());
    }
}

/// False: it is being called already, or the thread has ended.
fn begin(shared: &Shared) -> bool {
    let begin = |calling: &RefCell<Vec<_>>| {
        let mut calling = calling.borrow_mut();
        let is_new = !calling.contains(&ptr::from_ref(shared));
        calling.extend(is_new.then_some(ptr::from_ref(shared)));
        is_new
    };
    CALLING.try_with(begin).unwrap_or(false)
}

/// The first poll of a task that starts at once, maybe within a hook. It is no part of that: what it spawns is
/// shown, as that of any other task.
pub(crate) fn outside(poll: impl FnOnce()) {
    struct Restore(Vec<*const Shared>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = CALLING.try_with(|calling| calling.replace(mem::take(&mut self.0)));
        }
    }
    let _restore = Restore(CALLING.try_with(RefCell::take).unwrap_or_default());
    poll();
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
