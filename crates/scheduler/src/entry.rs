//! The main futures of `block_on`: each is polled by its own thread only, and woken there.

use crate::sched::Parker;
use crate::shared::Shared;
use crate::task::cancel::wake_all;
use crate::task::cell::Header;
use crate::task::refs::Runnable;
use std::sync::Arc;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::atomic::{AtomicBool, AtomicUsize};
use weftwork_std_or_loom::{Mutex, edge, fence_edge};

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
    /// It only polls its main future, until it finds a free seat.
    Thread {
        parker: Parker,
        /// The seat that it works on, or `NO_SEAT`.
        seat: AtomicUsize,
    },
}

const NO_SEAT: usize = usize::MAX;

impl Place {
    /// This thread, without a seat.
    pub(crate) fn thread() -> Self {
        let parker = Parker::new();
        parker.adopt();
        Self::Thread {
            parker,
            seat: AtomicUsize::new(NO_SEAT),
        }
    }

    /// Ends the sleep of the thread, or keeps the next one from beginning.
    fn call(&self, shared: &Shared) {
        match self {
            Self::Worker(worker) => shared.call_worker(*worker),
            Self::Thread { parker, seat } => {
                parker.unpark(shared.driver.reactor());
                // Between the news and the look at the seat: a thread that has sat down looks
                // for news after a fence, before it sleeps there.
                fence_edge!(I1, SeqCst);
                let seat = seat.load(Relaxed);
                if seat != NO_SEAT {
                    shared.call_worker(seat);
                }
            }
        }
    }
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

    #[inline]
    pub(crate) fn is_notified(&self) -> bool {
        self.notified.load(Relaxed)
    }

    /// A thread that has no seat waits until it is called or `stop` says so: on a seat, if there
    /// is a free one now.
    pub(crate) fn wait(&self, shared: &Arc<Shared>, stop: &impl Fn() -> bool) {
        let Place::Thread { parker, seat } = &self.place else {
            return;
        };
        if shared.config.caller_runs_tasks && !shared.config.fifo {
            let worked = shared.with_seat(|worker| {
                seat.store(worker.index(), Relaxed);
                worker.work(stop);
                seat.store(NO_SEAT, Relaxed);
            });
            if worked.is_some() {
                return;
            }
        }
        if !stop() {
            let (wakers, _) = shared.driver.park(shared, parker, None);
            wake_all(wakers);
        }
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
        let main = task.0.as_ptr().cast_const();
        let entry = self
            .0
            .lock()
            .iter()
            .find(|entry| entry.main == main)
            .map(Arc::clone);
        // Its thread removes the entry after the main task has completed only, and an active
        // task is not complete.
        let Some(entry) = entry else { return };
        entry.put();
        entry.place.call(shared);
    }

    /// A seat has become free: a thread without one may take it.
    pub(crate) fn call_seatless(&self, shared: &Shared) {
        let seatless = |entry: &&Arc<Entry>| match &entry.place {
            Place::Worker(_) => false,
            Place::Thread { seat, .. } => seat.load(Relaxed) == NO_SEAT,
        };
        let entries: Vec<_> = self.0.lock().iter().filter(seatless).cloned().collect();
        for entry in entries {
            entry.place.call(shared);
        }
    }

    /// Wakes all threads, to look at the state of the runtime.
    pub(crate) fn call_all(&self, shared: &Shared) {
        let entries: Vec<_> = self.0.lock().clone();
        for entry in entries {
            entry.place.call(shared);
        }
    }
}
