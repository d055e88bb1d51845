//! What the lock of a reader-writer lock guards: the value, who has it, and the line.

use crate::poll::{Offer, Wakes};
use crate::wait_list::{Left, Status, Wait, WaitList};
use crate::who::Who;
use slab::Slab;
use std::sync::Arc;
use std::task::Poll;

/// What somebody in the line wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Read,
    Write,
}

/// The value, or a share of it, of somebody whose turn it is.
pub(super) struct Turn<T> {
    pub(super) value: Arc<T>,
    /// Whose it is, among the holders; nothing where they are not known.
    pub(super) holder: usize,
}

/// Invariants, whenever the lock is free:
///
/// 1. Somebody writes: nobody reads. Both count who was promised it as well.
/// 2. The value is here unless a writer has it; each reader that is not a promise has a share.
/// 3. Somebody is in the line: the first one cannot be granted its wish.
pub(super) struct State<T> {
    value: Option<Arc<T>>,
    readers: usize,
    writing: bool,
    waiters: WaitList<Wish>,
    /// Who reads or writes; none if nobody wants to know.
    holders: Option<Slab<Who>>,
}

impl<T> State<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Some(Arc::new(value)),
            readers: 0,
            writing: false,
            waiters: WaitList::new(),
            holders: None,
        }
    }

    /// From now on it is known who reads and writes.
    pub(super) fn track(&mut self) {
        self.holders = Some(Slab::new());
    }

    /// Who reads or writes, as far as that is known.
    pub(super) fn holders(&self) -> Vec<Who> {
        let known = self.holders.iter().flatten();
        known.map(|(_, who)| *who).collect()
    }

    /// The value where it lies, for somebody who has the whole lock.
    pub(super) fn value(&mut self) -> &mut Option<Arc<T>> {
        &mut self.value
    }

    /// How many read, and whether somebody writes.
    pub(super) fn users(&self) -> (usize, bool) {
        (self.readers, self.writing)
    }

    /// Who is in the line.
    pub(super) fn waiters(&self) -> Vec<Who> {
        self.waiters.who()
    }

    /// A newcomer's attempt: a share of the value, or the whole.
    pub(super) fn try_take(&mut self, wish: Wish) -> Option<Turn<T>> {
        if !self.waiters.is_empty() || !self.allows(wish) {
            return None;
        }
        self.count(wish);
        Some(self.take(wish))
    }

    /// A step of a future that waits.
    pub(super) fn poll_take(
        &mut self,
        wish: Wish,
        wait: &mut Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Turn<T>>> {
        if matches!(wait, Wait::New) {
            let Some(turn) = self.try_take(wish) else {
                return self.waiters.enqueue(wait, wish, offer);
            };
            *wait = Wait::Done;
            return Some(Poll::Ready(turn));
        }
        let settled = self.waiters.poll_entry(wait, offer)?;
        Some(settled.map(|_| self.take(wish)))
    }

    /// A future goes away. What it had been promised is free, and if it was at the front, those
    /// behind it may have their turn.
    pub(super) fn leave(&mut self, wish: Wish, wait: &mut Wait, wakes: &mut Wakes) -> Option<Left> {
        let left = self.waiters.leave(wait)?;
        if left.status == Status::Granted {
            self.end(wish);
        }
        self.grant(wakes);
        Some(left)
    }

    /// A reader whose share is dropped has gone.
    pub(super) fn end_read(&mut self, holder: usize, wakes: &mut Wakes) {
        self.forget_holder(holder);
        self.end(Wish::Read);
        self.grant(wakes);
    }

    /// A writer brings the value back.
    pub(super) fn end_write(&mut self, turn: Turn<T>, wakes: &mut Wakes) {
        self.forget_holder(turn.holder);
        self.value = Some(turn.value);
        self.end(Wish::Write);
        self.grant(wakes);
    }

    /// A writer becomes a reader; nobody writes in between.
    pub(super) fn downgrade(&mut self, turn: Turn<T>, wakes: &mut Wakes) -> Turn<T> {
        self.value = Some(Arc::clone(&turn.value));
        self.end(Wish::Write);
        self.count(Wish::Read);
        self.grant(wakes);
        turn
    }

    /// Grants from the front of the line, as far as it goes.
    fn grant(&mut self, wakes: &mut Wakes) {
        while let Some(&wish) = self.waiters.front()
            && self.allows(wish)
        {
            self.count(wish);
            wakes.push(self.waiters.grant_front().flatten());
        }
    }

    fn allows(&self, wish: Wish) -> bool {
        match wish {
            Wish::Read => !self.writing,
            Wish::Write => !self.writing && self.readers == 0,
        }
    }

    fn count(&mut self, wish: Wish) {
        match wish {
            Wish::Read => self.readers += 1,
            Wish::Write => self.writing = true,
        }
    }

    fn end(&mut self, wish: Wish) {
        match wish {
            Wish::Read => self.readers -= 1,
            Wish::Write => self.writing = false,
        }
    }

    fn forget_holder(&mut self, holder: usize) {
        if let Some(holders) = &mut self.holders {
            holders.remove(holder);
        }
    }

    fn take(&mut self, wish: Wish) -> Turn<T> {
        let value = match wish {
            Wish::Read => self.value.clone(),
            Wish::Write => self.value.take(),
        };
        let holders = self.holders.as_mut();
        Turn {
            value: value.expect("the value is here while nobody writes"),
            holder: holders.map_or(0, |holders| holders.insert(Who::is_here())),
        }
    }
}
