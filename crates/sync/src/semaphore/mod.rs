//! A counting semaphore that serves its waiters strictly first come, first served.

mod acquire;
mod bounded;
mod error;
mod permit;
mod state;

pub use acquire::{Acquire, AcquireOwned};
pub use bounded::BoundedSemaphore;
pub use error::{Closed, OverRelease, TryAcquireError};
pub use permit::{OwnedSemaphorePermit, SemaphorePermit};

use crate::blocking::{BlockingError, block_on, may_block};
use crate::marked::Mark;
use crate::poll::{Guess, Wakes};
use crate::who::{Crowd, Who};
use state::State;
use std::fmt;
use std::sync::Arc;
use weftwork_std_or_loom::Lock;

/// Limits how many tasks do something at once.
///
/// Permits are handed out first come, first served: a permit that comes back is promised to the
/// first waiter at once, and nobody passes a waiter, not even [`try_acquire`](Self::try_acquire)
/// nor somebody who wants fewer permits. A permit comes back when its guard is dropped.
///
/// ```
/// use weftwork_sync::Semaphore;
/// # futures::executor::block_on(async {
/// let semaphore = Semaphore::new(2);
/// let first = semaphore.acquire().await?;
/// let _second = semaphore.acquire().await?;
/// assert!(semaphore.try_acquire().is_err());
/// drop(first);
/// assert_eq!(semaphore.available_permits(), 1);
/// # Ok::<_, weftwork_sync::Closed>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.Semaphore")]
#[doc(alias = "locked")]
pub struct Semaphore {
    state: Lock<State>,
    /// How far the line has been granted.
    mark: Mark,
    /// Do acquirers have to wait?
    waits: Guess,
}

impl Semaphore {
    /// The most permits that a semaphore can have.
    pub const MAX_PERMITS: usize = usize::MAX >> 3;

    /// A semaphore with this many permits.
    ///
    /// # Panics
    /// With more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[must_use]
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        assert_fits(Self::MAX_PERMITS, permits);
        Self {
            state: Lock::new(State::new(permits, Self::MAX_PERMITS)),
            mark: Mark::default(),
            waits: Guess::default(),
        }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`Closed`] if the semaphore is closed, before or while waiting.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the line; a permit that it had been promised
    /// goes to the next waiter.
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `n` permits and takes them all at once.
    ///
    /// Whoever comes later waits behind, also for fewer permits. With `n` of 0 it does not wait.
    /// More permits than there are keep everybody waiting until permits are added.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), which also tells of cancel safety.
    pub fn acquire_many(&self, n: usize) -> Acquire<'_> {
        Acquire::new(self, n)
    }

    /// As [`acquire`](Self::acquire), with a permit that owns its share of the semaphore.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), which also tells of cancel safety.
    pub fn acquire_owned(self: &Arc<Self>) -> AcquireOwned {
        AcquireOwned::new(Arc::clone(self), 1)
    }

    /// As [`acquire_many`](Self::acquire_many), with a permit that owns its share of the
    /// semaphore.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), which also tells of cancel safety.
    pub fn acquire_many_owned(self: &Arc<Self>, n: usize) -> AcquireOwned {
        AcquireOwned::new(Arc::clone(self), n)
    }

    /// Takes a permit if there is one for a newcomer at this moment.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] if it would have to wait, and
    /// [`TryAcquireError::Closed`].
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.state.lock().try_take(1)?;
        Ok(SemaphorePermit::new(self, 1))
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that owns its share of the
    /// semaphore.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.state.lock().try_take(1)?;
        Ok(OwnedSemaphorePermit::new(Arc::clone(self), 1))
    }

    /// Takes `n` permits at once if they are there for a newcomer at this moment.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_many(&self, n: usize) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.state.lock().try_take(n)?;
        Ok(SemaphorePermit::new(self, n))
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), with a permit that owns its share of the
    /// semaphore.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_many_owned(
        self: &Arc<Self>,
        n: usize,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.state.lock().try_take(n)?;
        Ok(OwnedSemaphorePermit::new(Arc::clone(self), n))
    }

    /// Waits for a permit on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`BlockingError::Failed`] if the semaphore is closed, and [`BlockingError::Refused`] on a
    /// worker thread or on the callback lane of a weftwork runtime, always.
    #[doc(alias = "acquire_blocking")]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, BlockingError<Closed>> {
        may_block(())?;
        block_on(self.acquire()).map_err(BlockingError::Failed)
    }

    /// Adds permits, for the waiters first. asyncio's `release` by somebody who acquired none.
    ///
    /// # Panics
    /// If there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS), taken ones included;
    /// nothing is added then.
    #[doc(alias = "release")]
    #[track_caller]
    pub fn add_permits(&self, n: usize) {
        let added = self.state.lock().add(&self.mark, n);
        match added {
            Ok(wakes) => wakes.wake(),
            Err(room) => assert_fits(room, n),
        }
    }

    /// Takes up to `n` free permits out for good, and says how many. For those that somebody has,
    /// see [`SemaphorePermit::forget`].
    pub fn forget_permits(&self, n: usize) -> usize {
        self.state.lock().forget_free(n)
    }

    /// Closes it: whoever waits, and whoever comes later, gets [`Closed`]. Permits that were
    /// taken or promised stay good.
    pub fn close(&self) {
        let mut wakes = Wakes::default();
        {
            let mut state = self.state.lock();
            state.closed = true;
            state.waiters.refuse_all(&mut wakes);
        }
        wakes.wake();
    }

    /// True once [`close`](Self::close) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// How many permits nobody has and nobody has been promised.
    ///
    /// [`try_acquire`](Self::try_acquire) may fail all the same, because somebody in the line
    /// waits for more of them.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.state.lock().permits
    }

    /// Who waits at this moment, the first one first. Those who have what they waited for, and have
    /// not run since, do not.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.state.lock().waiters.who()
    }

    /// Takes `n` permits back.
    fn release(&self, n: usize) {
        let wakes = {
            let mut state = self.state.lock();
            state.permits += n;
            state.grant(&self.mark)
        };
        wakes.wake();
    }

    /// `n` taken permits will not come back.
    fn forget(&self, n: usize) {
        self.state.lock().total -= n;
    }
}

#[track_caller]
fn assert_fits(room: usize, n: usize) {
    assert!(
        n <= room,
        "a semaphore that has room for {room} more permits cannot have {n}: the limit, taken ones \
         included, is Semaphore::MAX_PERMITS, or what a BoundedSemaphore began with"
    );
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (permits, closed, waiters) = {
            let state = self.state.lock();
            (state.permits, state.closed, Crowd(state.waiters.who()))
        };
        f.debug_struct("Semaphore")
            .field("available_permits", &permits)
            .field("closed", &closed)
            .field("waiters", &waiters)
            .finish_non_exhaustive()
    }
}
