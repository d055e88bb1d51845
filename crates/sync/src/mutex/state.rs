//! What the lock of a mutex guards: the value, and the line of those who wait for it.

use crate::poll::Offer;
use crate::wait_list::{Left, Status, Wait, WaitList};
use crate::who::Who;
use std::task::{Poll, Waker};

/// Somebody is in the line: the value is away or promised.
pub(super) struct State<T> {
    /// None while a guard has it.
    value: Option<Box<T>>,
    /// The value is here, but it is that of a waiter which has not fetched it.
    promised: bool,
    waiters: WaitList<()>,
    /// Who has the value, or had it last; none if nobody wants to know.
    holder: Option<Who>,
}

impl<T> State<T> {
    pub(super) fn new(value: Box<T>) -> Self {
        Self {
            value: Some(value),
            promised: false,
            waiters: WaitList::new(),
            holder: None,
        }
    }

    /// From now on it is known who has the value.
    pub(super) fn track(&mut self) {
        self.holder = Some(Who::Unknown);
    }

    pub(super) fn is_free(&self) -> bool {
        self.value.is_some() && !self.promised
    }

    /// Who waits.
    pub(super) fn waiters(&self) -> Vec<Who> {
        self.waiters.who()
    }

    /// Who has the value, if somebody has.
    pub(super) fn holder(&self) -> Option<Who> {
        let away = self.value.is_none();
        away.then(|| self.holder.unwrap_or(Who::Unknown))
    }

    /// The value where it lies, for somebody who has the whole mutex.
    pub(super) fn value(&mut self) -> &mut Option<Box<T>> {
        &mut self.value
    }

    /// A newcomer's attempt.
    #[inline]
    pub(super) fn try_take(&mut self) -> Option<Box<T>> {
        if self.promised {
            return None;
        }
        self.take()
    }

    #[inline]
    fn take(&mut self) -> Option<Box<T>> {
        let value = self.value.take()?;
        if let Some(holder) = &mut self.holder {
            *holder = Who::is_here();
        }
        Some(value)
    }

    /// A step of a waiting lock.
    #[inline]
    pub(super) fn poll_lock(
        &mut self,
        wait: &mut Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Box<T>>> {
        if matches!(wait, Wait::New) {
            let Some(value) = self.try_take() else {
                return self.waiters.enqueue(wait, (), offer);
            };
            *wait = Wait::Done;
            return Some(Poll::Ready(value));
        }
        let settled = self.waiters.poll_entry(wait, offer)?;
        Some(settled.map(|_| {
            self.promised = false;
            self.take().expect("a promised value is here")
        }))
    }

    /// A guard brings the value back; gives whom to wake.
    #[inline]
    pub(super) fn put_back(&mut self, value: Option<Box<T>>) -> Option<Waker> {
        self.value = value;
        self.promise()
    }

    /// A lock goes away; what it had been promised goes to the next one.
    pub(super) fn leave(&mut self, wait: &mut Wait) -> Option<(Left, Option<Waker>)> {
        let left = self.waiters.leave(wait)?;
        if left.status != Status::Granted {
            return Some((left, None));
        }
        self.promised = false;
        Some((left, self.promise()))
    }

    /// The value is free: it is the first waiter's.
    #[inline]
    fn promise(&mut self) -> Option<Waker> {
        let waker = self.waiters.grant_front()?;
        self.promised = true;
        waker
    }
}
