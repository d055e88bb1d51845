//! The twin of crossbeam's queues for model builds: each slot is published by a Release store
//! and taken by an Acquire swap; nothing else is ordered.

use crate::task::cell::Header;
use crate::task::refs::Runnable;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::atomic::{AtomicPtr, AtomicUsize};
use weftwork_std_or_loom::edge;

/// As many as a model may have queued over its whole life.
const SLOTS: usize = 6;

struct Slots {
    tasks: [AtomicPtr<Header>; SLOTS],
    next: AtomicUsize,
}

impl Slots {
    fn new() -> Self {
        Self {
            tasks: std::array::from_fn(|_| AtomicPtr::new(null_mut())),
            next: AtomicUsize::new(0),
        }
    }

    fn push(&self, task: Runnable) {
        let slot = self.next.fetch_add(1, Relaxed);
        assert!(slot < SLOTS, "the model queues more than {SLOTS} runnables");
        self.tasks[slot].store(task.0.as_ptr(), edge!(Q1, Release));
    }

    fn take(&self) -> Option<Runnable> {
        let used = self.next.load(Relaxed).min(SLOTS);
        self.tasks[..used].iter().find_map(|slot| {
            if slot.load(Relaxed).is_null() {
                return None;
            }
            NonNull::new(slot.swap(null_mut(), edge!(Q1, Acquire))).map(Runnable)
        })
    }

    fn len(&self) -> usize {
        let used = self.next.load(Relaxed).min(SLOTS);
        self.tasks[..used]
            .iter()
            .filter(|slot| !slot.load(Relaxed).is_null())
            .count()
    }
}

pub(crate) struct LocalQueue(Arc<Slots>);

pub(crate) struct Stealer(Arc<Slots>);

pub(crate) struct Injector(Slots);

impl LocalQueue {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Slots::new()))
    }

    pub(crate) fn stealer(&self) -> Stealer {
        Stealer(Arc::clone(&self.0))
    }

    pub(crate) fn push(&self, task: Runnable) {
        self.0.push(task);
    }

    pub(crate) fn pop(&self) -> Option<Runnable> {
        self.0.take()
    }
}

impl Stealer {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub(crate) fn steal_into(&self, _into: &LocalQueue) -> Option<Runnable> {
        self.0.take()
    }

    pub(crate) fn steal(&self) -> Option<Runnable> {
        self.0.take()
    }
}

impl Injector {
    pub(crate) fn new() -> Self {
        Self(Slots::new())
    }

    pub(crate) fn push(&self, task: Runnable) {
        self.0.push(task);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn steal_into(&self, _into: &LocalQueue) -> Option<Runnable> {
        self.0.take()
    }

    pub(crate) fn steal(&self) -> Option<Runnable> {
        self.0.take()
    }
}
