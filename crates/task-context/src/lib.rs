//! What a future may know of the task that polls it: is a cancel being delivered, may this
//! thread block.
//!
//! One thread-local without logic. The scheduler writes it, combinators push frames on it,
//! leaves (the `sync` crate, timers, sockets) read it; on a foreign executor it is simply
//! empty, so the same leaves work there.
//!
//! A **frame** is what one poll of one cancel scope says to what it polls and hears back from
//! it. `docs/cancellation.md` has the protocol.

mod cancelled;
mod frame;

pub use cancelled::{CancelSource, Cancelled};
pub use frame::{
    Frame, Outcome, delivered, delivering, hit, is_active, mark_busy, mark_interest, mark_taken,
    with_frame,
};

use std::cell::Cell;

/// What kind of thread this is; it says who may block it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThreadKind {
    /// Not a thread of a runtime: it may block.
    #[default]
    Plain,
    /// A worker (or the caller of `run` while it works): blocking it holds up tasks.
    Worker,
    /// A worker that is running a callback of the lane.
    Lane,
    /// A thread of the blocking pool: it may block.
    Blocking,
}

weftwork_std_or_loom::thread_local! {
    static CURRENT: Current = Current {
        task: Cell::new(std::ptr::null()),
        thread: Cell::new(ThreadKind::Plain),
    }
}

struct Current {
    task: Cell<*const ()>,
    thread: Cell<ThreadKind>,
}

/// The task that is being polled on this thread, as the scheduler's opaque pointer; null
/// outside of a task.
#[inline]
#[must_use]
pub fn task() -> *const () {
    CURRENT.with(|current| current.task.get())
}

/// Says which task is being polled on this thread; returns the one before.
#[inline]
pub fn set_task(task: *const ()) -> *const () {
    CURRENT.with(|current| current.task.replace(task))
}

/// The kind of this thread.
#[inline]
#[must_use]
pub fn thread_kind() -> ThreadKind {
    CURRENT.with(|current| current.thread.get())
}

/// Says what kind of thread this is; returns the kind before.
#[inline]
pub fn set_thread_kind(kind: ThreadKind) -> ThreadKind {
    CURRENT.with(|current| current.thread.replace(kind))
}
