//! References to a task cell: a counted one, and the right to poll.

use super::cell::Header;
use super::state::OnWake;
use crate::sched;
use std::ops::Deref;
use std::ptr::NonNull;
use weftwork_task_context::wake_polled;

/// A counted reference to a task of any type. The cell lives as long as one of these.
pub(crate) struct TaskRef(NonNull<Header>);

// SAFETY: the header is made of atomics, locks and constants, and what else is in the cell is
// touched only by whom the state word allows (see the module `task`).
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    /// Takes over a reference that is counted already.
    ///
    /// # Safety
    /// `header` is live, and one count is the caller's to give away.
    #[inline]
    pub(crate) unsafe fn from_counted(header: NonNull<Header>) -> Self {
        Self(header)
    }

    /// A new reference.
    ///
    /// # Safety
    /// `header` is live.
    pub(crate) unsafe fn new(header: NonNull<Header>) -> Self {
        // SAFETY: by the caller.
        unsafe { header.as_ref() }.state.add_ref();
        Self(header)
    }

    /// The address; counts nothing.
    #[inline]
    pub(crate) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }

    /// Gives the count away.
    pub(crate) fn into_counted(self) -> NonNull<Header> {
        let header = self.0;
        std::mem::forget(self);
        header
    }

    /// Wakes the task.
    #[inline]
    pub(crate) fn wake(&self) {
        if wake_polled(self.0.as_ptr().cast()) {
            return;
        }
        if self.state.on_wake() == OnWake::Schedule {
            sched::schedule_wake(Runnable(self.0));
        }
    }

    /// As [`wake`](Self::wake), and gives the reference up: in the same step, if it can.
    #[inline]
    pub(crate) fn wake_and_drop(self) {
        if wake_polled(self.0.as_ptr().cast()) {
            return;
        }
        let todo = self.state.on_wake_and_drop();
        if todo == OnWake::Ended {
            return;
        }
        let header = self.into_counted();
        if todo == OnWake::Schedule {
            sched::schedule_wake(Runnable(header));
        }
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> Self {
        self.state.add_ref();
        Self(self.0)
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        if self.state.drop_ref() {
            // SAFETY: it was the last reference.
            unsafe { free(self.0) }
        }
    }
}

impl Deref for TaskRef {
    type Target = Header;

    fn deref(&self) -> &Header {
        // SAFETY: this reference is counted.
        unsafe { self.0.as_ref() }
    }
}

/// Frees a cell.
///
/// # Safety
/// There is no reference left, and future and output are gone (invariant 4).
#[inline]
pub(crate) unsafe fn free(header: NonNull<Header>) {
    // SAFETY: by the caller.
    unsafe { (header.as_ref().vtable.dealloc)(header) }
}

/// The right to poll a task, and the duty: whoever turned `ACTIVE` on has one, and it passes
/// through the queues to the worker that polls. It counts no reference: the runtime's own
/// reference lives until the task is complete.
pub(crate) struct Runnable(pub(crate) NonNull<Header>);

// SAFETY: a future that is not Send is spawned only where its worker is the one and only
// (`run_local`, pinned main futures); all others are Send.
unsafe impl Send for Runnable {}

impl Runnable {
    #[inline]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the task is active, hence not complete, hence the runtime's reference lives.
        unsafe { self.0.as_ref() }
    }
}
