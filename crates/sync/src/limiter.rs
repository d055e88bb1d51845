//! A semaphore that knows who has its permits.

use crate::blocking::{Refused, block_on, may_block};
use crate::semaphore::{AcquireOwned, OwnedSemaphorePermit, Semaphore};
use crate::who::{Crowd, Who};
use slab::Slab;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use weftwork_std_or_loom::Lock;

/// A [`Semaphore`] that knows who has its tokens, for what has to be looked at while it runs: a pool
/// of connections that is used up, and by whom.
///
/// It is as fair. Knowing costs a second lock with each token; where nobody looks, take a
/// semaphore. A task may have several tokens, and is named as often (trio and anyio refuse it a
/// second one). A token that is sent to another task stays that of who borrowed it. How many tokens
/// there are does not change.
///
/// ```
/// use weftwork_sync::{CapacityLimiter, Who};
/// # use std::pin::pin;
/// # futures::executor::block_on(async {
/// let limiter = CapacityLimiter::new(1);
/// let token = limiter.acquire().await;
/// let mut waits = pin!(limiter.acquire());
/// assert!(futures::poll!(&mut waits).is_pending());
/// let seen = limiter.statistics();
/// // In tasks of weftwork, these are `Who::Task` with their numbers.
/// assert_eq!((seen.borrowers, seen.waiters), (vec![Who::Unknown], vec![Who::Unknown]));
/// drop(token);
/// drop(waits.await);
/// assert_eq!(limiter.available_tokens(), 1);
/// # });
/// ```
#[doc(alias = "anyio.CapacityLimiter")]
#[doc(alias = "trio.CapacityLimiter")]
pub struct CapacityLimiter {
    semaphore: Arc<Semaphore>,
    borrowers: Lock<Slab<Who>>,
    total: usize,
}

/// A token of a [`CapacityLimiter`], given back when this is dropped.
///
/// `L` is how it holds the limiter: by `&` or by `Arc`.
#[must_use = "the token is given back when this is dropped"]
#[clippy::has_significant_drop]
pub struct Token<L: Deref<Target = CapacityLimiter>> {
    limiter: L,
    borrower: usize,
    /// Goes back after the borrower is forgotten.
    _permit: OwnedSemaphorePermit,
}

/// Waits for a token; see [`CapacityLimiter::acquire`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Borrow<L: Deref<Target = CapacityLimiter>> {
    limiter: L,
    acquire: AcquireOwned,
}

/// What a [`CapacityLimiter`] looked like; see [`CapacityLimiter::statistics`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "CapacityLimiterStatistics")]
pub struct Statistics {
    /// How many tokens there are.
    pub total_tokens: usize,
    /// Who has one, in no order.
    pub borrowers: Vec<Who>,
    /// Who waits for one, the first one first.
    #[doc(alias = "tasks_waiting")]
    pub waiters: Vec<Who>,
}

/// [`CapacityLimiter::try_acquire`] gave nothing: no token is free for a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "WouldBlock")]
pub struct NoTokens;

impl CapacityLimiter {
    /// A limiter with this many tokens.
    ///
    /// # Panics
    /// With more than [`Semaphore::MAX_PERMITS`].
    #[must_use]
    #[track_caller]
    pub fn new(total_tokens: usize) -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(total_tokens)),
            borrowers: Lock::new(Slab::new()),
            total: total_tokens,
        }
    }

    /// Waits for a token. The task that is polled when it comes is its borrower.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the line; a token that it had been promised goes
    /// to the next waiter.
    pub fn acquire(&self) -> Borrow<&Self> {
        Borrow::new(self)
    }

    /// As [`acquire`](Self::acquire), with a token that owns its share of the limiter.
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    pub fn acquire_owned(self: &Arc<Self>) -> Borrow<Arc<Self>> {
        Borrow::new(Arc::clone(self))
    }

    /// Takes a token if there is one for a newcomer at this moment.
    ///
    /// # Errors
    /// [`NoTokens`] if it would have to wait.
    #[doc(alias = "acquire_nowait")]
    pub fn try_acquire(&self) -> Result<Token<&Self>, NoTokens> {
        let permit = self.semaphore.try_acquire_owned().map_err(|_| NoTokens)?;
        Ok(Token::new(self, permit))
    }

    /// As [`try_acquire`](Self::try_acquire), with a token that owns its share of the limiter.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<Token<Arc<Self>>, NoTokens> {
        let permit = self.semaphore.try_acquire_owned().map_err(|_| NoTokens)?;
        Ok(Token::new(Arc::clone(self), permit))
    }

    /// Waits for a token on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`Refused`] on a worker thread or on the callback lane of a weftwork runtime, always.
    pub fn blocking_acquire(&self) -> Result<Token<&Self>, Refused> {
        may_block(())?;
        Ok(block_on(self.acquire()))
    }

    /// How many tokens there are.
    #[must_use]
    pub fn total_tokens(&self) -> usize {
        self.total
    }

    /// How many tokens somebody has.
    #[must_use]
    pub fn borrowed_tokens(&self) -> usize {
        self.borrowers.lock().len()
    }

    /// How many tokens nobody has and nobody has been promised.
    #[must_use]
    pub fn available_tokens(&self) -> usize {
        self.semaphore.available_permits()
    }

    /// Who has a token, in no order: once for each.
    #[must_use]
    pub fn borrowers(&self) -> Vec<Who> {
        let borrowers = self.borrowers.lock();
        borrowers.iter().map(|(_, who)| *who).collect()
    }

    /// Who waits for a token at this moment, the first one first.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.semaphore.waiters()
    }

    /// All of it at once. Tokens move on meanwhile: one that is being handed over may be nobody's.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            total_tokens: self.total,
            borrowers: self.borrowers(),
            waiters: self.waiters(),
        }
    }
}

impl<L: Deref<Target = CapacityLimiter>> Token<L> {
    fn new(limiter: L, permit: OwnedSemaphorePermit) -> Self {
        let borrower = limiter.borrowers.lock().insert(Who::is_here());
        Self {
            limiter,
            borrower,
            _permit: permit,
        }
    }

    /// Who borrowed it.
    #[must_use]
    pub fn borrower(&self) -> Who {
        self.limiter.borrowers.lock()[self.borrower]
    }

    /// The limiter that it belongs to, by `&` or by `Arc`.
    #[must_use]
    pub fn limiter(&self) -> &L {
        &self.limiter
    }
}

impl<L: Deref<Target = CapacityLimiter>> Borrow<L> {
    fn new(limiter: L) -> Self {
        let acquire = limiter.semaphore.acquire_owned();
        Self { limiter, acquire }
    }
}

// Nothing of it is ever pinned.
impl<L: Deref<Target = CapacityLimiter>> Unpin for Borrow<L> {}

impl<L: Deref<Target = CapacityLimiter> + Clone> Future for Borrow<L> {
    type Output = Token<L>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Token<L>> {
        let permit = ready!(Pin::new(&mut self.acquire).poll(cx));
        let permit = permit.expect("the semaphore of a limiter is never closed");
        Poll::Ready(Token::new(self.limiter.clone(), permit))
    }
}

impl<L: Deref<Target = CapacityLimiter>> Drop for Token<L> {
    fn drop(&mut self) {
        self.limiter.borrowers.lock().remove(self.borrower);
    }
}

impl fmt::Debug for CapacityLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CapacityLimiter")
            .field("total_tokens", &self.total)
            .field("borrowers", &Crowd(self.borrowers()))
            .field("waiters", &Crowd(self.waiters()))
            .finish_non_exhaustive()
    }
}

impl<L: Deref<Target = CapacityLimiter>> fmt::Debug for Token<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("borrower", &self.borrower())
            .finish_non_exhaustive()
    }
}

impl<L: Deref<Target = CapacityLimiter>> fmt::Debug for Borrow<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Borrow")
            .field("acquire", &self.acquire)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for NoTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no token for a newcomer at this moment: await `acquire()` to wait in the line")
    }
}

impl Error for NoTokens {}
