//! The half that looks at the value.

use super::{Ref, Shared, State};
use crate::blocking::{BlockingError, block_on, may_block};
use crate::poll::{Offer, Wakes, may_answer, poll_locked};
use crate::wait_list::{Status, Wait};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// Looks at the value that a [`Sender`](super::Sender) sets, and waits for changes.
///
/// Each receiver, also each clone, remembers for itself which value it has seen.
#[doc(alias = "watch::Receiver")]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// No sender is left, and the last value was seen: there will be no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "RecvError")]
pub struct SendersGone;

/// Waits for a value that its receiver has not seen; see [`Receiver::changed`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Changed<'a, T> {
    receiver: &'a mut Receiver<T>,
    wait: Wait,
}

impl<T> Receiver<T> {
    /// It counts already, and has seen version `seen`.
    pub(super) fn new(shared: Arc<Shared<T>>, seen: u64) -> Self {
        Self { shared, seen }
    }

    /// The latest value; [`changed`](Self::changed) goes on waiting for it if it is new.
    #[must_use]
    pub fn borrow(&self) -> Ref<T> {
        let state = self.shared.state.lock();
        Ref::new(Arc::clone(&state.value), state.version != self.seen)
    }

    /// The latest value, which counts as seen from now on.
    pub fn borrow_and_update(&mut self) -> Ref<T> {
        let state = self.shared.state.lock();
        let changed = state.version != self.seen;
        self.seen = state.version;
        Ref::new(Arc::clone(&state.value), changed)
    }

    /// Waits until there is a value that this receiver has not seen, and marks it as seen.
    ///
    /// Ready at once if there is one. Values in between are not kept: after it, look at the
    /// latest with [`borrow`](Self::borrow).
    ///
    /// # Errors
    /// [`SendersGone`] if no sender is left and the last value was seen.
    ///
    /// # Cancel safety
    /// A future that is dropped before it was ready has marked nothing as seen.
    pub fn changed(&mut self) -> Changed<'_, T> {
        let wait = Wait::New;
        let receiver = self;
        Changed { receiver, wait }
    }

    /// Waits until the latest value is one that `wanted` accepts, and gives it. It looks at the
    /// value that is there first.
    ///
    /// # Errors
    /// [`SendersGone`] if no sender is left, and the last value was refused.
    ///
    /// # Cancel safety
    /// The future can be dropped at any time; values that it has refused count as seen.
    pub async fn wait_for(
        &mut self,
        mut wanted: impl FnMut(&T) -> bool,
    ) -> Result<Ref<T>, SendersGone> {
        may_answer().await;
        loop {
            let value = self.borrow_and_update();
            if wanted(&value) {
                return Ok(value);
            }
            drop(value);
            self.changed().await?;
        }
    }

    /// As [`changed`](Self::changed), on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`BlockingError::Failed`] with what awaiting would give, and [`BlockingError::Refused`]
    /// on a worker thread or on the callback lane of a weftwork runtime, always.
    pub fn blocking_changed(&mut self) -> Result<(), BlockingError<SendersGone>> {
        may_block(())?;
        block_on(self.changed()).map_err(BlockingError::Failed)
    }

    /// True if there is a value that this receiver has not seen.
    ///
    /// # Errors
    /// [`SendersGone`] if no sender is left and the last value was seen.
    pub fn has_changed(&self) -> Result<bool, SendersGone> {
        let state = self.shared.state.lock();
        match state.version != self.seen {
            false if state.senders == 0 => Err(SendersGone),
            changed => Ok(changed),
        }
    }

    /// The value that is there counts as new for this receiver.
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.state.lock().version.wrapping_sub(1);
    }

    /// The value that is there counts as seen by this receiver.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.state.lock().version;
    }
}

impl<T> Changed<'_, T> {
    fn step(
        state: &mut State<T>,
        seen: &mut u64,
        wait: &mut Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<Result<(), SendersGone>>> {
        if !matches!(wait, Wait::New) {
            if state.watchers.poll_entry(wait, offer)?.is_pending() {
                return Some(Poll::Pending);
            }
        } else if state.version == *seen && state.senders > 0 {
            return state.watchers.enqueue(wait, (), offer);
        }
        *wait = Wait::Done;
        let changed = state.version != std::mem::replace(seen, state.version);
        Some(Poll::Ready(changed.then_some(()).ok_or(SendersGone)))
    }
}

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), SendersGone>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if holds_back(cx) {
            return Poll::Pending;
        }
        let Self { receiver, wait } = &mut *self;
        let Receiver { shared, seen } = &mut **receiver;
        spent(poll_locked(&shared.state, cx, |state, offer| {
            Self::step(state, seen, wait, offer)
        }))
    }
}

impl<T> Drop for Changed<'_, T> {
    fn drop(&mut self) {
        if let Wait::Queued(_) = self.wait {
            let mut state = self.receiver.shared.state.lock();
            let left = state.watchers.leave(&mut self.wait);
            drop(state);
            drop(left);
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.state.lock().receivers += 1;
        Self::new(Arc::clone(&self.shared), self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut wakes = Wakes::default();
        {
            let mut state = self.shared.state.lock();
            state.receivers -= 1;
            if state.receivers == 0 {
                state.closers.settle_waiting(Status::Granted, &mut wakes);
            }
        }
        wakes.wake();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("has_changed", &self.has_changed())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Changed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changed")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SendersGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no sender of this watch is left: its value will not change any more")
    }
}

impl Error for SendersGone {}
