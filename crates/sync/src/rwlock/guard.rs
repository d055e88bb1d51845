//! The guards of a reader-writer lock.

use super::RwLock;
use super::state::Turn;
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
    /// Among those who hold the lock.
    holder: usize,
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
    /// Among those who hold the lock.
    holder: usize,
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
    pub(super) fn new(lock: L, turn: Turn<T>) -> Self {
        Self {
            lock,
            share: Some(turn.value),
            holder: turn.holder,
        }
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
    pub(super) fn new(lock: L, turn: Turn<T>) -> Self {
        Self {
            lock,
            value: Some(turn.value),
            holder: turn.holder,
        }
    }

    /// What is to be given back, once.
    fn turn(&mut self) -> Option<Turn<T>> {
        let holder = self.holder;
        self.value.take().map(|value| Turn { value, holder })
    }

    /// The lock that the value belongs to, by `&` or by `Arc`.
    #[must_use]
    pub fn rwlock(guard: &Self) -> &L {
        &guard.lock
    }

    /// Goes on reading: nobody writes in between, and the readers that come next in the line read
    /// as well. A writer that waits is still before those who come after it.
    pub fn downgrade(mut guard: Self) -> ReadGuard<L, T>
    where
        L: Clone,
    {
        let lock = guard.lock.clone();
        let mut wakes = Wakes::default();
        let turn = guard.turn().expect(HAS_IT);
        let turn = lock.state.lock().downgrade(turn, &mut wakes);
        let reads = ReadGuard::new(lock, turn);
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
        self.lock.state.lock().end_read(self.holder, &mut wakes);
        wakes.wake();
    }
}

impl<L: Deref<Target = RwLock<T>>, T> Drop for WriteGuard<L, T> {
    fn drop(&mut self) {
        let Some(turn) = self.turn() else {
            return; // It was downgraded.
        };
        let mut wakes = Wakes::default();
        self.lock.state.lock().end_write(turn, &mut wakes);
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
