//! The main futures of `block_on`: each is polled by its own thread only, and woken there.

use crate::sched::Parker;
use crate::shared::Shared;
use crate::task::cell::Header;
use crate::task::refs::Runnable;
use std::ptr;
use std::sync::Arc;
use weftwork_std_or_loom::atomic::AtomicBool;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::{Mutex, edge};

/// The main futures that are being driven.
#[derive(Default)]
pub(crate) struct Entries(Mutex<Vec<Arc<Entry>>>);

/// One thread in `block_on`.
pub(crate) struct Entry {
    /// Its main task is active and waits to be polled: the flag is the runnable.
    notified: AtomicBool,
    main: *const Header,
    place: Place,
}

/// Where the thread sleeps.
pub(crate) enum Place {
    /// It is a worker.
    Worker(usize),
    /// It only polls its main future.
    Thread(Parker),
}

// SAFETY: `main` is compared, never followed.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

impl Entry {
    /// The main task was made runnable.
    pub(crate) fn new(main: *const Header, place: Place) -> Arc<Self> {
        Arc::new(Self {
            notified: AtomicBool::new(true),
            main,
            place,
        })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
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
        match &entry.place {
            Place::Worker(worker) => shared.call_worker(*worker),
            Place::Thread(parker) => parker.unpark(shared.driver.reactor()),
        }
    }

    /// Wakes all threads, to look at the state of the runtime.
    pub(crate) fn call_all(&self, shared: &Shared) {
        let entries: Vec<_> = self.0.lock().clone();
        for entry in entries {
            match &entry.place {
                Place::Worker(worker) => shared.call_worker(*worker),
                Place::Thread(parker) => parker.unpark(shared.driver.reactor()),
            }
        }
    }
}
