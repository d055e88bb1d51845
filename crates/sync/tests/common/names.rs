//! Tasks of a test that have numbers, as those of a runtime have.

use std::cell::{Cell, RefCell};
use std::task::Waker;
use weftwork_sync::Who;
use weftwork_task_context::{TaskIds, set_task_ids};

std::thread_local! {
    static WAKERS: RefCell<Vec<(Waker, u64)>> = const { RefCell::new(Vec::new()) };
    static CURRENT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on tasks are known by their numbers.
pub fn know_tasks() {
    set_task_ids(TaskIds {
        of_waker: |waker| {
            WAKERS.with_borrow(|wakers| {
                let known = wakers.iter().find(|(known, _)| known.will_wake(waker));
                known.map(|&(_, task)| task)
            })
        },
        current: || CURRENT.get(),
        current_tag: || None,
    });
}

/// This is the waker of this task; the one that it had is forgotten.
pub fn name_waker(waker: &Waker, task: usize) {
    let waker = waker.clone();
    let before = WAKERS.with_borrow_mut(|wakers| {
        let before = wakers.extract_if(.., |(_, known)| *known == task as u64);
        let before: Vec<_> = before.collect();
        wakers.push((waker, task as u64));
        before
    });
    drop(before);
}

/// Runs `f` as this task.
pub fn as_task<R>(task: usize, f: impl FnOnce() -> R) -> R {
    let before = CURRENT.replace(Some(task as u64));
    let value = f();
    CURRENT.set(before);
    value
}

/// Those tasks, as a primitive names them.
pub fn named(tasks: &[usize]) -> Vec<Who> {
    tasks.iter().map(|&task| Who::Task(task as u64)).collect()
}

/// Without an order.
pub fn sorted(mut who: Vec<Who>) -> Vec<Who> {
    who.sort_by_key(|who| who.task());
    who
}
