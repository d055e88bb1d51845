//! The LIFO slot: the task that a worker made runnable last, which it runs next while its data
//! are in the cache, and which others can take if the worker is stuck.

use crate::task::cell::Header;
use crate::task::refs::Runnable;
use std::ptr::{NonNull, null_mut};
use weftwork_std_or_loom::atomic::AtomicPtr;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::edge;

/// Only its worker puts a task in; anybody takes it. Edge `L1` carries the task over.
pub(crate) struct LifoSlot(AtomicPtr<Header>);

impl LifoSlot {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// Puts a task in; gives the one that it drives out.
    #[inline]
    pub(crate) fn put(&self, task: Runnable) -> Option<Runnable> {
        let task = task.0.as_ptr();
        // Release: the header and future are seen whole by whoever takes the task.
        if self.0.load(Relaxed).is_null() {
            // Only this thread puts one in, so the slot stays empty until the store.
            self.0.store(task, edge!(L1, Release));
            return None;
        }
        NonNull::new(self.0.swap(task, edge!(L1, AcqRel))).map(Runnable)
    }

    /// Takes the task out.
    #[inline]
    pub(crate) fn take(&self) -> Option<Runnable> {
        if self.0.load(Relaxed).is_null() {
            return None;
        }
        NonNull::new(self.0.swap(null_mut(), edge!(L1, Acquire))).map(Runnable)
    }

    /// The task, to compare with what a later look sees; null if there is none.
    pub(crate) fn look(&self) -> *mut Header {
        self.0.load(Relaxed)
    }
}
