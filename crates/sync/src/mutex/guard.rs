//! The guard of a mutex, which has the value while it lives.

use super::Mutex;
use crate::mapped::Mapped;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// The value of a mutex, given back when this is dropped.
///
/// `M` is how it holds the mutex: by `&` in a [`MutexGuard`], by `Arc` in an [`OwnedMutexGuard`].
#[doc(alias = "release")]
#[must_use = "the value is given back when this is dropped"]
#[clippy::has_significant_drop]
pub struct Guard<M: Deref<Target = Mutex<T>>, T> {
    mutex: M,
    /// Some until it is dropped.
    value: Option<Box<T>>,
}

/// A guard that borrows its mutex.
pub type MutexGuard<'a, T> = Guard<&'a Mutex<T>, T>;

/// A guard that keeps its mutex alive.
pub type OwnedMutexGuard<T> = Guard<Arc<Mutex<T>>, T>;

impl<M: Deref<Target = Mutex<T>>, T> Guard<M, T> {
    pub(super) fn new(mutex: M, value: Box<T>) -> Self {
        let value = Some(value);
        Self { mutex, value }
    }

    /// The mutex that the value belongs to, by `&` or by `Arc`.
    #[must_use]
    pub fn mutex(guard: &Self) -> &M {
        &guard.mutex
    }

    /// Shows a part of the value in place of the whole.
    ///
    /// It takes two functions (or closures that capture nothing), one for looking and one for
    /// changing, which run at each access: a reference that is kept beside what it points into
    /// would need `unsafe`.
    ///
    /// ```
    /// use weftwork_sync::{Mutex, MutexGuard};
    /// # futures::executor::block_on(async {
    /// let pair = Mutex::new((1, "one"));
    /// {
    ///     let mut number = MutexGuard::map(pair.lock().await, |it| &it.0, |it| &mut it.0);
    ///     *number += 1;
    /// }
    /// assert_eq!(pair.lock().await.0, 2);
    /// # });
    /// ```
    pub fn map<U: ?Sized>(
        guard: Self,
        get: fn(&T) -> &U,
        get_mut: fn(&mut T) -> &mut U,
    ) -> Mapped<Self, U> {
        Mapped::new(guard, get, get_mut)
    }
}

impl<M: Deref<Target = Mutex<T>>, T> Deref for Guard<M, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value.as_deref().expect(HAS_IT)
    }
}

impl<M: Deref<Target = Mutex<T>>, T> DerefMut for Guard<M, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_deref_mut().expect(HAS_IT)
    }
}

const HAS_IT: &str = "a guard has the value until it is dropped";

impl<M: Deref<Target = Mutex<T>>, T> Drop for Guard<M, T> {
    #[inline]
    fn drop(&mut self) {
        let next = self.mutex.state.lock().put_back(self.value.take());
        if let Some(next) = next {
            next.wake();
        }
    }
}

impl<M: Deref<Target = Mutex<T>>, T: fmt::Debug> fmt::Debug for Guard<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

impl<M: Deref<Target = Mutex<T>>, T: fmt::Display> fmt::Display for Guard<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}
