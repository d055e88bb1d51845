//! A FIFO queue for many producers and many consumers, bounded or not.

mod error;
mod futures;
mod state;

pub use error::{ShutDown, TooManyTaskDone, TryGetError, TryPutError};
pub use futures::{Get, Items, Join, Put};

use crate::blocking::{BlockingError, block_on, may_block};
use state::State;
use std::fmt;
use std::sync::Arc;
use weftwork_std_or_loom::Mutex;

/// A FIFO queue that any number of producers and consumers share.
///
/// Cloning is cheap, and all clones are the same queue; it is shut down by
/// [`shutdown`](Self::shutdown) only. (For one that ends when the last of a side goes, use a
/// channel.)
///
/// It is fair: an item is promised to the first waiting consumer at the moment it is put, and
/// a slot to the first waiting producer at the moment it becomes free. Whoever comes later does
/// not pass them, not even with `try_get` or `try_put`. What is promised counts as gone:
/// [`is_empty`](Self::is_empty) and [`is_full`](Self::is_full) say what a newcomer would meet.
///
/// ```
/// use weftwork_sync::Queue;
/// # futures::executor::block_on(async {
/// let queue = Queue::new(2);
/// queue.put("a").await?;
/// queue.put("b").await?;
/// assert!(queue.try_put("c").is_err());
/// assert_eq!(queue.get().await.unwrap(), "a");
/// queue.shutdown(false);
/// assert_eq!(queue.get().await.unwrap(), "b");
/// assert!(queue.get().await.is_err());
/// # Ok::<_, weftwork_sync::ShutDown<&str>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.Queue")]
#[doc(alias = "mpsc")]
pub struct Queue<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    maxsize: usize,
}

impl<T> Queue<T> {
    /// A queue that holds at most `maxsize` items; 0 is without bound.
    #[must_use]
    pub fn new(maxsize: usize) -> Self {
        let state = Mutex::new(State::new(maxsize));
        let shared = Arc::new(Shared { state, maxsize });
        Self { shared }
    }

    /// Puts an item in, and waits for a free slot if there is none.
    ///
    /// # Errors
    /// [`ShutDown`] with the item, if the queue is shut down, before or while waiting.
    ///
    /// # Cancel safety
    /// A future that is dropped before it was ready has put nothing; its item is dropped with
    /// it, and a slot that it had been promised goes to the next producer.
    #[doc(alias = "send")]
    pub fn put(&self, item: T) -> Put<'_, T> {
        Put::new(self, item)
    }

    /// Puts an item in if there is a slot for a newcomer at this moment.
    ///
    /// # Errors
    /// [`TryPutError::Full`] or [`TryPutError::ShutDown`], both with the item.
    #[doc(alias = "put_nowait")]
    #[doc(alias = "try_send")]
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        let getter = self.shared.state.lock().try_put(item)?;
        wake(getter);
        Ok(())
    }

    /// Puts an item in from a thread that runs no tasks, and blocks until there is a slot.
    ///
    /// # Errors
    /// [`BlockingError::Failed`] with the item if the queue is shut down, and
    /// [`BlockingError::Refused`], with the item as well, on a worker thread or on the callback
    /// lane of a weftwork runtime, always.
    #[doc(alias = "blocking_send")]
    pub fn blocking_put(&self, item: T) -> Result<(), BlockingError<ShutDown<T>, T>> {
        let item = may_block(item)?;
        block_on(self.put(item)).map_err(BlockingError::Failed)
    }

    /// Takes the oldest item, and waits for one if there is none.
    ///
    /// # Errors
    /// [`ShutDown`] if the queue is shut down and nothing is left in it, before or while
    /// waiting.
    ///
    /// # Cancel safety
    /// A future that is dropped before it was ready has taken nothing; an item that it had been
    /// promised goes to the next consumer.
    #[doc(alias = "recv")]
    pub fn get(&self) -> Get<'_, T> {
        Get::new(self)
    }

    /// Takes the oldest item if there is one for a newcomer at this moment.
    ///
    /// # Errors
    /// [`TryGetError::Empty`], or [`TryGetError::ShutDown`] if nothing can follow either.
    #[doc(alias = "get_nowait")]
    #[doc(alias = "try_recv")]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        let (item, putter) = self.shared.state.lock().try_get()?;
        wake(putter);
        Ok(item)
    }

    /// Takes the oldest item from a thread that runs no tasks, and blocks until there is one.
    ///
    /// # Errors
    /// [`BlockingError::Failed`] if the queue is shut down and nothing is left in it, and
    /// [`BlockingError::Refused`] on a worker thread or on the callback lane of a weftwork
    /// runtime, always.
    #[doc(alias = "blocking_recv")]
    pub fn blocking_get(&self) -> Result<T, BlockingError<ShutDown<()>>> {
        may_block(())?;
        block_on(self.get()).map_err(BlockingError::Failed)
    }

    /// The items as a stream, which ends when the queue is shut down and nothing is left in it.
    ///
    /// Several streams and [`get`](Self::get)s share the items, each goes to one of them.
    /// Dropping the stream loses no item.
    pub fn stream(&self) -> Items<T> {
        Items::new(self.clone())
    }

    /// Says that the work on an item that was taken is finished, for [`join`](Self::join).
    ///
    /// # Errors
    /// [`TooManyTaskDone`] if that has been said for every item that was put.
    pub fn task_done(&self) -> Result<(), TooManyTaskDone> {
        let wakes = self.shared.state.lock().task_done()?;
        wakes.wake();
        Ok(())
    }

    /// Waits until [`task_done`](Self::task_done) was called for every item that was put.
    ///
    /// # Cancel safety
    /// The future can be dropped at any time.
    pub fn join(&self) -> Join<'_, T> {
        Join::new(self)
    }

    /// Ends the queue: from now on nothing can be put, and waiting producers get [`ShutDown`]
    /// with their items.
    ///
    /// Consumers get what is left in it, then [`ShutDown`]. With `immediate`, what is left is
    /// dropped instead and counts as done for [`join`](Self::join), and all consumers get
    /// [`ShutDown`]. It may be called again, to make it immediate.
    #[doc(alias = "close")]
    pub fn shutdown(&self, immediate: bool) {
        let (left, wakes) = self.shared.state.lock().shut_down(immediate);
        wakes.wake();
        drop(left);
    }

    /// True once [`shutdown`](Self::shutdown) was called.
    #[must_use]
    #[doc(alias = "is_closed")]
    pub fn is_shutdown(&self) -> bool {
        self.shared.state.lock().is_shut_down()
    }

    /// How many items there are for newcomers: those promised to a waiting consumer that has
    /// not run yet do not count.
    #[must_use]
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.shared.state.lock().free_items()
    }

    /// True if a newcomer would have to wait for an item.
    #[must_use]
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if a newcomer would have to wait for a slot. Slots promised to a waiting producer
    /// that has not run yet are not free.
    #[must_use]
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        !self.shared.state.lock().has_room()
    }

    /// The most items that the queue holds; 0 is without bound.
    #[must_use]
    #[doc(alias = "max_capacity")]
    pub fn maxsize(&self) -> usize {
        self.shared.maxsize
    }
}

/// Calls the waker that a change of the state gave out.
#[inline]
fn wake(waker: Option<std::task::Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        Self { shared }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("maxsize", &self.maxsize())
            .field("shut_down", &self.is_shutdown())
            .finish_non_exhaustive()
    }
}
