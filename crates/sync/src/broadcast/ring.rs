//! What a broadcast's lock guards, and every change of it; wakers and items are handed out, to be
//! called, cloned and dropped after the lock.

use super::{RecvError, TryRecvError};
use crate::poll::{Offer, Wakes};
use crate::wait_list::{Left, Status, Wait, WaitList};
use crate::who::Who;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

/// Items have numbers, from 0 in the order in which they were sent; a receiver remembers which
/// one is next for it.
///
/// Invariants, whenever the lock is free:
///
/// 1. An item is there as long as a receiver has not received it, is not overwritten, and the
///    first one of the ring is such an item.
/// 2. Somebody waits: it has received everything, and there are senders.
pub(super) struct Ring<T> {
    slots: VecDeque<Slot<T>>,
    /// The number of the first slot.
    first: u64,
    /// The most slots; 0 is without bound.
    capacity: usize,
    pub(super) senders: usize,
    pub(super) receivers: usize,
    waiters: WaitList<()>,
}

struct Slot<T> {
    /// None once all have received it.
    item: Option<Arc<T>>,
    /// How many receivers have not.
    missing: usize,
}

impl<T> Ring<T> {
    /// A ring with one sender and no receiver.
    pub(super) const fn new(capacity: usize) -> Self {
        Self {
            slots: VecDeque::new(),
            first: 0,
            capacity,
            senders: 1,
            receivers: 0,
            waiters: WaitList::new(),
        }
    }

    /// The number of the next item that is sent.
    pub(super) fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// Adds an item. Gives one that it overwrote, and whom to wake; or hands it back if nobody
    /// would receive it.
    pub(super) fn send(&mut self, item: Arc<T>) -> Result<(Option<Arc<T>>, Wakes), Arc<T>> {
        if self.receivers == 0 {
            return Err(item);
        }
        let is_full = self.capacity > 0 && self.slots.len() == self.capacity;
        let overwritten = is_full.then(|| self.drop_first()).flatten();
        self.slots.push_back(Slot {
            item: Some(item),
            missing: self.receivers,
        });
        let mut wakes = Wakes::default();
        self.waiters.settle_waiting(Status::Granted, &mut wakes);
        Ok((overwritten, wakes))
    }

    /// Takes what is next for a receiver.
    pub(super) fn try_recv(&mut self, next: &mut u64) -> Result<Arc<T>, TryRecvError> {
        if let Some(lost) = self.first.checked_sub(*next).filter(|&lost| lost > 0) {
            *next = self.first;
            return Err(TryRecvError::Lagged(lost));
        }
        if *next == self.end() {
            return Err(match self.senders {
                0 => TryRecvError::Closed,
                _ => TryRecvError::Empty,
            });
        }
        let index = self.index(*next);
        *next += 1;
        let slot = &mut self.slots[index];
        slot.missing -= 1;
        let item = match slot.missing {
            0 => slot.item.take(),
            _ => slot.item.clone(),
        };
        self.drop_received();
        Ok(item.expect("it is there until all have received it"))
    }

    /// A step of a waiting receiver.
    pub(super) fn poll_recv(
        &mut self,
        next: &mut u64,
        wait: &mut Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Result<Arc<T>, RecvError>>> {
        if !matches!(wait, Wait::New) && self.waiters.poll_entry(wait, offer)?.is_pending() {
            return Some(Poll::Pending);
        }
        *wait = Wait::New;
        let answer = match self.try_recv(next) {
            Ok(item) => Ok(item),
            Err(TryRecvError::Lagged(lost)) => Err(RecvError::Lagged(lost)),
            Err(TryRecvError::Closed) => Err(RecvError::Closed),
            Err(TryRecvError::Empty) => return self.waiters.enqueue(wait, (), offer),
        };
        *wait = Wait::Done;
        Some(Poll::Ready(answer))
    }

    /// A waiting receiver gives up.
    pub(super) fn leave_line(&mut self, wait: &mut Wait) -> Option<Left> {
        self.waiters.leave(wait)
    }

    /// A receiver goes. Gives the items that only it had not received.
    pub(super) fn leave(&mut self, next: u64) -> Vec<Arc<T>> {
        self.receivers -= 1;
        let from = self.index(next.max(self.first));
        let mut left = Vec::new();
        for slot in self.slots.range_mut(from..) {
            slot.missing -= 1;
            if slot.missing == 0 {
                left.extend(slot.item.take());
            }
        }
        self.drop_received();
        left
    }

    /// The last sender went: nothing will follow.
    pub(super) fn end_waiting(&mut self) -> Wakes {
        let mut wakes = Wakes::default();
        self.waiters.settle_waiting(Status::Refused, &mut wakes);
        wakes
    }

    /// Who waits for an item.
    pub(super) fn waiters(&self) -> Vec<Who> {
        self.waiters.who()
    }

    /// How many items there are from number `next` on.
    pub(super) fn count_from(&self, next: u64) -> usize {
        self.slots.len() - self.index(next.max(self.first))
    }

    /// Where an item with this number is; it may be the next one to be sent.
    fn index(&self, number: u64) -> usize {
        let index = usize::try_from(number - self.first);
        index.expect("there are no more items than memory holds")
    }

    fn drop_received(&mut self) {
        while self.slots.front().is_some_and(|slot| slot.missing == 0) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) -> Option<Arc<T>> {
        let slot = self.slots.pop_front()?;
        self.first += 1;
        slot.item
    }
}
