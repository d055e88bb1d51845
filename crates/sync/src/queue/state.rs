//! What a queue's lock guards, and every change of it; wakers and items are handed out, to be
//! called and dropped after the lock.

use super::error::{ShutDown, TooManyTaskDone, TryGetError, TryPutError};
use crate::poll::{Offer, Wakes};
use crate::wait_list::{Left, Status, Wait, WaitList};
use std::collections::VecDeque;
use std::task::{Poll, Waker};

/// Invariants, whenever the lock is free:
///
/// 1. `promised_items <= items.len()`.
/// 2. Bounded: `items.len() + promised_slots <= maxsize`.
/// 3. Somebody waits for an item: every item is promised, and it is not shut down.
/// 4. Somebody waits for a slot: no slot is free, and it is not shut down.
pub(super) struct State<T> {
    items: VecDeque<T>,
    maxsize: usize,
    /// Granted entries of `getters`.
    promised_items: usize,
    /// Granted entries of `putters`.
    promised_slots: usize,
    /// Items put for which nobody has said `task_done`.
    unfinished: usize,
    shut_down: bool,
    getters: WaitList<()>,
    putters: WaitList<()>,
    joiners: WaitList<()>,
}

/// An item, and the producer to wake now that it is out.
type Taken<T> = (T, Option<Waker>);

impl<T> State<T> {
    pub(super) const fn new(maxsize: usize) -> Self {
        Self {
            items: VecDeque::new(),
            maxsize,
            promised_items: 0,
            promised_slots: 0,
            unfinished: 0,
            shut_down: false,
            getters: WaitList::new(),
            putters: WaitList::new(),
            joiners: WaitList::new(),
        }
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.shut_down
    }

    pub(super) fn has_room(&self) -> bool {
        self.maxsize == 0 || self.items.len() + self.promised_slots < self.maxsize
    }

    pub(super) fn free_items(&self) -> usize {
        self.items.len() - self.promised_items
    }

    /// A newcomer's put; gives the consumer to wake.
    #[inline]
    pub(super) fn try_put(&mut self, item: T) -> Result<Option<Waker>, TryPutError<T>> {
        if self.shut_down {
            return Err(TryPutError::ShutDown(item));
        }
        if !self.has_room() {
            return Err(TryPutError::Full(item));
        }
        Ok(self.push(item))
    }

    /// A newcomer's get.
    #[inline]
    pub(super) fn try_get(&mut self) -> Result<Taken<T>, TryGetError> {
        match self.items.front() {
            Some(_) if self.free_items() > 0 => Ok(self.pop()),
            _ if self.shut_down => Err(TryGetError::ShutDown),
            _ => Err(TryGetError::Empty),
        }
    }

    /// A step of a waiting put; the item leaves its slot with the answer.
    #[inline]
    pub(super) fn poll_put(
        &mut self,
        wait: &mut Wait,
        slot: &mut Option<T>,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Result<Option<Waker>, ShutDown<T>>>> {
        if matches!(wait, Wait::New) && !self.shut_down && !self.has_room() {
            return self.putters.enqueue(wait, (), offer);
        }
        if !matches!(wait, Wait::New) {
            match self.putters.poll_entry(wait, offer)? {
                Poll::Ready(Status::Granted) => self.promised_slots -= 1,
                Poll::Ready(Status::Refused | Status::Waiting) => {}
                Poll::Pending => return Some(Poll::Pending),
            }
        }
        *wait = Wait::Done;
        let item = slot.take().expect("the item is there until the answer");
        Some(Poll::Ready(match self.shut_down {
            true => Err(ShutDown(item)),
            false => Ok(self.push(item)),
        }))
    }

    /// A step of a waiting get.
    #[inline]
    pub(super) fn poll_get(
        &mut self,
        wait: &mut Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Result<Taken<T>, ShutDown<()>>>> {
        if matches!(wait, Wait::New) {
            let answer = match self.try_get() {
                Ok(taken) => Ok(taken),
                Err(TryGetError::ShutDown) => Err(ShutDown(())),
                Err(TryGetError::Empty) => return self.getters.enqueue(wait, (), offer),
            };
            *wait = Wait::Done;
            return Some(Poll::Ready(answer));
        }
        let settled = self.getters.poll_entry(wait, offer)?;
        Some(settled.map(|status| match status {
            Status::Granted => {
                self.promised_items -= 1;
                Ok(self.pop())
            }
            Status::Waiting | Status::Refused => Err(ShutDown(())),
        }))
    }

    /// A step of a waiting join.
    pub(super) fn poll_join(&mut self, wait: &mut Wait, offer: &mut Offer<'_>) -> Option<Poll<()>> {
        self.joiners.poll_reached(self.unfinished == 0, wait, offer)
    }

    /// A put goes away; its slot goes to the next one.
    pub(super) fn leave_put(&mut self, wait: &mut Wait) -> Option<(Left, Option<Waker>)> {
        let left = self.putters.leave(wait)?;
        if left.status != Status::Granted {
            return Some((left, None));
        }
        self.promised_slots -= 1;
        Some((left, self.promise_slot()))
    }

    /// A get goes away; its item goes to the next one.
    pub(super) fn leave_get(&mut self, wait: &mut Wait) -> Option<(Left, Option<Waker>)> {
        let left = self.getters.leave(wait)?;
        if left.status != Status::Granted {
            return Some((left, None));
        }
        self.promised_items -= 1;
        Some((left, self.promise_item()))
    }

    /// A join goes away.
    pub(super) fn leave_join(&mut self, wait: &mut Wait) -> Option<Left> {
        self.joiners.leave(wait)
    }

    pub(super) fn task_done(&mut self) -> Result<Wakes, TooManyTaskDone> {
        self.unfinished = self.unfinished.checked_sub(1).ok_or(TooManyTaskDone)?;
        let mut wakes = Wakes::default();
        self.wake_joiners(&mut wakes);
        Ok(wakes)
    }

    /// Gives the items that nobody gets any more, and whom to wake.
    pub(super) fn shut_down(&mut self, immediate: bool) -> (VecDeque<T>, Wakes) {
        let mut wakes = Wakes::default();
        self.shut_down = true;
        self.putters.refuse_all(&mut wakes);
        self.promised_slots = 0;
        if !immediate {
            self.getters.settle_waiting(Status::Refused, &mut wakes);
            return (VecDeque::new(), wakes);
        }
        let left = std::mem::take(&mut self.items);
        self.unfinished = self.unfinished.saturating_sub(left.len());
        self.promised_items = 0;
        self.getters.refuse_all(&mut wakes);
        self.wake_joiners(&mut wakes);
        (left, wakes)
    }

    fn wake_joiners(&mut self, wakes: &mut Wakes) {
        if self.unfinished == 0 {
            self.joiners.settle_waiting(Status::Granted, wakes);
        }
    }

    #[inline]
    fn push(&mut self, item: T) -> Option<Waker> {
        self.items.push_back(item);
        self.unfinished += 1;
        self.promise_item()
    }

    #[inline]
    fn pop(&mut self) -> Taken<T> {
        let item = self.items.pop_front().expect("there is an item to take");
        (item, self.promise_slot())
    }

    /// An item has become free: it is the first waiting consumer's.
    #[inline]
    fn promise_item(&mut self) -> Option<Waker> {
        let waker = self.getters.grant_front()?;
        self.promised_items += 1;
        Some(waker)
    }

    /// A slot has become free: it is the first waiting producer's.
    #[inline]
    fn promise_slot(&mut self) -> Option<Waker> {
        let waker = self.putters.grant_front()?;
        self.promised_slots += 1;
        Some(waker)
    }
}
