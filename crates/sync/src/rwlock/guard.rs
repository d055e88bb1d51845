//! The guards of a reader-writer lock.

use super::RwLock;
use crate::mapped::{Mapped, MappedRef};
use crate::poll::Wakes;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A share of the value of a lock, for looking; given back when this is dropped.
///
/// `L` is how it holds the lock: by `&` in an [`RwLockReadGuard`], by `Arc` in an
/// [`OwnedRwLockReadGuard`].
#[must_use = "it is given back when this is dropped"]
#[clippy::has_significant_drop]
pub struct ReadGuard<L: Deref<Target = RwLock<T>>, T> {
    lock: L,
    /// Some until it is dropped.
    share: Option<Arc<T>>,
}

/// The value of a lock, for changing; given back when this is dropped.
///
/// `L` is how it holds the lock: by `&` in an [`RwLockWriteGuard`], by `Arc` in an
/// [`OwnedRwLockWriteGuard`].
///
/// Each mutable access makes sure that nobody else has a share, which costs about as much as an
/// uncontended lock: where it is used in a loop, borrow once, `let value = &mut *guard`.
#[must_use = "it is given back when this is dropped"]
#[clippy::has_significant_drop]
pub struct WriteGuard<L: Deref<Target = RwLock<T>>, T> {
    lock: L,
    /// Some until it is dropped; no share of it is out.
    value: Option<Arc<T>>,
}

/// A read guard that borrows its lock.
pub type RwLockReadGuard<'a, T> = ReadGuard<&'a RwLock<T>, T>;

/// A read guard that keeps its lock alive.
pub type OwnedRwLockReadGuard<T> = ReadGuard<Arc<RwLock<T>>, T>;

/// A write guard that borrows its lock.
pub type RwLockWriteGuard<'a, T> = WriteGuard<&'a RwLock<T>, T>;

/// A write guard that keeps its lock alive.
pub type OwnedRwLockWriteGuard<T> = WriteGuard<Arc<RwLock<T>>, T>;

impl<L: Deref<Target = RwLock<T>>, T> ReadGuard<L, T> {
    pub(super) fn new(lock: L, share: Arc<T>) -> Self {
        let share = Some(share);
        Self { lock, share }
    }

    /// The lock that the value belongs to, by `&` or by `Arc`.
    #[must_use]
    pub fn rwlock(guard: &Self) -> &L {
        &guard.lock
    }

    /// Shows a part of the value in place of the whole.
    pub fn map<U: ?Sized>(guard: Self, get: fn(&T) -> &U) -> MappedRef<Self, U> {
        MappedRef::new(guard, get)
    }
}

impl<L: Deref<Target = RwLock<T>>, T> WriteGuard<L, T> {
    pub(super) fn new(lock: L, value: Arc<T>) -> Self {
        let value = Some(value);
        Self { lock, value }
    }

    /// The lock that the value belongs to, by `&` or by `Arc`.
    #[must_use]
    pub fn rwlock(guard: &Self) -> &L {
        &guard.lock
    }

    /// Goes on reading: nobody writes in between, and the readers that come next in the line read as
    /// well. A writer that waits is still before those who come after it.
    pub fn downgrade(mut guard: Self) -> ReadGuard<L, T>
    where
        L: Clone,
    {
        let lock = guard.lock.clone();
        let mut wakes = Wakes::default();
        let value = guard.value.take().expect(HAS_IT);
        let share = lock.state.lock().downgrade(value, &mut wakes);
        let reads = ReadGuard::new(lock, share);
        wakes.wake();
        reads
    }

    /// Shows a part of the value in place of the whole.
    ///
    /// It takes two functions, one for looking and one for changing, which run at each access; see
    /// the `map` of a [mutex's guard](crate::mutex::Guard::map).
    pub fn map<U: ?Sized>(
        guard: Self,
        get: fn(&T) -> &U,
        get_mut: fn(&mut T) -> &mut U,
    ) -> Mapped<Self, U> {
        Mapped::new(guard, get, get_mut)
    }
}

const HAS_IT: &str = "a guard has the value until it is dropped";

impl<L: Deref<Target = RwLock<T>>, T> Deref for ReadGuard<L, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.share.as_deref().expect(HAS_IT)
    }
}

impl<L: Deref<Target = RwLock<T>>, T> Deref for WriteGuard<L, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value.as_deref().expect(HAS_IT)
    }
}

impl<L: Deref<Target = RwLock<T>>, T> DerefMut for WriteGuard<L, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        let value = self.value.as_mut().expect(HAS_IT);
        Arc::get_mut(value).expect("no share is out while somebody writes")
    }
}

impl<L: Deref<Target = RwLock<T>>, T> Drop for ReadGuard<L, T> {
    fn drop(&mut self) {
        // The share goes before it is counted out: a writer that follows has the only one.
        self.share = None;
        let mut wakes = Wakes::default();
        self.lock.state.lock().end_read(&mut wakes);
        wakes.wake();
    }
}

impl<L: Deref<Target = RwLock<T>>, T> Drop for WriteGuard<L, T> {
    fn drop(&mut self) {
        let Some(value) = self.value.take() else {
            return; // It was downgraded.
        };
        let mut wakes = Wakes::default();
        self.lock.state.lock().end_write(value, &mut wakes);
        wakes.wake();
    }
}

impl<L: Deref<Target = RwLock<T>>, T: fmt::Debug> fmt::Debug for ReadGuard<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

impl<L: Deref<Target = RwLock<T>>, T: fmt::Debug> fmt::Debug for WriteGuard<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}
