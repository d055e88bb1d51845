//! The half that takes.

use crate::queue::{Get, GetMany, Items};
use crate::{BlockingError, Queue, ShutDown, TryGetError};
use std::fmt;
use std::sync::Arc;

/// Takes items from a channel; made by [`channel`](super::channel).
///
/// Of several clones each item goes to one. When the last of them goes, the channel is shut
/// down.
#[doc(alias = "mpsc::Receiver")]
#[doc(alias = "UnboundedReceiver")]
pub struct Receiver<T> {
    side: Arc<Side<T>>,
}

/// What all receivers share.
struct Side<T> {
    queue: Queue<T>,
}

impl<T> Receiver<T> {
    pub(super) fn new(queue: Queue<T>) -> Self {
        let side = Arc::new(Side { queue });
        Self { side }
    }

    /// Takes the oldest item, and waits for one if there is none.
    ///
    /// # Errors
    /// [`ShutDown`] if no sender and no item is left.
    ///
    /// # Cancel safety
    /// As [`Queue::get`](crate::queue::AnyQueue::get).
    #[doc(alias = "get")]
    pub fn recv(&self) -> Get<'_, T> {
        self.side.queue.get()
    }

    /// Takes up to `limit` items in one turn; as
    /// [`Queue::get_many`](crate::queue::AnyQueue::get_many), which also tells of errors and of
    /// cancel safety.
    pub fn recv_many<'a>(&'a self, limit: usize, into: &'a mut Vec<T>) -> GetMany<'a, T> {
        self.side.queue.get_many(limit, into)
    }

    /// Takes the oldest item if there is one for a newcomer at this moment.
    ///
    /// # Errors
    /// [`TryGetError::Empty`], or [`TryGetError::ShutDown`] if nothing can follow either.
    #[doc(alias = "get_nowait")]
    pub fn try_recv(&self) -> Result<T, TryGetError> {
        self.side.queue.try_get()
    }

    /// Takes the oldest item from a thread that runs no tasks, and blocks until there is one.
    ///
    /// # Errors
    /// As [`Queue::blocking_get`](crate::queue::AnyQueue::blocking_get).
    pub fn blocking_recv(&self) -> Result<T, BlockingError<ShutDown<()>>> {
        self.side.queue.blocking_get()
    }

    /// The items as a stream, which ends with the channel; see
    /// [`Queue::stream`](crate::queue::AnyQueue::stream), also for what a stream does that is not
    /// polled. It keeps no side alive.
    pub fn stream(&self) -> Items<T> {
        self.side.queue.stream()
    }

    /// Ends the channel: nothing can be sent from now on, what is there can still be received.
    pub fn close(&self) {
        self.side.queue.shutdown(false);
    }

    /// True once nothing can be sent any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.side.queue.is_shutdown()
    }

    /// The queue between the halves; a clone of it keeps no side alive.
    #[must_use]
    pub fn queue(&self) -> &Queue<T> {
        &self.side.queue
    }
}

impl<T> Drop for Side<T> {
    fn drop(&mut self) {
        self.queue.shutdown(true);
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let side = Arc::clone(&self.side);
        Self { side }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = &self.side.queue;
        f.debug_struct("Receiver").field("queue", queue).finish()
    }
}
