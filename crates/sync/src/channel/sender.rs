//! The half that puts.

use crate::queue::Put;
use crate::{BlockingError, Queue, ShutDown, TryPutError};
use std::fmt;
use std::sync::Arc;

/// Puts items in a channel; made by [`channel`](super::channel).
///
/// When the last clone of it goes, the channel is shut down.
#[doc(alias = "mpsc::Sender")]
#[doc(alias = "UnboundedSender")]
pub struct Sender<T> {
    side: Arc<Side<T>>,
}

/// What all senders share.
struct Side<T> {
    queue: Queue<T>,
}

impl<T> Sender<T> {
    pub(super) fn new(queue: Queue<T>) -> Self {
        let side = Arc::new(Side { queue });
        Self { side }
    }

    /// Puts an item in, and waits for a free slot if there is none.
    ///
    /// # Errors
    /// [`ShutDown`] with the item, if no receiver is left.
    ///
    /// # Cancel safety
    /// As [`Queue::put`](crate::queue::AnyQueue::put).
    #[doc(alias = "put")]
    pub fn send(&self, item: T) -> Put<'_, T> {
        self.side.queue.put(item)
    }

    /// Puts an item in if there is a slot for a newcomer at this moment.
    ///
    /// # Errors
    /// [`TryPutError::Full`] or [`TryPutError::ShutDown`], both with the item.
    #[doc(alias = "put_nowait")]
    pub fn try_send(&self, item: T) -> Result<(), TryPutError<T>> {
        self.side.queue.try_put(item)
    }

    /// Puts an item in from a thread that runs no tasks, and blocks until there is a slot.
    ///
    /// # Errors
    /// As [`Queue::blocking_put`](crate::queue::AnyQueue::blocking_put), with the item.
    pub fn blocking_send(&self, item: T) -> Result<(), BlockingError<ShutDown<T>, T>> {
        self.side.queue.blocking_put(item)
    }

    /// True once no receiver is left.
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
        self.queue.shutdown(false);
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let side = Arc::clone(&self.side);
        Self { side }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = &self.side.queue;
        f.debug_struct("Sender").field("queue", queue).finish()
    }
}
