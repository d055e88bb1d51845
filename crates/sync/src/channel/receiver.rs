//! The half that takes.

use crate::queue::{Get, GetMany, Items};
use crate::{BlockingError, Queue, ShutDown, TryGetError};
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Takes items from a channel; made by [`channel`](super::channel). It is a stream of them too.
///
/// Of several clones each item goes to one. When the last of them goes, the channel is shut
/// down.
pub struct Receiver<T> {
    // Before the side, so that its place in the line is given up before the shutdown.
    items: Items<T>,
    side: Arc<Side<T>>,
}

/// What all receivers share.
struct Side<T> {
    queue: Queue<T>,
}

impl<T> Receiver<T> {
    pub(super) fn new(queue: Queue<T>) -> Self {
        Self::on(Arc::new(Side { queue }))
    }

    fn on(side: Arc<Side<T>>) -> Self {
        let items = side.queue.stream();
        Self { items, side }
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

impl<T> Stream for Receiver<T> {
    type Item = T;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.items).poll_next(cx)
    }
}

impl<T> Drop for Side<T> {
    fn drop(&mut self) {
        self.queue.shutdown(true);
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self::on(Arc::clone(&self.side))
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = &self.side.queue;
        f.debug_struct("Receiver").field("queue", queue).finish()
    }
}
