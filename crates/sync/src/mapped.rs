//! Guards that show a part of what another guard shows.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// A part of what a guard of type `G` shows; made by the `map` of that guard.
///
/// A part of a part is a `Mapped<Mapped<G, U>, V>`.
#[doc(alias = "MappedMutexGuard")]
#[doc(alias = "OwnedMappedMutexGuard")]
#[doc(alias = "RwLockMappedWriteGuard")]
#[doc(alias = "OwnedRwLockMappedWriteGuard")]
#[must_use = "it is given back when this is dropped"]
pub struct Mapped<G: Deref<Target: Sized>, U: ?Sized> {
    guard: G,
    get: fn(&G::Target) -> &U,
    get_mut: fn(&mut G::Target) -> &mut U,
}

/// A part of what a guard of type `G` shows, for looking only; made by the `map` of that guard.
#[doc(alias = "OwnedRwLockMappedReadGuard")]
#[must_use = "it is given back when this is dropped"]
pub struct MappedRef<G: Deref<Target: Sized>, U: ?Sized> {
    guard: G,
    get: fn(&G::Target) -> &U,
}

impl<G: Deref<Target: Sized>, U: ?Sized> Mapped<G, U> {
    /// Shows what these two functions make of what the guard shows.
    pub fn new(guard: G, get: fn(&G::Target) -> &U, get_mut: fn(&mut G::Target) -> &mut U) -> Self {
        Self {
            guard,
            get,
            get_mut,
        }
    }

    /// The guard of the whole.
    pub fn into_whole(mapped: Self) -> G {
        mapped.guard
    }
}

impl<G: Deref<Target: Sized>, U: ?Sized> MappedRef<G, U> {
    /// Shows what this function makes of what the guard shows.
    pub fn new(guard: G, get: fn(&G::Target) -> &U) -> Self {
        Self { guard, get }
    }

    /// The guard of the whole.
    pub fn into_whole(mapped: Self) -> G {
        mapped.guard
    }
}

impl<G: Deref<Target: Sized>, U: ?Sized> Deref for Mapped<G, U> {
    type Target = U;

    fn deref(&self) -> &U {
        (self.get)(&self.guard)
    }
}

impl<G: DerefMut<Target: Sized>, U: ?Sized> DerefMut for Mapped<G, U> {
    fn deref_mut(&mut self) -> &mut U {
        (self.get_mut)(&mut self.guard)
    }
}

impl<G: Deref<Target: Sized>, U: ?Sized> Deref for MappedRef<G, U> {
    type Target = U;

    fn deref(&self) -> &U {
        (self.get)(&self.guard)
    }
}

impl<G: Deref<Target: Sized>, U: ?Sized + fmt::Debug> fmt::Debug for Mapped<G, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        U::fmt(self, f)
    }
}

impl<G: Deref<Target: Sized>, U: ?Sized + fmt::Debug> fmt::Debug for MappedRef<G, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        U::fmt(self, f)
    }
}
