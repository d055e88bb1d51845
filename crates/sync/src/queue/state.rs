//! What a queue's lock guards, and every change of it; wakers and items are handed out, to be
//! called and dropped after the lock.

use super::error::{ShutDown, TooManyTaskDone, TryGetError, TryPutError};
use super::order::{Items, Order};
use crate::poll::{Offer, Wakes};
use crate::wait_list::{Left, Status, Wait, WaitList};
use crate::who::Who;
use slab::Slab;
use std::task::{Poll, Waker};

/// Invariants, whenever the lock is free:
///
/// 1. There are as many items as were promised, or more. (In a rendezvous an item that was promised
///    can be withdrawn: then the last promise is taken back, and whoever had it is at the front.)
/// 2. Bounded: `items.len() + promised_slots <= slots`.
/// 3. Somebody waits for an item: every item is promised, and it is not shut down.
/// 4. Somebody waits for a slot: no slot is free, and it is not shut down.
///
/// A rendezvous has no slots. A waiting producer's item lies in `offers` until a consumer takes
/// it; `items` has only what `try_put` gave to a consumer who waits.
pub(super) struct State<T, O: Order<T>> {
    items: O::Items,
    /// The most items that it holds: `usize::MAX` without bound, 0 for a rendezvous.
    slots: usize,
    /// Granted entries of `getters`.
    promised_items: usize,
    /// Granted entries of `putters`, but in a rendezvous.
    promised_slots: usize,
    /// Items put for which nobody has said `task_done`.
    unfinished: usize,
    shut_down: bool,
    getters: WaitList<()>,
    /// Each with the key of its offer, in a rendezvous.
    putters: WaitList<usize>,
    joiners: WaitList<()>,
    /// Items of waiting producers, until they are taken or fetched back.
    offers: Slab<T>,
    /// How many of these can be taken: all, or none after a shutdown.
    offered: usize,
}

/// Where the item of a put is.
pub(super) enum Parcel<T> {
    /// With its future.
    Held(T),
    /// In the queue's `offers`, if nobody has taken it.
    Offered(usize),
    /// Gone with the answer.
    Gone,
}

/// The answer to a put, and the consumer to wake.
type PutAnswer<T> = (Poll<Result<(), ShutDown<T>>>, Option<Waker>);

/// An item, and the producer to wake now that it is out.
type Taken<T> = (T, Option<Waker>);

/// The answer to a get of several: how many, and the producers to wake.
type ManyAnswer = Poll<Result<(usize, Wakes), ShutDown<()>>>;

/// What a put that went away has left, to be dropped, and the producer to wake.
type PutLeft<T> = ((Left, Option<T>), Option<Waker>);

impl<T, O: Order<T>> State<T, O> {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            items: O::Items::default(),
            slots,
            promised_items: 0,
            promised_slots: 0,
            unfinished: 0,
            shut_down: false,
            getters: WaitList::new(),
            putters: WaitList::new(),
            joiners: WaitList::new(),
            offers: Slab::new(),
            offered: 0,
        }
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.shut_down
    }

    pub(super) fn is_rendezvous(&self) -> bool {
        self.slots == 0
    }

    /// Who waits for an item, for a slot, and for the end of the work.
    pub(super) fn waiters(&self) -> [Vec<Who>; 3] {
        [self.getters.who(), self.putters.who(), self.joiners.who()]
    }

    /// Can a newcomer put something in at this moment?
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.has_slot() || self.is_awaited()
    }

    #[inline]
    fn has_slot(&self) -> bool {
        self.items.len() + self.promised_slots < self.slots
    }

    /// In a rendezvous: does a consumer wait, and no producer before the newcomer?
    fn is_awaited(&self) -> bool {
        self.is_rendezvous() && self.putters.is_empty() && !self.getters.is_empty()
    }

    #[inline]
    pub(super) fn free_items(&self) -> usize {
        self.items.len() + self.offered - self.promised_items
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
        if self.free_items() > 0 {
            return Ok(self.pop());
        }
        Err(match self.shut_down {
            true => TryGetError::ShutDown,
            false => TryGetError::Empty,
        })
    }

    /// A step of a waiting put.
    #[inline]
    pub(super) fn poll_put(
        &mut self,
        wait: &mut Wait,
        parcel: &mut Parcel<T>,
        offer: &mut Offer<'_>,
    ) -> Option<PutAnswer<T>> {
        match wait {
            Wait::New if !self.shut_down && !self.has_slot() => {
                return self.wait_to_put(wait, parcel, offer);
            }
            Wait::New => *wait = Wait::Done,
            Wait::Queued(_) | Wait::Done => match self.putters.poll_entry(wait, offer)? {
                Poll::Pending => return Some((Poll::Pending, None)),
                // A consumer has taken the item.
                Poll::Ready(Status::Granted) if self.is_rendezvous() => {
                    *parcel = Parcel::Gone;
                    return Some((Poll::Ready(Ok(())), None));
                }
                Poll::Ready(Status::Granted) => self.promised_slots -= 1,
                Poll::Ready(Status::Refused | Status::Waiting) => {}
            },
        }
        let item = match std::mem::replace(parcel, Parcel::Gone) {
            Parcel::Held(item) => item,
            Parcel::Offered(key) => self.offers.remove(key),
            Parcel::Gone => unreachable!("the item is there until the answer"),
        };
        Some(match self.shut_down {
            true => (Poll::Ready(Err(ShutDown(item))), None),
            false => (Poll::Ready(Ok(())), self.push(item)),
        })
    }

    /// Puts a producer in the line, in a rendezvous with its item for everybody to take.
    fn wait_to_put(
        &mut self,
        wait: &mut Wait,
        parcel: &mut Parcel<T>,
        offer: &mut Offer<'_>,
    ) -> Option<PutAnswer<T>> {
        let key = self.offers.vacant_key();
        let pending = self.putters.enqueue(wait, key, offer)?;
        if self.is_rendezvous()
            && let Parcel::Held(item) = std::mem::replace(parcel, Parcel::Offered(key))
        {
            self.offers.insert(item);
            self.offered += 1;
            return Some((pending, self.promise_item()));
        }
        Some((pending, None))
    }

    /// A step of a waiting get.
    #[inline]
    pub(super) fn poll_get(
        &mut self,
        wait: &mut Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Result<Taken<T>, ShutDown<()>>>> {
        if !matches!(wait, Wait::New) {
            match self.getters.poll_entry(wait, offer)? {
                Poll::Pending => return Some(Poll::Pending),
                Poll::Ready(Status::Granted) => {
                    self.promised_items -= 1;
                    return Some(Poll::Ready(Ok(self.pop())));
                }
                Poll::Ready(_) => return Some(Poll::Ready(Err(ShutDown(())))),
            }
        }
        let answer = match self.try_get() {
            Ok(taken) => Ok(taken),
            Err(TryGetError::ShutDown) => Err(ShutDown(())),
            Err(TryGetError::Empty) => return self.getters.enqueue(wait, (), offer),
        };
        *wait = Wait::Done;
        Some(Poll::Ready(answer))
    }

    /// A step of a waiting get of up to `limit` items.
    pub(super) fn poll_get_many(
        &mut self,
        wait: &mut Wait,
        limit: usize,
        into: &mut Vec<T>,
        offer: &mut Offer<'_>,
    ) -> Option<ManyAnswer> {
        if limit == 0 && matches!(wait, Wait::New) {
            *wait = Wait::Done;
            return Some(Poll::Ready(Ok((0, Wakes::default()))));
        }
        let first = self.poll_get(wait, offer)?;
        Some(first.map_ok(|mut taken| {
            let mut wakes = Wakes::default();
            let more = self.free_items().min(limit - 1);
            for _ in 0..more {
                into.push(taken.0);
                wakes.push(taken.1);
                taken = self.pop();
            }
            into.push(taken.0);
            wakes.push(taken.1);
            (1 + more, wakes)
        }))
    }

    /// A step of a waiting join.
    pub(super) fn poll_join(&mut self, wait: &mut Wait, offer: &mut Offer<'_>) -> Option<Poll<()>> {
        self.joiners.poll_reached(self.unfinished == 0, wait, offer)
    }

    /// A put goes away: its slot goes to the next one. Gives the item that it had offered.
    pub(super) fn leave_put(&mut self, wait: &mut Wait, parcel: &Parcel<T>) -> Option<PutLeft<T>> {
        let left = self.putters.leave(wait)?;
        let granted = left.status == Status::Granted;
        let Parcel::Offered(key) = *parcel else {
            let next = granted.then(|| {
                self.promised_slots -= 1;
                self.promise_slot()
            });
            return Some(((left, None), next.flatten()));
        };
        // A granted one was taken, and its key may be somebody else's by now.
        let item = (!granted).then(|| self.offers.remove(key));
        if left.status == Status::Waiting {
            self.offered -= 1;
            self.take_promises_back();
        }
        Some(((left, item), None))
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
    pub(super) fn shut_down(&mut self, immediate: bool) -> (O::Items, Wakes) {
        let mut wakes = Wakes::default();
        self.shut_down = true;
        match self.is_rendezvous() {
            // Whoever was granted something there has had its item taken.
            true => self.putters.settle_waiting(Status::Refused, &mut wakes),
            false => self.putters.refuse_all(&mut wakes),
        }
        self.promised_slots = 0;
        self.offered = 0;
        self.take_promises_back();
        if !immediate {
            self.getters.settle_waiting(Status::Refused, &mut wakes);
            return (O::Items::default(), wakes);
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
        self.items.push(item);
        self.unfinished += 1;
        self.promise_item()
    }

    #[inline]
    fn pop(&mut self) -> Taken<T> {
        match self.items.pop() {
            Some(item) => (item, self.promise_slot()),
            None => self.take_offer(),
        }
    }

    /// Takes the item of the first waiting producer, whose put is done by that.
    fn take_offer(&mut self) -> Taken<T> {
        let first = self.putters.front();
        let key = *first.expect("a free item is in the queue or offered");
        let item = self.offers.remove(key);
        self.offered -= 1;
        self.unfinished += 1;
        (item, self.putters.grant_front().flatten())
    }

    /// An item may have become free: it is the first waiting consumer's.
    #[inline]
    fn promise_item(&mut self) -> Option<Waker> {
        if self.free_items() == 0 {
            return None;
        }
        let waker = self.getters.grant_front()?;
        self.promised_items += 1;
        waker
    }

    /// Items are gone that may have been promised: the last promises are taken back.
    fn take_promises_back(&mut self) {
        while self.promised_items > self.items.len() + self.offered {
            self.promised_items -= 1;
            self.getters.revoke_last();
        }
    }

    /// A slot has become free: it is the first waiting producer's.
    #[inline]
    fn promise_slot(&mut self) -> Option<Waker> {
        if !self.has_slot() {
            return None;
        }
        let waker = self.putters.grant_front()?;
        self.promised_slots += 1;
        waker
    }
}
