//! A lock that many readers share or one writer has, first come, first served.

mod acquire;
mod guard;
mod state;

pub use acquire::{Read, Write};
pub use guard::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, ReadGuard, RwLockReadGuard, RwLockWriteGuard,
    WriteGuard,
};

use crate::blocking::{Refused, block_on, may_block};
use crate::mutex::Locked;
use crate::who::{Crowd, Who};
use state::{State, Wish};
use std::fmt;
use std::sync::Arc;
use weftwork_std_or_loom::Lock;

/// A value that many tasks read at once, or one changes, also across awaits.
///
/// It is fair, in one line: a reader that comes after a writer waits behind it, even while others
/// read, so no writer waits for ever; and the readers between two writers read at once. So a task
/// that reads and waits to read again can wait for ever, if a writer came in between.
///
/// There is no poisoning, for the reasons that [`Mutex`](crate::Mutex) gives.
///
/// The value lies in an [`Arc`], of which readers have shares: so no guard needs `unsafe`.
///
/// ```
/// use weftwork_sync::{RwLock, RwLockWriteGuard};
/// # futures::executor::block_on(async {
/// let lock = RwLock::new(1);
/// {
///     let (a, b) = (lock.read().await, lock.read().await);
///     assert_eq!(*a + *b, 2);
///     assert!(lock.try_write().is_err());
/// }
/// let mut writes = lock.write().await;
/// *writes += 1;
/// let reads = RwLockWriteGuard::downgrade(writes);
/// assert_eq!((*reads, *lock.read().await), (2, 2));
/// # });
/// ```
pub struct RwLock<T> {
    state: Lock<State<T>>,
}

impl<T> RwLock<T> {
    /// A lock around a value.
    #[must_use]
    pub fn new(value: T) -> Self {
        let state = Lock::new(State::new(value));
        Self { state }
    }

    /// As [`new`](Self::new), of a lock that remembers which tasks read and write, for
    /// [`holders`](Self::holders). Each turn then costs some nanoseconds more.
    ///
    /// ```
    /// use weftwork_sync::{RwLock, Who};
    /// # futures::executor::block_on(async {
    /// let lock = RwLock::tracked(1);
    /// let (a, b) = (lock.read().await, lock.read().await);
    /// // In tasks of weftwork, these are `Who::Task` with their numbers.
    /// assert_eq!(lock.holders(), [Who::Unknown; 2]);
    /// # drop((a, b));
    /// # });
    /// ```
    #[must_use]
    pub fn tracked(value: T) -> Self {
        let mut lock = Self::new(value);
        lock.state.get_mut().track();
        lock
    }

    /// Waits until nobody writes and nobody waits who came before.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the line, and what it had been promised.
    pub fn read(&self) -> Read<&Self, T> {
        Read::new(self)
    }

    /// As [`read`](Self::read), with a guard that owns its share of the lock.
    ///
    /// # Cancel safety
    /// As [`read`](Self::read).
    pub fn read_owned(self: &Arc<Self>) -> Read<Arc<Self>, T> {
        Read::new(Arc::clone(self))
    }

    /// Waits until nobody reads or writes and nobody waits who came before.
    ///
    /// # Cancel safety
    /// As [`read`](Self::read); readers that waited behind it have their turn at once if they can.
    pub fn write(&self) -> Write<&Self, T> {
        Write::new(self)
    }

    /// As [`write`](Self::write), with a guard that owns its share of the lock.
    ///
    /// # Cancel safety
    /// As [`write`](Self::write).
    pub fn write_owned(self: &Arc<Self>) -> Write<Arc<Self>, T> {
        Write::new(Arc::clone(self))
    }

    /// Reads if a newcomer may at this moment.
    ///
    /// # Errors
    /// [`Locked`] if it would have to wait.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, Locked> {
        let share = self.state.lock().try_take(Wish::Read).ok_or(Locked)?;
        Ok(ReadGuard::new(self, share))
    }

    /// As [`try_read`](Self::try_read), with a guard that owns its share of the lock.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    pub fn try_read_owned(self: &Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, Locked> {
        let share = self.state.lock().try_take(Wish::Read).ok_or(Locked)?;
        Ok(ReadGuard::new(Arc::clone(self), share))
    }

    /// Writes if a newcomer may at this moment.
    ///
    /// # Errors
    /// [`Locked`] if it would have to wait.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, Locked> {
        let value = self.state.lock().try_take(Wish::Write).ok_or(Locked)?;
        Ok(WriteGuard::new(self, value))
    }

    /// As [`try_write`](Self::try_write), with a guard that owns its share of the lock.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    pub fn try_write_owned(self: &Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, Locked> {
        let value = self.state.lock().try_take(Wish::Write).ok_or(Locked)?;
        Ok(WriteGuard::new(Arc::clone(self), value))
    }

    /// Waits to read, on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`Refused`] on a worker thread or on the callback lane of a weftwork runtime, always.
    pub fn blocking_read(&self) -> Result<RwLockReadGuard<'_, T>, Refused> {
        may_block(())?;
        Ok(block_on(self.read()))
    }

    /// Waits to write, on a thread that runs no tasks.
    ///
    /// # Errors
    /// As [`blocking_read`](Self::blocking_read).
    pub fn blocking_write(&self) -> Result<RwLockWriteGuard<'_, T>, Refused> {
        may_block(())?;
        Ok(block_on(self.write()))
    }

    /// Who reads or writes at this moment, in no order: the tasks that were polled when they got
    /// their turn. Nobody, if the lock is not [`tracked`](Self::tracked).
    #[must_use]
    #[doc(alias = "owner")]
    pub fn holders(&self) -> Vec<Who> {
        self.state.lock().holders()
    }

    /// Who waits at this moment, the first one first. Those who were promised their turn, and have not
    /// run since, do not.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.state.lock().waiters()
    }

    /// The value, of somebody who has the whole lock: nobody else can hold a guard.
    ///
    /// # Panics
    /// If a guard was leaked (`mem::forget`): the value, or a share of it, is gone with it.
    pub fn get_mut(&mut self) -> &mut T {
        let value = self.state.get_mut().value();
        value.as_mut().and_then(Arc::get_mut).expect(LEAKED)
    }

    /// Takes the lock apart.
    ///
    /// # Panics
    /// If a guard was leaked (`mem::forget`): the value, or a share of it, is gone with it.
    #[must_use]
    pub fn into_inner(mut self) -> T {
        let value = self.state.get_mut().value().take();
        value.and_then(Arc::into_inner).expect(LEAKED)
    }
}

const LEAKED: &str = "the value of this lock went with a guard that was leaked";

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((readers, writing), holders, waiters) = {
            let state = self.state.lock();
            (state.users(), state.holders(), Crowd(state.waiters()))
        };
        let mut shown = f.debug_struct("RwLock");
        shown.field("readers", &readers).field("writing", &writing);
        if !holders.is_empty() {
            shown.field("holders", &Crowd(holders));
        }
        shown.field("waiters", &waiters).finish_non_exhaustive()
    }
}
