//! A lock around a value, held across awaits, that serves its waiters first come, first served.

mod guard;
mod lock;
mod state;

pub use guard::{Guard, MutexGuard, OwnedMutexGuard};
pub use lock::Lock;

use crate::blocking::{Refused, block_on, may_block};
use crate::who::{Crowd, Who};
use state::State;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use weftwork_std_or_loom as imp;

/// A value that one task at a time has, also across awaits.
///
/// It is fair: a guard that is dropped promises the value to the first waiter at once, and nobody
/// passes a waiter, not even [`try_lock`](Self::try_lock).
///
/// There is no poisoning. A panic while somebody holds a guard gives the value back as it is, as a
/// cancel does, which can strike at any await and about which poisoning would say nothing. Where a
/// value must not be seen half-changed, change it without an await in between.
///
/// The value lies in a box of its own, which moves into the guard and back: so a guard needs no
/// `unsafe`, may be sent to other threads, and its cost does not depend on the size of the value.
///
/// ```
/// use weftwork_sync::Mutex;
/// # futures::executor::block_on(async {
/// let words = Mutex::new(vec!["a"]);
/// {
///     let mut words = words.lock().await;
///     words.push("b");
/// }
/// assert_eq!(words.into_inner(), ["a", "b"]);
/// # });
/// ```
#[doc(alias = "asyncio.Lock")]
#[doc(alias = "Lock")]
pub struct Mutex<T> {
    state: imp::Lock<State<T>>,
}

/// [`Mutex::try_lock`] gave nothing: somebody has the value, or was promised it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "TryLockError")]
pub struct Locked;

impl<T> Mutex<T> {
    /// A mutex around a value.
    #[must_use]
    pub fn new(value: T) -> Self {
        let state = imp::Lock::new(State::new(Box::new(value)));
        Self { state }
    }

    /// As [`new`](Self::new), of a mutex that remembers which task has it, for
    /// [`holder`](Self::holder). Each lock then costs some nanoseconds more.
    ///
    /// ```
    /// use weftwork_sync::{Mutex, Who};
    /// let mutex = Mutex::tracked(1);
    /// assert_eq!(mutex.holder(), None);
    /// let guard = mutex.try_lock()?;
    /// // In a task of weftwork, this is `Who::Task` with its number.
    /// assert_eq!(mutex.holder(), Some(Who::Unknown));
    /// # drop(guard);
    /// # Ok::<_, weftwork_sync::mutex::Locked>(())
    /// ```
    #[must_use]
    pub fn tracked(value: T) -> Self {
        let mut mutex = Self::new(value);
        mutex.state.get_mut().track();
        mutex
    }

    /// Waits for the value.
    ///
    /// A task that has the guard already and waits for another one waits for ever.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the line; if it had been promised the value, that
    /// goes to the next waiter.
    #[doc(alias = "acquire")]
    pub fn lock(&self) -> Lock<&Self, T> {
        Lock::new(self)
    }

    /// As [`lock`](Self::lock), with a guard that owns its share of the mutex.
    ///
    /// # Cancel safety
    /// As [`lock`](Self::lock).
    pub fn lock_owned(self: &Arc<Self>) -> Lock<Arc<Self>, T> {
        Lock::new(Arc::clone(self))
    }

    /// Takes the value if it is there for a newcomer at this moment.
    ///
    /// # Errors
    /// [`Locked`] if it would have to wait.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, Locked> {
        let value = self.state.lock().try_take().ok_or(Locked)?;
        Ok(Guard::new(self, value))
    }

    /// As [`try_lock`](Self::try_lock), with a guard that owns its share of the mutex.
    ///
    /// # Errors
    /// As [`try_lock`](Self::try_lock).
    pub fn try_lock_owned(self: &Arc<Self>) -> Result<OwnedMutexGuard<T>, Locked> {
        let value = self.state.lock().try_take().ok_or(Locked)?;
        Ok(Guard::new(Arc::clone(self), value))
    }

    /// Waits for the value on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`Refused`] on a worker thread or on the callback lane of a weftwork runtime, always.
    pub fn blocking_lock(&self) -> Result<MutexGuard<'_, T>, Refused> {
        may_block(())?;
        Ok(block_on(self.lock()))
    }

    /// True if a newcomer would have to wait at this moment.
    #[must_use]
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        !self.state.lock().is_free()
    }

    /// Who has the value at this moment: the task that was polled when it got it, if the mutex is
    /// [`tracked`](Self::tracked). `None` if nobody has it.
    #[must_use]
    #[doc(alias = "owner")]
    pub fn holder(&self) -> Option<Who> {
        self.state.lock().holder()
    }

    /// Who waits at this moment, the first one first. Somebody who was promised the value, and has
    /// not run since, does not.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.state.lock().waiters()
    }

    /// The value, of somebody who has the whole mutex: nobody else can hold a guard.
    ///
    /// # Panics
    /// If a guard was leaked (`mem::forget`): the value is gone with it.
    pub fn get_mut(&mut self) -> &mut T {
        let value = self.state.get_mut().value();
        value.as_deref_mut().expect(LEAKED)
    }

    /// Takes the mutex apart.
    ///
    /// # Panics
    /// If a guard was leaked (`mem::forget`): the value is gone with it.
    #[must_use]
    pub fn into_inner(mut self) -> T {
        *self.state.get_mut().value().take().expect(LEAKED)
    }
}

const LEAKED: &str = "the value of this mutex went with a guard that was leaked";

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (locked, holder, waiters) = {
            let state = self.state.lock();
            (!state.is_free(), state.holder(), Crowd(state.waiters()))
        };
        let mut shown = f.debug_struct("Mutex");
        shown.field("locked", &locked);
        if let Some(Who::Task(id)) = holder {
            shown.field("holder", &format_args!("{}", Who::Task(id)));
        }
        shown.field("waiters", &waiters).finish_non_exhaustive()
    }
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("locked at this moment: await the lock to wait in the line")
    }
}

impl Error for Locked {}
