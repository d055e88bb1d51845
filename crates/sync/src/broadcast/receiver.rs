//! The half that receives.

use super::{Lagged, RecvError, Shared, TryRecvError};
use crate::blocking::{BlockingError, block_on, may_block};
use crate::poll::poll_locked;
use crate::wait_list::Wait;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// Receives every item of a broadcast; made by [`channel`](super::channel) and
/// [`Sender::subscribe`](super::Sender::subscribe).
///
/// It is a stream too, of items and of what was lost; the stream ends when no sender is left.
#[doc(alias = "broadcast::Receiver")]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The number of the next item.
    next: u64,
    /// Where the stream stands.
    wait: Wait,
}

/// Waits for the next item of a broadcast; see [`Receiver::recv`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Recv<'a, T> {
    receiver: &'a mut Receiver<T>,
    wait: Wait,
}

impl<T> Receiver<T> {
    /// A receiver of what is sent from now on.
    pub(super) fn subscribe(shared: &Arc<Shared<T>>) -> Self {
        let next = {
            let mut ring = shared.ring.lock();
            ring.receivers += 1;
            ring.end()
        };
        Self {
            shared: Arc::clone(shared),
            next,
            wait: Wait::New,
        }
    }

    /// Another receiver, of what is sent from now on.
    #[must_use]
    pub fn resubscribe(&self) -> Self {
        Self::subscribe(&self.shared)
    }

    /// How many items there are for this receiver; what it has lost does not count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.ring.lock().count_from(self.next)
    }

    /// True if there is no item for this receiver at this moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Clone> Receiver<T> {
    /// Gives the next item, and waits for one if there is none.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] if items were lost since the last call, after which it goes on with
    /// the oldest one that is left; [`RecvError::Closed`] if no sender is left, and everything
    /// was received.
    ///
    /// # Cancel safety
    /// A future that is dropped before it was ready has received nothing.
    pub fn recv(&mut self) -> Recv<'_, T> {
        let wait = Wait::New;
        let receiver = self;
        Recv { receiver, wait }
    }

    /// Gives the next item if it is there.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`TryRecvError::Empty`].
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let item = self.shared.ring.lock().try_recv(&mut self.next);
        item.map(Arc::unwrap_or_clone)
    }

    /// As [`recv`](Self::recv), on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`BlockingError::Failed`] with what awaiting would give, and [`BlockingError::Refused`]
    /// on a worker thread or on the callback lane of a weftwork runtime, always.
    pub fn blocking_recv(&mut self) -> Result<T, BlockingError<RecvError>> {
        may_block(())?;
        block_on(self.recv()).map_err(BlockingError::Failed)
    }
}

fn poll_recv<T: Clone>(
    shared: &Shared<T>,
    next: &mut u64,
    wait: &mut Wait,
    cx: &Context<'_>,
) -> Poll<Result<T, RecvError>> {
    if holds_back(cx) {
        return Poll::Pending;
    }
    let item = poll_locked(&shared.ring, cx, |ring, offer| {
        ring.poll_recv(next, wait, offer)
    });
    spent(item.map_ok(Arc::unwrap_or_clone))
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { receiver, wait } = &mut *self;
        let Receiver { shared, next, .. } = &mut **receiver;
        poll_recv(shared, next, wait, cx)
    }
}

impl<T: Clone> Stream for Receiver<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { shared, next, wait } = &mut *self;
        let answer = poll_recv(shared, next, wait, cx);
        if answer.is_ready() {
            *wait = Wait::New;
        }
        answer.map(|answer| match answer {
            Ok(item) => Some(Ok(item)),
            Err(RecvError::Lagged(lost)) => Some(Err(Lagged(lost))),
            Err(RecvError::Closed) => None,
        })
    }
}

/// Gives up a place in the line.
fn leave_line<T>(shared: &Shared<T>, wait: &mut Wait) {
    if let Wait::Queued(_) = wait {
        let left = shared.ring.lock().leave_line(wait);
        drop(left);
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        leave_line(&self.receiver.shared, &mut self.wait);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        leave_line(&self.shared, &mut self.wait);
        let left = self.shared.ring.lock().leave(self.next);
        drop(left);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
