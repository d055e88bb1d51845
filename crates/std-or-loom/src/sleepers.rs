//! Where the threads sleep that wait for a [`SpinLock`](crate::SpinLock).

#[cfg(weftwork_loom)]
pub(crate) use in_a_model::Sleepers;
#[cfg(not(weftwork_loom))]
pub(crate) use of_std::Sleepers;

#[cfg(not(weftwork_loom))]
mod of_std {
    use crate::atomic::{AtomicU32, Ordering::Relaxed};
    use crate::{Condvar, Mutex};
    use std::time::Duration;

    /// Nobody sleeps for longer without a look.
    const LIMIT: Duration = Duration::from_micros(500);

    /// The threads that sleep for a lock.
    ///
    /// Whoever gives the lock back looks for sleepers after that, with no fence in between, and so may
    /// miss one who is about to fall asleep. That one sleeps until the next one looks, or for
    /// [`LIMIT`]: it costs time, and nothing is ever lost.
    pub(crate) struct Sleepers {
        count: AtomicU32,
        gate: Mutex<()>,
        bell: Condvar,
    }

    impl Sleepers {
        pub(crate) const fn new() -> Self {
            Self {
                count: AtomicU32::new(0),
                gate: Mutex::new(()),
                bell: Condvar::new(),
            }
        }

        /// Sleeps until somebody wakes it, unless the lock is free by now.
        pub(crate) fn sleep_while(&self, is_taken: impl FnOnce() -> bool) {
            self.count.fetch_add(1, Relaxed);
            let gate = self.gate.lock();
            if is_taken() {
                drop(self.bell.wait_timeout(gate, LIMIT));
            }
            self.count.fetch_sub(1, Relaxed);
        }

        /// Wakes one if there are any.
        #[inline]
        pub(crate) fn wake_one(&self) {
            if self.count.load(Relaxed) != 0 {
                self.ring();
            }
        }

        #[cold]
        fn ring(&self) {
            // Whoever has counted itself and has the gate sleeps by now, or has seen the lock free.
            drop(self.gate.lock());
            self.bell.notify_one();
        }
    }
}

#[cfg(weftwork_loom)]
mod in_a_model {
    /// Nobody sleeps in a model: there is no time, and whoever looks in vain lets the others go on.
    pub(crate) struct Sleepers;

    impl Sleepers {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) fn sleep_while(&self, _is_taken: impl FnOnce() -> bool) {
            crate::thread::yield_now();
        }

        pub(crate) fn wake_one(&self) {}
    }
}
