//! The main futures of `block_on`: each is polled by its own thread only, and woken there.

use crate::driver::NO_WORKER;
use crate::sched::Parker;
use crate::shared::Shared;
use crate::task::cell::Header;
use crate::task::refs::Runnable;
use std::ptr;
use std::sync::Arc;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::atomic::{AtomicBool, AtomicUsize};
use weftwork_std_or_loom::{Mutex, edge, fence_edge};

/// The main futures that are being driven.
#[derive(Default)]
pub(crate) struct Entries(Mutex<Vec<Arc<Entry>>>);

/// One thread in `block_on` or `run_forever`.
pub(crate) struct Entry {
    /// Its main task is active and waits to be polled: the flag is the runnable.
    notified: AtomicBool,
    main: *const Header,
    /// The worker that the thread is at this moment, or [`NO_WORKER`]: then it sleeps on its own.
    worker: AtomicUsize,
    parker: Parker,
}

// SAFETY: `main` is compared, never followed.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

impl Entry {
    /// An entry of this thread for a main task, which was just made runnable.
    pub(crate) fn new(main: *const Header) -> Arc<Self> {
        Self::with(main, true)
    }

    /// For a thread that has no main future and only waits to be called.
    pub(crate) fn resting() -> Arc<Self> {
        Self::with(ptr::null(), false)
    }

    fn with(main: *const Header, notified: bool) -> Arc<Self> {
        let parker = Parker::new();
        parker.adopt();
        Arc::new(Self {
            notified: AtomicBool::new(notified),
            main,
            worker: AtomicUsize::new(NO_WORKER),
            parker,
        })
    }

    pub(crate) fn parker(&self) -> &Parker {
        &self.parker
    }

    /// The thread is this worker from here on, or [`NO_WORKER`].
    pub(crate) fn set_worker(&self, worker: usize) {
        self.worker.store(worker, Relaxed);
        // Between the change of the place and the next look at the news; pairs with `call`.
        fence_edge!(I1, SeqCst);
    }

    /// Wakes the thread wherever it sleeps.
    fn call(&self, shared: &Shared) {
        // Between the caller's news and the look at the place; pairs with `set_worker`.
        fence_edge!(I1, SeqCst);
        match self.worker.load(Relaxed) {
            NO_WORKER => self.parker.unpark(shared.driver.reactor()),
            worker => shared.call_worker(worker),
        }
    }

    /// True if this is the entry of that main task.
    pub(crate) fn drives(&self, task: &Runnable) -> bool {
        ptr::eq(self.main, task.0.as_ptr())
    }

    #[inline]
    pub(crate) fn is_notified(&self) -> bool {
        self.notified.load(Relaxed)
    }

    /// Takes the runnable.
    pub(crate) fn take(&self) -> bool {
        self.is_notified() && self.notified.swap(false, edge!(E1, Acquire))
    }

    /// Puts the runnable; the thread is awake (it is the caller).
    pub(crate) fn put(&self) {
        // Release: pairs with `take`, as a queue would.
        self.notified.store(true, edge!(E1, Release));
    }
}

impl Entries {
    pub(crate) fn add(&self, entry: &Arc<Entry>) {
        self.0.lock().push(Arc::clone(entry));
    }

    pub(crate) fn remove(&self, entry: &Arc<Entry>) {
        self.0.lock().retain(|known| !Arc::ptr_eq(known, entry));
    }

    /// Hands the runnable of a main task to its thread.
    pub(crate) fn wake(&self, shared: &Shared, task: Runnable) {
        let entry = self
            .0
            .lock()
            .iter()
            .find(|entry| entry.drives(&task))
            .map(Arc::clone);
        // Its thread removes the entry after the main task has completed only, and an active
        // task is not complete.
        let Some(entry) = entry else { return };
        entry.put();
        entry.call(shared);
    }

    /// Wakes all threads, to look at the state of the runtime.
    pub(crate) fn call_all(&self, shared: &Shared) {
        let entries: Vec<_> = self.0.lock().clone();
        for entry in entries {
            entry.call(shared);
        }
    }

    /// How many threads have no seat; none if some main future was woken.
    pub(crate) fn seatless_at_rest(&self) -> Option<usize> {
        let entries = self.0.lock();
        let seatless = |entry: &&Arc<Entry>| entry.worker.load(Relaxed) == NO_WORKER;
        let woken = entries.iter().any(|entry| entry.is_notified());
        (!woken).then(|| entries.iter().filter(seatless).count())
    }

    /// A seat is free: wakes the threads that have none. All of them, for the first one may have been
    /// called for another seat already, or is the one that gives this one back and is about to leave.
    pub(crate) fn call_seatless(&self, shared: &Shared) {
        let has_none = |entry: &&Arc<Entry>| entry.worker.load(Relaxed) == NO_WORKER;
        let seatless: Vec<_> = self.0.lock().iter().filter(has_none).cloned().collect();
        for entry in seatless {
            entry.call(shared);
        }
    }
}
