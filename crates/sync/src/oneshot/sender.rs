//! The half that sets the result.

use super::{InvalidState, RecvError, Shared, Slot};
use crate::poll::poll_locked;
use crate::wait_list::Wait;
use crate::who::Who;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork_std_or_loom::atomic::{AtomicBool, Ordering::Relaxed};
use weftwork_task_context::{holds_back, spent};

/// Sets the result that a [`Receiver`](super::Receiver) waits for, once, from any thread.
///
/// Its methods take `&self`, so that several places can share it; the first to set something
/// wins, the others get [`InvalidState`]. Dropped without having set anything, it gives the
/// receiver [`RecvError::SenderDropped`].
#[doc(alias = "oneshot::Sender")]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    /// Nothing can be set any more, so that a drop need not look. It is dropped by whoever owns it
    /// alone, and so sees what was stored.
    done: AtomicBool,
}

/// Waits until the receiver of a oneshot is gone; see [`Sender::closed`].
///
/// # Panics
/// When polled after it was ready.
#[must_use = "futures do nothing unless you await them"]
pub struct UntilClosed<'a, T> {
    shared: &'a Shared<T>,
    wait: Wait,
}

impl<T> Sender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        let done = AtomicBool::new(false);
        Self { shared, done }
    }

    /// Sets the value.
    ///
    /// # Errors
    /// [`InvalidState`] with the value, if something was set before or the receiver is gone.
    #[doc(alias = "set_result")]
    pub fn send(&self, value: T) -> Result<(), InvalidState<T>> {
        self.settle(value, Ok)
    }

    /// Sets an error: the receiver gets [`RecvError::Failed`].
    ///
    /// ```
    /// # use weftwork_sync::oneshot;
    /// let (sender, mut receiver) = oneshot::channel::<i32>();
    /// sender.set_error("no such host").unwrap();
    /// assert_eq!(sender.send(1).unwrap_err().value, 1);
    /// let error = receiver.try_recv().unwrap_err();
    /// assert!(error.to_string().ends_with("set an error: no such host"));
    /// ```
    ///
    /// # Errors
    /// [`InvalidState`] with the boxed error, if something was set before or the receiver is
    /// gone.
    #[doc(alias = "set_exception")]
    pub fn set_error(
        &self,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Result<(), InvalidState<Box<dyn Error + Send + Sync>>> {
        self.settle(error.into(), |error| Err(RecvError::Failed(error)))
    }

    /// Cancels it: the receiver gets [`RecvError::Cancelled`]. False if something was set
    /// before or the receiver is gone.
    pub fn cancel(&self) -> bool {
        self.settle(None, |msg| Err(RecvError::Cancelled(msg)))
            .is_ok()
    }

    /// As [`cancel`](Self::cancel), with a message.
    pub fn cancel_with(&self, msg: impl Into<String>) -> bool {
        self.settle(Some(msg.into()), |msg| Err(RecvError::Cancelled(msg)))
            .is_ok()
    }

    /// True once nothing can be set any more: there is a result, or the receiver is gone.
    #[must_use]
    #[doc(alias = "done")]
    pub fn is_done(&self) -> bool {
        self.shared.state.lock().closed_to_results().is_some()
    }

    /// True once the receiver was closed or dropped: nobody wants a result any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().receiver_gone
    }

    /// Who waits for the result at this moment, if somebody does.
    #[must_use]
    pub fn receiver_waits(&self) -> Option<Who> {
        let state = self.shared.state.lock();
        let waker = state.receiver.as_ref();
        waker.map(|waker| Who::wakes(Some(waker)))
    }

    /// Waits until the receiver is closed or dropped, to give up work whose result nobody
    /// wants.
    ///
    /// # Cancel safety
    /// The future can be dropped at any time.
    pub fn closed(&self) -> UntilClosed<'_, T> {
        UntilClosed {
            shared: &self.shared,
            wait: Wait::New,
        }
    }

    /// Makes `result(value)` the result, unless there is one or nobody wants it. `result` runs
    /// under the lock.
    fn settle<V>(
        &self,
        value: V,
        result: impl FnOnce(V) -> Result<T, RecvError>,
    ) -> Result<(), InvalidState<V>> {
        let receiver = {
            let mut state = self.shared.state.lock();
            self.done.store(true, Relaxed);
            if let Some(why) = state.closed_to_results() {
                return Err(InvalidState { value, why });
            }
            state.slot = Slot::Set(result(value));
            state.receiver.take()
        };
        if let Some(waker) = receiver {
            waker.wake();
        }
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if !self.done.load(Relaxed) {
            // Fails if the receiver is gone, which is as well.
            let _ = self.settle((), |()| Err(RecvError::SenderDropped));
        }
    }
}

impl<T> Future for UntilClosed<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { shared, wait } = &mut *self;
        if holds_back(cx) {
            return Poll::Pending;
        }
        spent(poll_locked(&shared.state, cx, |state, offer| {
            let gone = state.receiver_gone;
            state.senders.poll_reached(gone, wait, offer)
        }))
    }
}

impl<T> Drop for UntilClosed<'_, T> {
    fn drop(&mut self) {
        if let Wait::Queued(_) = self.wait {
            let left = self.shared.state.lock().senders.leave(&mut self.wait);
            drop(left);
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("done", &self.is_done())
            .field("receiver_waits", &self.receiver_waits())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for UntilClosed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilClosed")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
