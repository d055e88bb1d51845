//! The futures that wait for permits of a semaphore.

use super::state::State;
use super::{Closed, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError};
use crate::marked::{Left, Mark, MarkedWait};
use crate::poll::Offer;
use crate::wait_list::Status;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// Waits for permits; see [`Semaphore::acquire`].
///
/// # Panics
/// When polled after it has given its answer.
#[derive(Debug)]
#[must_use = "futures do nothing unless you await them"]
pub struct Acquire<'a> {
    semaphore: &'a Semaphore,
    line: InLine,
}

/// Waits for permits; see [`Semaphore::acquire_owned`].
///
/// # Panics
/// When polled after it has given its answer.
#[derive(Debug)]
#[must_use = "futures do nothing unless you await them"]
pub struct AcquireOwned {
    semaphore: Arc<Semaphore>,
    line: InLine,
}

impl<'a> Acquire<'a> {
    pub(super) fn new(semaphore: &'a Semaphore, permits: usize) -> Self {
        let line = InLine::new(permits);
        Self { semaphore, line }
    }
}

impl AcquireOwned {
    pub(super) fn new(semaphore: Arc<Semaphore>, permits: usize) -> Self {
        let line = InLine::new(permits);
        Self { semaphore, line }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { semaphore, line } = &mut *self;
        let taken = line.poll(semaphore, cx);
        taken.map_ok(|()| SemaphorePermit::new(semaphore, line.permits))
    }
}

impl Future for AcquireOwned {
    type Output = Result<OwnedSemaphorePermit, Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { semaphore, line } = &mut *self;
        let taken = line.poll(semaphore, cx);
        taken.map_ok(|()| OwnedSemaphorePermit::new(Arc::clone(semaphore), line.permits))
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        self.line.leave(self.semaphore);
    }
}

impl Drop for AcquireOwned {
    fn drop(&mut self) {
        self.line.leave(&self.semaphore);
    }
}

/// What both futures are but for the way they hold the semaphore.
#[derive(Debug)]
struct InLine {
    permits: usize,
    wait: MarkedWait,
}

impl InLine {
    fn new(permits: usize) -> Self {
        let wait = MarkedWait::new();
        Self { permits, wait }
    }

    #[inline]
    fn poll(&mut self, semaphore: &Semaphore, cx: &Context<'_>) -> Poll<Result<(), Closed>> {
        if holds_back(cx) {
            return Poll::Pending;
        }
        if semaphore.mark.settles(&mut self.wait) {
            return spent(Poll::Ready(Ok(())));
        }
        spent(self.poll_locked(semaphore, cx))
    }

    fn poll_locked(&mut self, semaphore: &Semaphore, cx: &Context<'_>) -> Poll<Result<(), Closed>> {
        let Semaphore { state, mark, waits } = semaphore;
        let first = self.wait.is_new();
        waits.poll_locked(first, state, cx, |state, offer| match first {
            true => self.begin(state, offer),
            false => self.go_on(state, mark, offer),
        })
    }

    /// The first step.
    fn begin(
        &mut self,
        state: &mut State,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Result<(), Closed>>> {
        let answer = match state.try_take(self.permits) {
            Ok(()) => Ok(()),
            Err(TryAcquireError::Closed) => Err(Closed),
            Err(TryAcquireError::NoPermits) => {
                return state.waiters.enqueue(&mut self.wait, self.permits, offer);
            }
        };
        self.wait.end();
        Some(Poll::Ready(answer))
    }

    /// A further step, in the line.
    fn go_on(
        &mut self,
        state: &mut State,
        mark: &Mark,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Result<(), Closed>>> {
        let settled = state.waiters.poll_entry(mark, &mut self.wait, offer)?;
        Some(settled.map(|status| match status {
            Status::Granted => Ok(()),
            Status::Waiting | Status::Refused => Err(Closed),
        }))
    }

    /// Gives up the place in the line. Promised permits go back, and if a long wish was at the
    /// front, those behind it may have theirs.
    #[inline]
    fn leave(&mut self, semaphore: &Semaphore) {
        if self.wait.is_queued() {
            self.leave_line(semaphore);
        }
    }

    #[cold]
    fn leave_line(&mut self, semaphore: &Semaphore) {
        let (_left, wakes) = {
            let mut state = semaphore.state.lock();
            let left = state.waiters.leave(&semaphore.mark, &mut self.wait);
            if let Left::Granted = left {
                state.permits += self.permits;
            }
            (left, state.grant(&semaphore.mark))
        };
        wakes.wake();
    }
}
