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
mod delivery;
mod frame;
mod identity;
mod path;

pub use cancelled::{CancelSource, Cancelled};
pub use delivery::{Delivery, declines, delivery};
pub use frame::{
    Frame, Outcome, apart, delivered, delivering, hit, is_active, mark_busy, mark_interest,
    mark_taken, with_frame,
};
pub use identity::{TaskIds, current_task_id, current_task_tag, set_task_ids, task_id_of};
pub use path::{CancelHop, CancelStep, TaskTag};

use std::cell::Cell;
use std::task::{Context, Poll};

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
        polled: Cell::new(Polled(std::ptr::null())),
        left: Cell::new(TURN),
        thread: Cell::new(ThreadKind::Plain),
    }
}

struct Current {
    polled: Cell<Polled>,
    /// How many operations the task may do in this poll before it lets others have a turn. Below
    /// zero is none.
    left: Cell<i32>,
    thread: Cell<ThreadKind>,
}

/// The task that is being polled on a thread: the scheduler's opaque pointer, null outside of a
/// task, with the bit `WOKEN`. One word, because it is copied in and out with every poll.
#[derive(Clone, Copy, Debug)]
pub struct Polled(*const ());

/// How many operations in memory a task does in one poll that need not wait.
const TURN: i32 = 512;

/// So much is a call of the system, or what a thread of the pool has done.
const CALL: i32 = 4;

/// What [`enter_task`] found, to be put back by [`leave_task`].
#[derive(Clone, Copy, Debug)]
pub struct Before {
    polled: Polled,
    left: i32,
}

/// The task was woken on this thread during this poll.
const WOKEN: usize = 1;

impl Polled {
    #[inline]
    fn task(self) -> *const () {
        self.0.map_addr(|addr| addr & !WOKEN)
    }

    #[inline]
    fn is_woken(self) -> bool {
        self.0.addr() & WOKEN != 0
    }
}

/// The task that is being polled on this thread, as the scheduler's opaque pointer; null
/// outside of a task.
#[inline]
#[must_use]
pub fn task() -> *const () {
    CURRENT.with(|current| current.polled.get().task())
}

/// Says which task is being polled on this thread from now on, by a pointer whose lowest bit is
/// not used; returns what was before, for [`leave_task`].
#[inline]
pub fn enter_task(task: *const ()) -> Before {
    CURRENT.with(|current| Before {
        polled: current.polled.replace(Polled(task)),
        left: current.left.replace(TURN),
    })
}

/// The end of what [`enter_task`] began; true if the task was woken meanwhile by
/// [`wake_polled`].
#[inline]
pub fn leave_task(before: Before) -> bool {
    CURRENT.with(|current| {
        current.left.set(before.left);
        current.polled.replace(before.polled).is_woken()
    })
}

/// Runs `f` as if no task were polled on this thread, for what only happens to run within a poll.
///
/// The task and the frame before are back when `f` returns or unwinds.
pub fn outside<R>(f: impl FnOnce() -> R) -> R {
    struct Leave(Before);
    impl Drop for Leave {
        fn drop(&mut self) {
            leave_task(self.0);
        }
    }
    let _leave = Leave(enter_task(std::ptr::null()));
    apart(f)
}

/// Says that an operation of the polled task did not need to wait. [`yields`] was asked before, in
/// the same poll.
#[inline]
pub fn spend() {
    spend_as(1);
}

/// As [`spend`], for an operation that takes a call of the system.
#[inline]
pub fn spend_call() {
    spend_as(CALL);
}

#[inline]
fn spend_as(operations: i32) {
    CURRENT.with(|current| {
        current
            .left
            .set(current.left.get().wrapping_sub(operations))
    });
}

/// As [`spend`], if this is an answer.
#[inline]
pub fn spent<T>(polled: Poll<T>) -> Poll<T> {
    if polled.is_ready() {
        spend();
    }
    polled
}

/// True if the polled task has done enough in this poll: a leaf answers `Pending` then without
/// trying, and the task, which is woken here, goes on after the others. Not to be asked while a
/// cancel is being delivered.
///
/// It is so only where the leaf is polled with the task's own waker. Whoever brings another one
/// (`now_or_never`, an executor inside of the task) may take `Pending` for an answer, or ask
/// again at once. (Every waker of a task has the pointer of [`enter_task`] as its data.)
#[inline]
#[must_use]
pub fn yields(cx: &Context<'_>) -> bool {
    CURRENT.with(|current| current.left.get() <= 0) && has_to_yield(cx)
}

/// Nothing is left: that may be of no importance here.
#[cold]
fn has_to_yield(cx: &Context<'_>) -> bool {
    let task = task();
    if task.is_null() {
        refill();
        return false;
    }
    if task != cx.waker().data() {
        // For this operation, and not for the task's own that come after it.
        CURRENT.with(|current| current.left.set(1));
        return false;
    }
    cx.waker().wake_by_ref();
    true
}

/// The task may do as much as in a new turn: it is polled once more, by whoever delivers a cancel
/// or asks what has become of one and has to have an answer in this turn.
pub fn refill() {
    CURRENT.with(|current| current.left.set(TURN));
}

/// What a leaf asks first: true if it answers `Pending` without trying, because a cancel is being
/// delivered ([`declines`]) or the task has done enough ([`yields`]).
#[inline]
#[must_use]
pub fn holds_back(cx: &Context<'_>) -> bool {
    declines(cx) || yields(cx)
}

/// Wakes this task if it is the one that is being polled on this thread: whoever polls it
/// hears of it from [`leave_task`], and no other thread needs to know.
#[inline]
pub fn wake_polled(task: *const ()) -> bool {
    CURRENT.with(|current| {
        let polled = current.polled.get();
        if polled.task() != task {
            return false;
        }
        let woken = polled.0.map_addr(|addr| addr | WOKEN);
        current.polled.set(Polled(woken));
        true
    })
}

/// Takes the mark of [`wake_polled`] off: true if the task was woken. Whoever does so puts it back
/// in the end, for the task has to be polled again.
pub fn take_woken() -> bool {
    CURRENT.with(|current| {
        let polled = current.polled.get();
        current.polled.set(Polled(polled.task()));
        polled.is_woken()
    })
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
