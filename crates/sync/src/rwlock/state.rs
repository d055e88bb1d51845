//! What the lock of a reader-writer lock guards: the value, who has it, and the line.

use crate::poll::{Offer, Wakes};
use crate::wait_list::{Left, Status, Wait, WaitList};
use std::sync::Arc;
use std::task::Poll;

/// What somebody in the line wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Read,
    Write,
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
}

impl<T> State<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Some(Arc::new(value)),
            readers: 0,
            writing: false,
            waiters: WaitList::new(),
        }
    }

    /// The value where it lies, for somebody who has the whole lock.
    pub(super) fn value(&mut self) -> &mut Option<Arc<T>> {
        &mut self.value
    }

    /// How many read, and whether somebody writes.
    pub(super) fn users(&self) -> (usize, bool) {
        (self.readers, self.writing)
    }

    /// A newcomer's attempt: a share of the value, or the whole.
    pub(super) fn try_take(&mut self, wish: Wish) -> Option<Arc<T>> {
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
    ) -> Option<Poll<Arc<T>>> {
        if matches!(wait, Wait::New) {
            let Some(value) = self.try_take(wish) else {
                return self.waiters.enqueue(wait, wish, offer);
            };
            *wait = Wait::Done;
            return Some(Poll::Ready(value));
        }
        let settled = self.waiters.poll_entry(wait, offer)?;
        Some(settled.map(|_| self.take(wish)))
    }

    /// A future goes away. What it had been promised is free, and if it was at the front, those behind
    /// it may have their turn.
    pub(super) fn leave(&mut self, wish: Wish, wait: &mut Wait, wakes: &mut Wakes) -> Option<Left> {
        let left = self.waiters.leave(wait)?;
        if left.status == Status::Granted {
            self.end(wish);
        }
        self.grant(wakes);
        Some(left)
    }

    /// A reader whose share is dropped has gone.
    pub(super) fn end_read(&mut self, wakes: &mut Wakes) {
        self.end(Wish::Read);
        self.grant(wakes);
    }

    /// A writer brings the value back.
    pub(super) fn end_write(&mut self, value: Arc<T>, wakes: &mut Wakes) {
        self.value = Some(value);
        self.end(Wish::Write);
        self.grant(wakes);
    }

    /// A writer becomes a reader; nobody writes in between.
    pub(super) fn downgrade(&mut self, value: Arc<T>, wakes: &mut Wakes) -> Arc<T> {
        let share = Arc::clone(&value);
        self.value = Some(value);
        self.end(Wish::Write);
        self.count(Wish::Read);
        self.grant(wakes);
        share
    }

    /// Grants from the front of the line, as far as it goes.
    fn grant(&mut self, wakes: &mut Wakes) {
        while let Some(&wish) = self.waiters.front()
            && self.allows(wish)
        {
            self.count(wish);
            wakes.push(self.waiters.grant_front());
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

    fn take(&mut self, wish: Wish) -> Arc<T> {
        let value = match wish {
            Wish::Read => self.value.clone(),
            Wish::Write => self.value.take(),
        };
        value.expect("the value is here while nobody writes")
    }
}
