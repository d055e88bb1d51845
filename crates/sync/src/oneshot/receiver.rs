//! The half that waits for the result.

use super::{RecvError, Shared, Slot, State, TryRecvError};
use crate::blocking::{BlockingError, block_on, may_block};
use crate::poll::{Wakes, poll_locked};
use crate::wait_list::Status;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// Waits for what a [`Sender`](super::Sender) sets: a future that gives `Result<T, RecvError>`.
///
/// # Cancel safety
/// Awaiting `&mut receiver` can be given up at any time; a value that is there stays.
#[doc(alias = "oneshot::Receiver")]
#[must_use = "futures do nothing unless you await them"]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Takes the value if it is there.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if nothing has been set yet, [`TryRecvError::Failed`] if no value
    /// will come.
    #[doc(alias = "result")]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let result = self.shared.state.lock().take();
        result
            .ok_or(TryRecvError::Empty)?
            .map_err(TryRecvError::Failed)
    }

    /// Waits for the value on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`BlockingError::Failed`] with what awaiting would give, and [`BlockingError::Refused`]
    /// on a worker thread or on the callback lane of a weftwork runtime, always.
    pub fn blocking_recv(&mut self) -> Result<T, BlockingError<RecvError>> {
        may_block(())?;
        block_on(self).map_err(BlockingError::Failed)
    }

    /// Nothing can be set from now on. What was set before can still be received.
    #[doc(alias = "cancel")]
    pub fn close(&mut self) {
        self.go_away(|state| {
            if let Slot::Unset = state.slot {
                state.slot = Slot::Set(Err(RecvError::Closed));
            }
        });
    }

    /// Tells the sender's side that nobody waits any more. What `last` gives is dropped after
    /// the lock.
    fn go_away<R>(&self, last: impl FnOnce(&mut State<T>) -> R) {
        let mut wakes = Wakes::default();
        let _left = {
            let mut state = self.shared.state.lock();
            state.receiver_gone = true;
            state.senders.settle_waiting(Status::Granted, &mut wakes);
            last(&mut state)
        };
        wakes.wake();
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if holds_back(cx) {
            return Poll::Pending;
        }
        let shared = &self.shared;
        spent(poll_locked(&shared.state, cx, |state, offer| {
            match state.take() {
                Some(result) => Some(Poll::Ready(result)),
                None => offer.store(&mut state.receiver).then_some(Poll::Pending),
            }
        }))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // Without a sender there is nobody to tell, and the rest goes with the memory.
        if Arc::strong_count(&self.shared) == 1 {
            return;
        }
        self.go_away(|state| {
            let slot = std::mem::replace(&mut state.slot, Slot::Taken);
            (slot, state.receiver.take())
        });
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = matches!(self.shared.state.lock().slot, Slot::Set(_));
        f.debug_struct("Receiver")
            .field("set", &set)
            .finish_non_exhaustive()
    }
}
