//! A cell that is initialised once, by an async function.

use crate::semaphore::Semaphore;
use crate::who::{Crowd, Who};
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::OnceLock;
use weftwork_std_or_loom::Lock;
use weftwork_task_context::delivering;

/// A value that the first one who needs it makes, while the others wait.
///
/// An initialiser that fails, panics or is cancelled leaves the cell empty, and the next one
/// who waits tries its own.
///
/// ```
/// use weftwork_sync::OnceCell;
/// # futures::executor::block_on(async {
/// let cell = OnceCell::new();
/// let failed: Result<_, &str> = cell.get_or_try_init(|| async { Err("not now") }).await;
/// assert_eq!(failed, Err("not now"));
/// assert_eq!(cell.get_or_init(|| async { 42 }).await, &42);
/// assert_eq!(cell.get_or_init(|| async { 43 }).await, &42);
/// # });
/// ```
#[doc(alias = "OnceLock")]
pub struct OnceCell<T> {
    value: OnceLock<T>,
    /// The permit to initialise; closed once the value is there.
    turn: Semaphore,
    /// Who has that permit in a `get_or_init`.
    initializer: Lock<Option<Who>>,
}

/// [`OnceCell::set`] set nothing; with the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SetError<T> {
    /// There is a value already.
    AlreadySet(T),
    /// An initialiser runs at this moment, or waits for its turn.
    Initializing(T),
}

impl<T> OnceCell<T> {
    /// A cell without a value.
    #[must_use]
    pub fn new() -> Self {
        let value = OnceLock::new();
        let turn = Semaphore::new(1);
        let initializer = Lock::new(None);
        Self {
            value,
            turn,
            initializer,
        }
    }

    /// The value; or that of `init`, which runs if there is none and nobody else makes one.
    ///
    /// One initialiser runs at a time, in the order in which they came. An initialiser that waits
    /// for its own cell waits for ever.
    ///
    /// # Cancel safety
    /// A future that is dropped drops its initialiser with it; the next one who waits runs its own.
    pub async fn get_or_init<F>(&self, init: impl FnOnce() -> F) -> &T
    where
        F: Future<Output = T>,
    {
        let made: Result<&T, Infallible> =
            self.get_or_try_init(|| async { Ok(init().await) }).await;
        match made {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// As [`get_or_init`](Self::get_or_init), with an initialiser that can fail.
    ///
    /// # Errors
    /// That of `init`; the cell stays empty.
    ///
    /// # Cancel safety
    /// As [`get_or_init`](Self::get_or_init).
    pub async fn get_or_try_init<E, F>(&self, init: impl FnOnce() -> F) -> Result<&T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        // In a poll that delivers a cancel, the turn declines for a value that is there as well.
        if (self.value.get().is_none() || delivering())
            && let Ok(turn) = self.turn.acquire().await
        {
            let known = Initializes::new(&self.initializer);
            let value = init().await?;
            self.settle(value);
            drop((known, turn));
        }
        Ok(self.value.get().expect("it is set before it is closed"))
    }

    /// The value, if it is there.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, of somebody who has the whole cell.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value.
    ///
    /// # Errors
    /// [`SetError`] with the value, if there is one, or if somebody is making one.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        let Ok(turn) = self.turn.try_acquire() else {
            return Err(match self.value.get() {
                Some(_) => SetError::AlreadySet(value),
                None => SetError::Initializing(value),
            });
        };
        self.settle(value);
        drop(turn);
        Ok(())
    }

    /// True if the value is there.
    #[must_use]
    #[doc(alias = "initialized")]
    pub fn is_set(&self) -> bool {
        self.value.get().is_some()
    }

    /// Who makes the value at this moment: the task that runs its initialiser.
    #[must_use]
    pub fn initializer(&self) -> Option<Who> {
        *self.initializer.lock()
    }

    /// Who waits at this moment for the value that somebody else makes, the first one first.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.turn.waiters()
    }

    /// Takes the cell apart.
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// With the turn taken: sets the value, and ends every wait.
    fn settle(&self, value: T) {
        let first = self.value.set(value).is_ok();
        debug_assert!(first, "only who has the turn sets it");
        self.turn.close();
    }
}

/// Says who makes the value, until it ends or gives up.
struct Initializes<'a>(&'a Lock<Option<Who>>);

impl<'a> Initializes<'a> {
    fn new(initializer: &'a Lock<Option<Who>>) -> Self {
        *initializer.lock() = Some(Who::is_here());
        Self(initializer)
    }
}

impl Drop for Initializes<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

impl<T> SetError<T> {
    /// The value that was not set.
    pub fn into_inner(self) -> T {
        match self {
            Self::AlreadySet(value) | Self::Initializing(value) => value,
        }
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        let cell = Self::new();
        cell.settle(value);
        cell
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell")
            .field("value", &self.value.get())
            .field("initializer", &self.initializer())
            .field("waiters", &Crowd(self.waiters()))
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySet(_) => "AlreadySet(..)",
            Self::Initializing(_) => "Initializing(..)",
        })
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySet(_) => "the cell has a value already",
            Self::Initializing(_) => {
                "the value of the cell is being made: `get_or_init` waits for it"
            }
        })
    }
}

impl<T> Error for SetError<T> {}
