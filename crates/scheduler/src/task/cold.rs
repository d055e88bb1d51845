//! What few tasks have: a name, a cancel, callbacks, more than one waiter. Out of line, made
//! on first use, behind one lock.

use super::error::TaskError;
use super::refs::TaskRef;
use super::waker::Joiner;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use weftwork_std_or_loom::cell::UnsafeCell;
use weftwork_std_or_loom::{Mutex, MutexGuard};
use weftwork_task_context::{CancelSource, Cancelled};

/// Wakers by the key of whoever left them, the first come first. Whoever leaves one clones it
/// before it takes the lock, and drops the one before after that: both are user code.
pub(super) type Wakers<W = Waker> = BTreeMap<u64, W>;

/// A done callback with its type erased: it gets the task whose output it may look at.
pub(super) type Callback = Box<dyn FnOnce(&TaskRef) + Send>;

/// The cold record of a task.
#[derive(Default)]
pub(crate) struct Cold {
    rare: Mutex<Rare>,
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
    /// asyncio's `cancelling()`.
    pub(super) cancels: u32,
    pub(super) must_cancel: Option<Pending>,
    /// Why it was cancelled, from the delivery on.
    pub(super) cancelled_by: Option<Cancelled>,
    /// The end of the runtime has asked for this one.
    pub(super) shutdown: Option<Cancelled>,
    /// Scopes and child awaits that were polled with a waker that is not the task's own.
    /// In an `Arc`, because they are called again and again, and not under the lock.
    pub(super) probes: Wakers<Arc<Waker>>,
    /// Clean-ups that have begun and not ended.
    pub(super) cleaning: u32,
    /// The raised cancel has been delivered to the siblings of the raising await.
    pub(super) told: bool,
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
    pub(super) fn lock(&self) -> MutexGuard<'_, Rare> {
        self.made.with(|_| ());
        self.rare.lock()
    }
}

impl Rare {
    /// True if this is the end of the runtime once more, which asks every task itself. Passed on
    /// from each task of a chain to the next one it would come as often as there are tasks.
    pub(super) fn is_asked_again(&mut self, cause: &Cancelled) -> bool {
        if cause.source() != CancelSource::Shutdown {
            return false;
        }
        let before = self.shutdown.replace(cause.clone());
        before.is_some_and(|before| before.is_same(cause))
    }

    pub(super) fn wakers_of_probes(&self) -> Vec<Arc<Waker>> {
        self.probes.values().cloned().collect()
    }
}
