//! A semaphore that knows how many permits it began with.

use super::state::State;
use super::{
    Acquire, AcquireOwned, Closed, OverRelease, OwnedSemaphorePermit, Semaphore, SemaphorePermit,
    TryAcquireError, assert_fits,
};
use crate::blocking::BlockingError;
use crate::marked::Mark;
use crate::poll::Guess;
use crate::who::Who;
use std::fmt;
use std::sync::Arc;
use weftwork_std_or_loom::Lock;

/// A [`Semaphore`] that never has more permits than it began with: releasing too often is an error.
///
/// Permits come back by themselves when they are dropped, and then there is nothing to count. Only
/// where a permit is [forgotten](SemaphorePermit::forget), because something else is to give
/// it back, [`release`](Self::release) does so, and finds mistakes.
///
/// ```
/// use weftwork_sync::BoundedSemaphore;
/// # futures::executor::block_on(async {
/// let semaphore = BoundedSemaphore::new(2);
/// semaphore.acquire().await?.forget();
/// assert_eq!(semaphore.release(1), Ok(()));
/// // Nothing is missing any more.
/// let error = semaphore.release(1).unwrap_err();
/// assert_eq!((error.released, error.missing), (1, 0));
/// assert_eq!(semaphore.available_permits(), 2);
/// # Ok::<_, weftwork_sync::Closed>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.BoundedSemaphore")]
pub struct BoundedSemaphore {
    semaphore: Arc<Semaphore>,
}

impl BoundedSemaphore {
    /// A semaphore with this many permits, and never more.
    ///
    /// # Panics
    /// With more than [`Semaphore::MAX_PERMITS`].
    #[must_use]
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        assert_fits(Semaphore::MAX_PERMITS, permits);
        let state = Lock::new(State::new(permits, permits));
        let semaphore = Arc::new(Semaphore {
            state,
            mark: Mark::default(),
            waits: Guess::default(),
        });
        Self { semaphore }
    }

    /// See [`Semaphore::acquire`], also on cancel safety.
    ///
    /// # Errors
    /// [`Closed`] if the semaphore is closed, before or while waiting.
    pub fn acquire(&self) -> Acquire<'_> {
        self.semaphore.acquire()
    }

    /// See [`Semaphore::acquire_many`]. More than it began with will never be there: that waits
    /// until it is closed, and holds up everybody behind it.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn acquire_many(&self, n: usize) -> Acquire<'_> {
        self.semaphore.acquire_many(n)
    }

    /// See [`Semaphore::acquire_owned`]. The semaphore need not be in an `Arc`.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn acquire_owned(&self) -> AcquireOwned {
        self.semaphore.acquire_owned()
    }

    /// See [`Semaphore::acquire_many_owned`].
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn acquire_many_owned(&self, n: usize) -> AcquireOwned {
        self.semaphore.acquire_many_owned(n)
    }

    /// See [`Semaphore::try_acquire`].
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] if it would have to wait, and
    /// [`TryAcquireError::Closed`].
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.semaphore.try_acquire()
    }

    /// See [`Semaphore::try_acquire_owned`].
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(&self) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.semaphore.try_acquire_owned()
    }

    /// See [`Semaphore::blocking_acquire`].
    ///
    /// # Errors
    /// [`BlockingError::Failed`] if the semaphore is closed, and [`BlockingError::Refused`] on a
    /// worker thread or on the callback lane of a weftwork runtime, always.
    #[doc(alias = "acquire_blocking")]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, BlockingError<Closed>> {
        self.semaphore.blocking_acquire()
    }

    /// Gives back `n` permits that were forgotten, for the waiters first.
    ///
    /// # Errors
    /// [`OverRelease`] if fewer are missing: those that somebody holds, or has been promised, are
    /// not. Nothing is given back then.
    pub fn release(&self, n: usize) -> Result<(), OverRelease> {
        let added = self.semaphore.state.lock().add(&self.semaphore.mark, n);
        let wakes = added.map_err(|missing| OverRelease {
            released: n,
            missing,
        })?;
        wakes.wake();
        Ok(())
    }

    /// See [`Semaphore::close`].
    pub fn close(&self) {
        self.semaphore.close();
    }

    /// See [`Semaphore::is_closed`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.semaphore.is_closed()
    }

    /// See [`Semaphore::available_permits`].
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.semaphore.available_permits()
    }

    /// See [`Semaphore::waiters`].
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.semaphore.waiters()
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("semaphore", &self.semaphore)
            .finish_non_exhaustive()
    }
}
