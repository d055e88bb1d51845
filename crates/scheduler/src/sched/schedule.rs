//! The one function through which every spawn and every wake passes.

use super::Worker;
use crate::context;
use crate::shared::Shared;
use crate::task::refs::Runnable;
use std::ptr;
use std::sync::Arc;

/// Queues a task that was woken, from any thread. The caller has just made it active.
pub(crate) fn schedule_wake(task: Runnable) {
    let target = task.header().shared();
    let pinned = task.header().is_pinned();
    let task = context::with_worker(|worker| match worker {
        Some(worker) if ptr::eq(worker.shared_ptr(), target) && !pinned => {
            worker.push(task);
            None
        }
        Some(worker) if pinned && worker.put_main(&task) => None,
        _ => Some(task),
    });
    let Some(task) = task else { return };
    // SAFETY: the task is active, so its scheduler lives until we hand it over; this count
    // keeps it alive until we are done notifying.
    let shared = unsafe {
        Arc::increment_strong_count(target);
        Arc::from_raw(target)
    };
    if pinned {
        shared.entries.wake(&shared, task);
    } else {
        shared.inject(task);
    }
}

/// Queues a task that was just spawned on the scheduler `shared`; `in_order`: behind all
/// others.
#[inline]
pub(crate) fn schedule_new(
    shared: &Shared,
    task: Runnable,
    worker: Option<&Worker>,
    in_order: bool,
) {
    match worker {
        Some(worker) if in_order => worker.push_back(task),
        Some(worker) => worker.push(task),
        None => shared.inject(task),
    }
}
