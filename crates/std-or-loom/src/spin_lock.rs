//! A lock for critical sections of a few instructions.

use crate::atomic::{AtomicBool, Ordering::Relaxed};
use crate::cell::UnsafeCell;
use crate::edge;
use crate::sleepers::Sleepers;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A mutual exclusion lock for critical sections of a few instructions, in which nothing blocks and
/// no code of a user runs. (The comparisons of a priority queue are the one exception, and its
/// documentation asks them to be short.)
///
/// A lock that threads sleep on has to look for them when it is given back, by a read-modify-write
/// that is as dear as the one that took it, and while they contend for it by a system call. This one
/// is given back by a store. Whoever finds it taken leaves it alone for a while before the next look,
/// each time for longer: the growing pauses are from Anderson, "The Performance of Spin Lock
/// Alternatives for Shared-Memory Multiprocessors" (1990). After a few looks it sleeps, and is woken
/// by the next one who gives the lock back: that one looks for sleepers beside the lock, where a look
/// costs nothing. `docs/performance.md` has what all this saves.
///
/// There is no order among those who want it, as with std's mutex: who is awake comes first. A sleeper
/// whose counting of itself crosses with the giving back is missed by it, and sleeps until the next
/// one gives it back, or for half a millisecond.
///
/// Invariant: `value` is touched by the holder of a guard only, and there is one guard at most:
/// whoever turned `locked` on has it, until it turns it off. Edge `K1` carries the value over.
pub struct SpinLock<T> {
    locked: AtomicBool,
    sleepers: Sleepers,
    value: UnsafeCell<T>,
}

/// The guard of a [`SpinLock`].
pub struct SpinGuard<'a, T> {
    lock: &'a SpinLock<T>,
    /// It stays on its thread, as every guard of a lock.
    here: PhantomData<*const ()>,
}

// SAFETY: the lock hands `&mut T` to one thread at a time, and that may take the value out: as for
// std's mutex, `T: Send` is needed and suffices.
unsafe impl<T: Send> Send for SpinLock<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SpinLock<T> {}
// SAFETY: a shared guard gives `&T` only.
unsafe impl<T: Sync> Sync for SpinGuard<'_, T> {}

// Nothing under the lock is left half done by a panic of a user: no code of theirs runs there, and
// comparisons are contained.
impl<T> UnwindSafe for SpinLock<T> {}
impl<T> RefUnwindSafe for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// Wraps a value.
    #[inline]
    pub fn new(value: T) -> Self {
        Self {
            locked: AtomicBool::new(false),
            sleepers: Sleepers::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock, and waits until it is free.
    #[inline]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        if !self.try_take() {
            self.take_contended();
        }
        SpinGuard {
            lock: self,
            here: PhantomData,
        }
    }

    #[inline]
    fn try_take(&self) -> bool {
        let taken = self
            .locked
            .compare_exchange(false, true, edge!(K1, Acquire), Relaxed);
        taken.is_ok()
    }

    /// Whoever looks takes the cache line away from the holder, who writes what the lock guards
    /// next to it: a waiter that looks all the time makes each of those writes a miss, and the lock
    /// is held several times longer than it needs to be. Hence the pauses.
    #[cold]
    fn take_contended(&self) {
        loop {
            for hints in PAUSES {
                pause(hints);
                if self.take_if_free() {
                    return;
                }
            }
            self.sleepers.sleep_while(|| self.locked.load(Relaxed));
            if self.take_if_free() {
                return;
            }
        }
    }

    /// Looks first: that takes the cache line away from nobody who has the lock.
    fn take_if_free(&self) -> bool {
        !self.locked.load(Relaxed) && self.try_take()
    }

    /// The value, of somebody who has the whole lock.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: nobody else has the lock, let alone a guard.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

/// The pauses before the first looks, in hints to the processor of 20 to 45 ns each on machines of
/// today. In all that is 10 to 20 µs: what it costs to put a thread to sleep and to wake it.
const PAUSES: [u32; 4] = [32, 64, 128, 256];

#[cfg(not(weftwork_loom))]
fn pause(hints: u32) {
    (0..hints).for_each(|_| std::hint::spin_loop());
}

/// There is no time in a model: the others go on.
#[cfg(weftwork_loom)]
fn pause(_hints: u32) {
    crate::thread::yield_now();
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this is the guard (see the invariant).
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the guard (see the invariant).
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.locked.store(false, edge!(K1, Release));
        self.lock.sleepers.wake_one();
    }
}

impl<T: Default> Default for SpinLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for SpinLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinLock").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for SpinGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
