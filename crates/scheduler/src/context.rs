//! What this thread is for the scheduler: its runtime, and its worker if it has one.

use crate::handle::Handle;
use crate::sched::Worker;
use crate::shared::Shared;
use std::cell::{Cell, RefCell};
use std::ptr::{self, null};
use weftwork_task_context::{ThreadKind, outside, set_thread_kind};

weftwork_std_or_loom::thread_local! {
    static CONTEXT: Context = Context {
        worker: Cell::new(null()),
        pool: Cell::new(null()),
        abandoning: Cell::new(null()),
    }
}

// Apart, because it has a destructor, which makes each access dearer.
weftwork_std_or_loom::thread_local! {
    static ENTERED: RefCell<Option<Handle>> = RefCell::new(None)
}

struct Context {
    /// The worker that this thread is; it stands on the stack below whoever reads this.
    worker: Cell<*const Worker>,
    /// The pool for blocking jobs whose thread this is; compared, never followed.
    pool: Cell<*const ()>,
    /// The runtime whose last tasks this thread ends; compared, never followed.
    abandoning: Cell<*const Shared>,
}

/// Passes this thread's worker on.
#[inline]
pub(crate) fn with_worker<R>(f: impl FnOnce(Option<&Worker>) -> R) -> R {
    let worker = CONTEXT.with(|context| context.worker.get());
    // SAFETY: `be_worker` sets it for as long as the worker lives on this thread's stack.
    f(unsafe { worker.as_ref() })
}

/// This thread belongs to this pool, for ever.
pub(crate) fn join_pool(pool: *const ()) {
    CONTEXT.with(|context| context.pool.set(pool));
}

/// True if this thread runs a task or a blocking job of this runtime at this moment.
pub(crate) fn is_inside(shared: &Shared) -> bool {
    let worker = with_worker(|worker| worker.is_some_and(|w| ptr::eq(w.shared(), shared)));
    worker || CONTEXT.with(|context| context.pool.get() == shared.blocking.address())
}

/// The runtime that was entered on this thread.
#[inline]
pub(crate) fn current() -> Option<Handle> {
    if let Some(handle) = with_worker(|worker| worker.map(Handle::of_worker)) {
        return Some(handle);
    }
    // It may be gone where the thread ends.
    ENTERED.try_with(|entered| entered.borrow().clone()).ok()?
}

/// Makes this thread a worker while `f` runs. A task of another runtime may be polled here, and
/// close this one.
pub(crate) fn be_worker<R>(worker: &Worker, f: impl FnOnce() -> R) -> R {
    struct Leave(ThreadKind, *const Worker);
    impl Drop for Leave {
        fn drop(&mut self) {
            CONTEXT.with(|context| context.worker.set(self.1));
            set_thread_kind(self.0);
        }
    }
    let before = CONTEXT.with(|context| context.worker.replace(worker));
    let leave = Leave(set_thread_kind(ThreadKind::Worker), before);
    let value = outside(f);
    drop(leave);
    value
}

/// Calls `f` unless this thread is in such a call for this runtime already.
pub(crate) fn unless_within(shared: *const Shared, f: impl FnOnce()) {
    struct Restore(*const Shared);
    impl Drop for Restore {
        fn drop(&mut self) {
            CONTEXT.with(|context| context.abandoning.set(self.0));
        }
    }
    let before = CONTEXT.with(|context| context.abandoning.replace(shared));
    let _restore = Restore(before);
    if before != shared {
        f();
    }
}

/// Sets the runtime of this thread; gives the one before.
pub(crate) fn replace(handle: Option<Handle>) -> Option<Handle> {
    ENTERED.with(|entered| entered.replace(handle))
}
