//! A mutex and a condition variable without poisoning: a panic in user code is contained
//! before it can reach a lock of ours, and what our locks guard stays consistent.

#[cfg(weftwork_loom)]
use crate::__checker::sync as imp;
#[cfg(not(weftwork_loom))]
#[allow(
    clippy::disallowed_types,
    reason = "this is the one place that may name them"
)]
use std::sync as imp;
use std::sync::PoisonError;
use std::time::Duration;

/// The guard of a [`Mutex`].
pub type MutexGuard<'a, T> = imp::MutexGuard<'a, T>;

/// A mutual exclusion lock that ignores poisoning.
#[allow(clippy::disallowed_types, reason = "the wrapper itself")]
#[derive(Debug, Default)]
pub struct Mutex<T>(imp::Mutex<T>);

#[allow(clippy::disallowed_types, reason = "the wrapper itself")]
impl<T> Mutex<T> {
    /// Wraps a value.
    #[cfg(not(weftwork_loom))]
    pub const fn new(value: T) -> Self {
        Self(imp::Mutex::new(value))
    }

    /// Wraps a value.
    #[cfg(weftwork_loom)]
    pub fn new(value: T) -> Self {
        Self(imp::Mutex::new(value))
    }

    /// Takes the lock, blocking the thread until it is free.
    #[inline]
    #[cfg_attr(weftwork_loom, track_caller)]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, of somebody who has the whole lock.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A condition variable that ignores poisoning.
#[allow(clippy::disallowed_types, reason = "the wrapper itself")]
#[derive(Debug, Default)]
pub struct Condvar(imp::Condvar);

#[allow(clippy::disallowed_types, reason = "the wrapper itself")]
impl Condvar {
    /// A condition variable with no waiter.
    #[cfg(not(weftwork_loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self(imp::Condvar::new())
    }

    /// A condition variable with no waiter.
    #[cfg(weftwork_loom)]
    #[must_use]
    pub fn new() -> Self {
        Self(imp::Condvar::new())
    }

    /// Gives the lock back, waits for a notification and takes the lock again.
    #[cfg_attr(weftwork_loom, track_caller)]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`wait`](Self::wait), at most for `timeout`. Under loom it does not wait at all:
    /// there is no time in a model.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> MutexGuard<'a, T> {
        #[cfg(weftwork_loom)]
        {
            let _ = timeout;
            guard
        }
        #[cfg(not(weftwork_loom))]
        {
            self.0
                .wait_timeout(guard, timeout)
                .unwrap_or_else(PoisonError::into_inner)
                .0
        }
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
