//! A line in which a waiter learns of its grant without the lock.
//!
//! Waiters are numbered as they come and are granted in this order, so that one number says it of
//! all: whose number the [`Mark`] has reached was granted, and is in the list no more. A waiter that
//! is polled again reads the mark and is done. Under contention that is a third of all the times
//! that a semaphore is locked.
//!
//! Invariants, whenever the lock is free: the numbers in the line grow from its front to its end,
//! and all of those that wait are above the mark. Edge `W1`: whoever raises the mark releases what
//! happened before to the waiters that see it.

use crate::poll::{Offer, Wakes};
use crate::wait_list::{self, Status, Wait, WaitList};
use crate::who::Who;
use std::task::{Poll, Waker};
use weftwork_std_or_loom::atomic::{AtomicU64, Ordering::Relaxed};
use weftwork_std_or_loom::edge;

/// How far a line has been granted. It stands beside the lock of the line, and is raised under it.
#[derive(Default)]
pub(crate) struct Mark(AtomicU64);

/// Where a future stands that waits in a [`MarkedList`].
#[derive(Debug)]
pub(crate) struct MarkedWait {
    wait: Wait,
    /// Its number, while it is queued.
    number: u64,
}

/// A FIFO line of waiting futures, each with a `D`.
pub(crate) struct MarkedList<D> {
    line: WaitList<(u64, D)>,
    /// The number of the last one that came.
    last: u64,
}

/// What a future leaves behind that goes away.
pub(crate) enum Left {
    /// It had been granted what it waited for, and goes without it.
    Granted,
    /// Its place in the line, if it had one. Drop it with the lock given back.
    Line { _entry: Option<wait_list::Left> },
}

impl Mark {
    /// True, once, if this future was granted what it waited for.
    #[inline]
    pub(crate) fn settles(&self, wait: &mut MarkedWait) -> bool {
        let settles = wait.is_queued() && wait.number <= self.0.load(edge!(W1, Acquire));
        if settles {
            wait.wait = Wait::Done;
        }
        settles
    }

    fn raise(&self, number: u64) {
        debug_assert!(
            self.0.load(Relaxed) < number,
            "granted in the order of arrival"
        );
        self.0.store(number, edge!(W1, Release));
    }
}

impl MarkedWait {
    pub(crate) const fn new() -> Self {
        let wait = Wait::New;
        Self { wait, number: 0 }
    }

    #[inline]
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.wait, Wait::New)
    }

    #[inline]
    pub(crate) fn is_queued(&self) -> bool {
        matches!(self.wait, Wait::Queued(_))
    }

    /// It has its answer, and never was in the line.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.wait = Wait::Done;
    }
}

impl<D> MarkedList<D> {
    pub(crate) const fn new() -> Self {
        let line = WaitList::new();
        Self { line, last: 0 }
    }

    /// True if nobody is in the line.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Who is in the line, the first one first, for whoever looks inside.
    pub(crate) fn who(&self) -> Vec<Who> {
        self.line.who()
    }

    /// What the first in the line brought along.
    #[inline]
    pub(crate) fn front(&self) -> Option<&D> {
        self.line.front().map(|(_, data)| data)
    }

    /// Puts a newcomer at the end of the line; `None` if that needs a clone of the waker.
    pub(crate) fn enqueue<R>(
        &mut self,
        wait: &mut MarkedWait,
        data: D,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<R>> {
        let number = self.last + 1;
        let pending = self.line.enqueue(&mut wait.wait, (number, data), offer)?;
        self.last = number;
        wait.number = number;
        Some(pending)
    }

    /// Looks after a queued future: one that waits gets the polling task's waker (`None`: that needs
    /// a clone).
    pub(crate) fn poll_entry(
        &mut self,
        mark: &Mark,
        wait: &mut MarkedWait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Status>> {
        if mark.settles(wait) {
            return Some(Poll::Ready(Status::Granted));
        }
        self.line.poll_entry(&mut wait.wait, offer)
    }

    /// Takes out a future that goes away.
    pub(crate) fn leave(&mut self, mark: &Mark, wait: &mut MarkedWait) -> Left {
        if mark.settles(wait) {
            return Left::Granted;
        }
        Left::Line {
            _entry: self.line.leave(&mut wait.wait),
        }
    }

    /// Grants the first in the line its wish, and gives its waker.
    #[inline]
    pub(crate) fn grant_front(&mut self, mark: &Mark) -> Option<Waker> {
        let ((number, _), waker) = self.line.take_front()?;
        mark.raise(number);
        waker
    }

    /// Grants everybody in the line.
    pub(crate) fn grant_all(&mut self, mark: &Mark, wakes: &mut Wakes) {
        let mut granted = None;
        while let Some(((number, _), waker)) = self.line.take_front() {
            granted = Some(number);
            wakes.push(waker);
        }
        if let Some(number) = granted {
            mark.raise(number);
        }
    }

    /// Refuses everybody in the line.
    pub(crate) fn refuse_all(&mut self, wakes: &mut Wakes) {
        self.line.settle_waiting(Status::Refused, wakes);
    }
}
