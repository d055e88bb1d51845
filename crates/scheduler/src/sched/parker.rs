//! Where one worker sleeps: on its thread, or in the driver's wait.

use std::time::Duration;
use weftwork_io_driver::Reactor;
use weftwork_std_or_loom::atomic::AtomicUsize;
use weftwork_std_or_loom::thread::{self, Thread};
use weftwork_std_or_loom::{Mutex, edge};

/// Awake, and nobody has called.
const EMPTY: usize = 0;
/// Asleep on its thread.
const ON_THREAD: usize = 1;
/// Asleep in the driver.
const ON_DRIVER: usize = 2;
/// Called: the next sleep ends at once.
const NOTIFIED: usize = 3;

/// Edge `P1`: `unpark` releases what happened before it to the return of the sleep.
pub(crate) struct Parker {
    state: AtomicUsize,
    /// The thread that sleeps here; set before it first sleeps.
    thread: Mutex<Option<Thread>>,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicUsize::new(EMPTY),
            thread: Mutex::new(None),
        }
    }

    /// Says that this thread will sleep here from now on.
    pub(crate) fn adopt(&self) {
        *self.thread.lock() = Some(thread::current());
    }

    /// The name of the thread that sleeps here.
    pub(crate) fn thread_name(&self) -> Option<String> {
        let thread = self.thread.lock();
        Some(thread.as_ref()?.name()?.to_owned())
    }

    /// Sleeps on this thread until called, or for `timeout`.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        if !self.fall_asleep(ON_THREAD) {
            return;
        }
        match timeout {
            Some(timeout) => thread::park_timeout(timeout),
            None => {
                while self.state.load(edge!(P1, Acquire)) == ON_THREAD {
                    thread::park();
                }
            }
        }
        self.awake();
    }

    /// Runs `wait` (the driver's) as this worker's sleep, unless it was called already.
    pub(crate) fn park_on_driver(&self, wait: impl FnOnce()) {
        if self.fall_asleep(ON_DRIVER) {
            wait();
            self.awake();
        }
    }

    /// False if called meanwhile; the call is used up.
    fn fall_asleep(&self, place: usize) -> bool {
        let asleep =
            self.state
                .compare_exchange(EMPTY, place, edge!(P1, AcqRel), edge!(P1, Acquire));
        if asleep.is_err() {
            self.awake();
        }
        asleep.is_ok()
    }

    fn awake(&self) {
        self.state.swap(EMPTY, edge!(P1, Acquire));
    }

    /// Ends the sleep, or keeps the next one from beginning.
    pub(crate) fn unpark(&self, reactor: &Reactor) {
        match self.state.swap(NOTIFIED, edge!(P1, AcqRel)) {
            ON_THREAD => {
                let thread = self.thread.lock().clone();
                if let Some(thread) = thread {
                    thread.unpark();
                }
            }
            ON_DRIVER => reactor.notify(),
            _ => {}
        }
    }
}
