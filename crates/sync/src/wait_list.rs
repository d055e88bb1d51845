//! The FIFO wait list that every primitive stands on: entries in a slab, linked by index, kept
//! under the primitive's own lock.
//!
//! Entries are *settled* from the front: whoever has something for the first of the line settles its
//! entry. It is not in the line any more then, its waker is handed out to be called after the lock,
//! and the entry stays in the list until its future fetches the answer or is dropped. So the list has
//! the settled ones first, in the order in which they were settled, and behind them the line. What a
//! settled entry stands for (a permit, an item) is the primitive's business, and so is handing it on
//! when the future goes away.
//!
//! A slab and not an intrusive list, because an intrusive one lives in the futures themselves: the
//! list then holds pointers into memory that others own, which takes `unsafe` for every access,
//! pinned futures, and a proof that no future can go while somebody walks the list. This crate has
//! no `unsafe` at all, its futures are `Unpin`, and a bug here can lose a wake-up but never memory.
//! The price is an index in place of a pointer, with its bounds check. A wait allocates only when
//! more wait at once than before: the slab keeps the room of those that have gone.

use crate::poll::{Offer, Wakes};
use crate::who::Who;
use slab::Slab;
use std::task::{Poll, Waker};

const NIL: usize = usize::MAX;

/// An emptied list keeps room for this many entries; more is given back.
const KEPT_CAPACITY: usize = 256;

/// Names an entry. Not `Clone`: who gives it up has removed the entry.
#[derive(Debug)]
pub(crate) struct Key(usize);

/// Where a waiting future stands.
#[derive(Debug)]
pub(crate) enum Wait {
    /// Not polled yet.
    New,
    /// It has an entry in the list.
    Queued(Key),
    /// It has given its answer.
    Done,
}

/// What has become of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Still in the line.
    Waiting,
    /// It gets what it waited for.
    Granted,
    /// It will not get it any more.
    Refused,
}

struct Entry<D> {
    prev: usize,
    next: usize,
    status: Status,
    waker: Option<Waker>,
    data: D,
}

/// An entry that was taken out. Drop it with the lock given back: it may hold a waker.
pub(crate) struct Left {
    pub(crate) status: Status,
    _waker: Option<Waker>,
}

/// A FIFO line of waiting futures, each with a `D`.
pub(crate) struct WaitList<D> {
    entries: Slab<Entry<D>>,
    /// The first one of the line; those before it are settled.
    head: usize,
    /// The last one, settled or not.
    tail: usize,
}

impl<D> WaitList<D> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Slab::new(),
            head: NIL,
            tail: NIL,
        }
    }

    /// True if nobody is in the line (settled entries do not count).
    pub(crate) fn is_empty(&self) -> bool {
        self.head == NIL
    }

    /// Who is in the line, the first one first, for whoever looks inside. It asks their wakers, so
    /// that nobody has to say so when it comes.
    pub(crate) fn who(&self) -> Vec<Who> {
        let mut at = self.head;
        let next = || {
            let entry = self.entries.get(at)?;
            at = entry.next;
            Some(Who::wakes(entry.waker.as_ref()))
        };
        std::iter::from_fn(next).collect()
    }

    /// What the first in the line brought along.
    pub(crate) fn front(&self) -> Option<&D> {
        self.entries.get(self.head).map(|entry| &entry.data)
    }

    /// What the entry of a queued future has with it.
    pub(crate) fn data(&self, wait: &Wait) -> Option<&D> {
        match *wait {
            Wait::Queued(Key(index)) => Some(&self.entries[index].data),
            Wait::New | Wait::Done => None,
        }
    }

    /// Puts a newcomer at the end of the line, without a waker: its first poll leaves one.
    pub(crate) fn enter(&mut self, wait: &mut Wait, data: D) {
        *wait = self.push(None, data);
    }

    /// Puts a newcomer at the end of the line; `None` if that needs a clone of the waker.
    pub(crate) fn enqueue<R>(
        &mut self,
        wait: &mut Wait,
        data: D,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<R>> {
        let waker = offer.take()?;
        *wait = self.push(Some(waker), data);
        Some(Poll::Pending)
    }

    fn push(&mut self, waker: Option<Waker>, data: D) -> Wait {
        let index = self.entries.insert(Entry {
            prev: self.tail,
            next: NIL,
            status: Status::Waiting,
            waker,
            data,
        });
        if let Some(last) = self.entries.get_mut(self.tail) {
            last.next = index;
        }
        if self.is_empty() {
            self.head = index;
        }
        self.tail = index;
        Wait::Queued(Key(index))
    }

    /// Looks after the entry of a queued future. A settled entry is removed; a waiting one
    /// gets the polling task's waker (`None`: that needs a clone). One that has none has given its
    /// answer, and is refused.
    pub(crate) fn poll_entry(
        &mut self,
        wait: &mut Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Status>> {
        let Wait::Queued(Key(index)) = *wait else {
            return offer.refuse();
        };
        let entry = &mut self.entries[index];
        if entry.status == Status::Waiting {
            return offer.store(&mut entry.waker).then_some(Poll::Pending);
        }
        *wait = Wait::Done;
        Some(Poll::Ready(self.remove(index).status))
    }

    /// A whole step of a future that waits until something is `reached`, at which point all are
    /// settled at once.
    pub(crate) fn poll_reached(
        &mut self,
        reached: bool,
        wait: &mut Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<()>>
    where
        D: Default,
    {
        if !matches!(wait, Wait::New) {
            return Some(self.poll_entry(wait, offer)?.map(|_| ()));
        }
        if !reached {
            return self.enqueue(wait, D::default(), offer);
        }
        *wait = Wait::Done;
        Some(Poll::Ready(()))
    }

    /// Takes out the entry of a future that goes away.
    pub(crate) fn leave(&mut self, wait: &mut Wait) -> Option<Left> {
        match std::mem::replace(wait, Wait::Done) {
            Wait::Queued(Key(index)) => Some(self.remove(index)),
            Wait::New | Wait::Done => None,
        }
    }

    /// Grants the first in the line its wish, and gives its waker, if it has one: somebody whose
    /// grant was taken back has none until it is polled. `None` if the line is empty.
    #[inline]
    pub(crate) fn grant_front(&mut self) -> Option<Option<Waker>> {
        let granted = !self.is_empty();
        granted.then(|| self.settle_front(Status::Granted))
    }

    /// As [`grant_front`](Self::grant_front), for a line whose entries may have no waker yet, and
    /// leaves `data` with the entry. False if the line is empty.
    pub(crate) fn grant_front_with(&mut self, data: D, wakes: &mut Wakes) -> bool {
        let Some(first) = self.entries.get_mut(self.head) else {
            return false;
        };
        first.data = data;
        wakes.push(self.settle_front(Status::Granted));
        true
    }

    /// Takes the first out of the line, with what it brought along and its waker.
    #[inline]
    pub(crate) fn take_front(&mut self) -> Option<(D, Option<Waker>)> {
        if self.is_empty() {
            return None;
        }
        let entry = self.entries.remove(self.head);
        self.head = entry.next;
        self.close_gap(entry.prev, entry.next);
        Some((entry.data, entry.waker))
    }

    /// Settles everybody in the line.
    pub(crate) fn settle_waiting(&mut self, status: Status, wakes: &mut Wakes) {
        while !self.is_empty() {
            wakes.push(self.settle_front(status));
        }
    }

    /// Refuses everybody, also those that had been granted and have not fetched it yet.
    pub(crate) fn refuse_all(&mut self, wakes: &mut Wakes) {
        self.settle_waiting(Status::Refused, wakes);
        self.refuse_granted();
    }

    /// Refuses those that had been granted and have not fetched it yet; they have been woken.
    pub(crate) fn refuse_granted(&mut self) {
        for (_, entry) in &mut self.entries {
            if entry.status == Status::Granted {
                entry.status = Status::Refused;
            }
        }
    }

    fn settle_front(&mut self, status: Status) -> Option<Waker> {
        let entry = &mut self.entries[self.head];
        entry.status = status;
        self.head = entry.next;
        entry.waker.take()
    }

    /// Takes back what the last of those got that were granted something: it stands at the front of
    /// the line again. It has been woken, and leaves a waker when it is polled for that.
    pub(crate) fn revoke_last(&mut self) {
        let first = self.entries.get(self.head);
        let last = first.map_or(self.tail, |first| first.prev);
        let entry = &mut self.entries[last];
        debug_assert_eq!(entry.status, Status::Granted, "nobody was refused");
        entry.status = Status::Waiting;
        self.head = last;
    }

    fn remove(&mut self, index: usize) -> Left {
        let entry = self.take(index);
        Left {
            status: entry.status,
            _waker: entry.waker,
        }
    }

    fn take(&mut self, index: usize) -> Entry<D> {
        let entry = self.entries.remove(index);
        if self.head == index {
            self.head = entry.next;
        }
        self.close_gap(entry.prev, entry.next);
        entry
    }

    /// Links the two neighbours of one that was taken out.
    fn close_gap(&mut self, prev: usize, next: usize) {
        if let Some(before) = self.entries.get_mut(prev) {
            before.next = next;
        }
        match self.entries.get_mut(next) {
            Some(after) => after.prev = prev,
            None => self.tail = prev,
        }
        if self.entries.is_empty() && self.entries.capacity() > KEPT_CAPACITY {
            self.entries = Slab::new();
        }
    }
}
