//! Who waits for one direction of a source.

use std::mem;
use std::task::Waker;

/// Anonymous wakers are kept up to this many; then all are woken, and whoever still waits
/// comes back.
const MOST_ANONYMOUS: usize = 1024;

/// The wakers of those who wait.
///
/// A future of ours has a key and takes its waker along when it is dropped. Whoever polls
/// without one (through the traits of futures-io) is anonymous: all of them are kept, so that
/// two tasks may poll one direction, until the next event wakes them.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    keyed: Vec<(u64, Waker)>,
    anonymous: Vec<Waker>,
}

impl Waiters {
    /// True if this waker is there already: nothing is to be done.
    pub(crate) fn has(&self, key: Option<u64>, waker: &Waker) -> bool {
        match key {
            Some(key) => {
                let mut keyed = self.keyed.iter();
                keyed.any(|(known, old)| *known == key && old.will_wake(waker))
            }
            None => self.anonymous.iter().any(|old| old.will_wake(waker)),
        }
    }

    /// Leaves a waker. What it replaces is to be dropped after the lock is given back, those in
    /// `too_many` are to be woken then.
    pub(crate) fn leave(
        &mut self,
        key: Option<u64>,
        waker: Waker,
        too_many: &mut Vec<Waker>,
    ) -> Option<Waker> {
        let Some(key) = key else {
            if self.anonymous.len() >= MOST_ANONYMOUS {
                mem::swap(&mut self.anonymous, too_many);
            }
            self.anonymous.push(waker);
            return None;
        };
        match self.keyed.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => Some(mem::replace(old, waker)),
            None => {
                self.keyed.push((key, waker));
                None
            }
        }
    }

    /// The future of this key waits no more.
    pub(crate) fn forget(&mut self, key: u64) -> Option<Waker> {
        let place = self.keyed.iter().position(|(known, _)| *known == key)?;
        Some(self.keyed.swap_remove(place).1)
    }

    /// All of them, in the order in which they came.
    pub(crate) fn take_all(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.keyed.drain(..).map(|(_, waker)| waker));
        wakers.append(&mut self.anonymous);
    }
}
