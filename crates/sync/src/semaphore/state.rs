//! What a semaphore's lock guards, and every change of it.

use super::error::TryAcquireError;
use crate::marked::{Mark, MarkedList};
use crate::poll::Wakes;

/// What the lock guards.
///
/// While somebody is in the line, there are fewer permits than the first one wants.
pub(super) struct State {
    /// Permits that nobody has and nobody has been promised.
    pub(super) permits: usize,
    /// All permits there are: free, promised and taken. It bounds `permits`, so that giving
    /// permits back can never overflow.
    pub(super) total: usize,
    /// The most that `total` may be.
    pub(super) limit: usize,
    pub(super) closed: bool,
    pub(super) waiters: MarkedList<usize>,
}

impl State {
    pub(super) const fn new(permits: usize, limit: usize) -> Self {
        Self {
            permits,
            total: permits,
            limit,
            closed: false,
            waiters: MarkedList::new(),
        }
    }

    pub(super) fn try_take(&mut self, n: usize) -> Result<(), TryAcquireError> {
        if self.closed {
            return Err(TryAcquireError::Closed);
        }
        if n > 0 && (!self.waiters.is_empty() || n > self.permits) {
            return Err(TryAcquireError::NoPermits);
        }
        self.permits -= n;
        Ok(())
    }

    /// Adds permits; or says how many there is room for.
    pub(super) fn add(&mut self, mark: &Mark, n: usize) -> Result<Wakes, usize> {
        let room = self.limit - self.total;
        if n > room {
            return Err(room);
        }
        self.total += n;
        self.permits += n;
        Ok(self.grant(mark))
    }

    /// Takes up to `n` free permits out for good; how many.
    pub(super) fn forget_free(&mut self, n: usize) -> usize {
        let gone = n.min(self.permits);
        self.permits -= gone;
        self.total -= gone;
        gone
    }

    /// Promises free permits to the first waiters, as far as they reach.
    pub(super) fn grant(&mut self, mark: &Mark) -> Wakes {
        let mut wakes = Wakes::default();
        while let Some(&n) = self.waiters.front()
            && n <= self.permits
        {
            self.permits -= n;
            wakes.push(self.waiters.grant_front(mark));
        }
        wakes
    }
}
