//! A lock for critical sections of a few instructions.

use crate::atomic::{AtomicBool, Ordering::Relaxed};
use crate::cell::UnsafeCell;
use crate::edge;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// A mutual exclusion lock for critical sections of a few instructions, in which nothing blocks and
/// no code of a user runs. (The comparisons of a priority queue are the one exception, and its
/// documentation asks them to be short.)
///
/// A lock that threads sleep on has to look for them when it is given back, by a read-modify-write
/// that is as dear as the one that took it, and while they contend for it by a system call. This one
/// is given back by a store, and wakes nobody: whoever finds it taken leaves it alone for a while
/// before the next look, each time for longer, and in the end sleeps between the looks. So does
/// PostgreSQL (`s_lock.c`); the growing pauses are from Anderson, "The Performance of Spin Lock
/// Alternatives for Shared-Memory Multiprocessors" (1990). `docs/performance.md` has what it saves.
///
/// What it costs: if the holder loses its core, those who want the lock come up to a millisecond
/// late once it has it back. They burn nothing meanwhile. There is no order among them.
///
/// Invariant: `value` is touched by the holder of a guard only, and there is one guard at most:
/// whoever turned `locked` on has it, until it turns it off. Edge `K1` carries the value over.
#[derive(Default)]
pub struct SpinLock<T> {
    locked: AtomicBool,
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

impl<T> SpinLock<T> {
    /// Wraps a value.
    #[inline]
    pub fn new(value: T) -> Self {
        Self {
            locked: AtomicBool::new(false),
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
        let mut looks = 0;
        loop {
            pause(looks);
            looks += 1;
            if !self.locked.load(Relaxed) && self.try_take() {
                return;
            }
        }
    }

    /// The value, of somebody who has the whole lock.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: nobody else has the lock, let alone a guard.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

/// Waits before the look with this number.
#[cfg(not(weftwork_loom))]
fn pause(looks: u32) {
    use std::time::Duration;

    /// So many looks with spinning in between, then it sleeps.
    const SPINS: u32 = 4;
    /// Hints to the processor before the first look; 20 to 45 ns each on machines of today. In all
    /// that is 10 to 20 µs: what it costs to put a thread to sleep and to wake it.
    const FIRST_SPIN: u32 = 32;
    const FIRST_NAP: Duration = Duration::from_micros(50);
    /// The nap doubles so many times.
    const DOUBLINGS: u32 = 4;

    match looks.checked_sub(SPINS) {
        None => (0..FIRST_SPIN << looks).for_each(|_| std::hint::spin_loop()),
        Some(naps) => std::thread::sleep(FIRST_NAP * (1 << naps.min(DOUBLINGS))),
    }
}

/// There is no time in a model: the others go on.
#[cfg(weftwork_loom)]
fn pause(_looks: u32) {
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
