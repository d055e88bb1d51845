//! What few tasks have: a name, a cancel, callbacks, more than one waiter. Out of line, made
//! on first use, behind one lock.

use super::cancel::{Probes, Raising};
use super::error::TaskError;
use super::refs::TaskRef;
use super::waker::Joiner;
use crate::locals::Locals;
use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;
use weftwork_std_or_loom::cell::UnsafeCell;
use weftwork_std_or_loom::{Lock, LockGuard};
use weftwork_task_context::Cancelled;

/// Wakers by the key of whoever left them, the first come first. Whoever leaves one clones it
/// before it takes the lock, and drops the one before after that: both are user code.
pub(super) type Wakers = BTreeMap<u64, Waker>;

/// A done callback with its type erased: it gets the task whose output it may look at.
pub(super) type Callback = Box<dyn FnOnce(&TaskRef) + Send>;

/// The cold record of a task.
#[derive(Default)]
pub(crate) struct Cold {
    rare: Lock<Rare>,
    /// No bytes: in a model, looking at it fails unless the record was published in order.
    made: UnsafeCell<()>,
}

// SAFETY: the cell has no bytes, and the rest is a lock.
unsafe impl Sync for Cold {}

/// What the lock guards. User code (wakers, callbacks, payloads) is never run or dropped
/// under it.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) name: Option<String>,
    /// Changed and dropped by the task's poller only.
    pub(super) locals: Locals,
    /// asyncio's `cancelling()`.
    pub(super) cancels: u32,
    pub(super) must_cancel: Option<Pending>,
    /// Why it was cancelled, from the delivery on.
    pub(super) cancelled_by: Option<Cancelled>,
    /// The latest cause for which it was asked to end.
    pub(super) asked_for: Option<Cancelled>,
    /// Scopes and child awaits that were polled with a waker that is not the task's own.
    pub(super) probes: Probes,
    /// Cancels of scopes in the task that are to strike again, with the number of the poll that
    /// left them.
    pub(super) again: Vec<(u32, Cancelled)>,
    /// Clean-ups that have begun and not ended.
    pub(super) cleaning: u32,
    /// What the task, as the outermost scope, remembers of a cancelled await.
    pub(super) raising: Raising,
    /// Grows whenever something has ended, or is gone, that was raising or busy with a cancel.
    pub(super) settled: u64,
    pub(super) callbacks: VecDeque<(u64, Callback)>,
    /// The task is complete, and some thread hands `callbacks` to the lane, in order.
    pub(super) handing: bool,
    /// Callbacks that were handed to the lane and have not ended.
    pub(super) callbacks_left: usize,
    /// The joiner of a completed task whose callbacks have not ended.
    pub(super) joiner: Option<Joiner>,
    /// Those who wait for the end beside the handle.
    pub(super) waiters: Wakers,
    pub(super) error: Option<TaskError>,
    /// Grows from failure to failure in this process: says which of two was first.
    pub(super) failed_as: u64,
    /// Somebody has seen the error: it need not be reported.
    pub(super) seen: bool,
}

/// A cancel that waits to be delivered.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) cause: Cancelled,
    /// Asked for by the task itself, during its poll.
    pub(super) own: bool,
}

impl Cold {
    pub(super) fn lock(&self) -> LockGuard<'_, Rare> {
        self.made.with(|_| ());
        self.rare.lock()
    }
}

impl Rare {
    /// True if this cause was the latest already. It may come by several ways: from each task of a
    /// chain that passes the end of the runtime on, which asks every task itself; and from an awaiter
    /// that was told once more because another of its awaits had ended.
    pub(super) fn is_asked_again(&mut self, cause: &Cancelled) -> bool {
        let before = self.asked_for.replace(cause.clone());
        before.is_some_and(|before| before.is_same(cause))
    }
}
