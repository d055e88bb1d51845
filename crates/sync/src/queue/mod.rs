//! Queues for many producers and many consumers, bounded or not, in three orders.

mod error;
mod futures;
mod order;
mod state;

pub use error::{ShutDown, TooManyTaskDone, TryGetError, TryPutError};
pub use futures::{Get, GetMany, Items, Join, Put};
pub use order::{Fifo, Lifo, Lowest, Order};

use crate::blocking::{BlockingError, block_on, may_block};
use crate::poll::{Guess, contained};
use crate::who::{Crowd, Who};
use state::State;
use std::fmt;
use std::sync::Arc;
use weftwork_std_or_loom::Lock;

/// A queue that gives the oldest item first.
///
/// Its methods are those of [`AnyQueue`], and [`rendezvous`](Queue::rendezvous).
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
pub type Queue<T> = AnyQueue<T, Fifo>;

/// A queue that gives the newest item first: a stack.
///
/// ```
/// use weftwork_sync::LifoQueue;
/// # futures::executor::block_on(async {
/// let queue = LifoQueue::new(0);
/// queue.put("a").await?;
/// queue.put("b").await?;
/// assert_eq!(queue.get().await.unwrap(), "b");
/// # Ok::<_, weftwork_sync::ShutDown<&str>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.LifoQueue")]
pub type LifoQueue<T> = AnyQueue<T, Lifo>;

/// A queue that gives the lowest item first, and of equal ones the oldest.
///
/// Items are compared under the queue's lock, while others wait for it: a comparison has to be
/// short, and must not use the queue, for it would wait for itself. One that panics counts as equal;
/// the panic hook runs under the lock as well, and what it panicked with is leaked.
///
/// ```
/// use weftwork_sync::PriorityQueue;
/// # futures::executor::block_on(async {
/// let queue = PriorityQueue::new(0);
/// queue.put((2, "later")).await?;
/// queue.put((1, "soon")).await?;
/// assert_eq!(queue.get().await.unwrap(), (1, "soon"));
/// # Ok::<_, weftwork_sync::ShutDown<(i32, &str)>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.PriorityQueue")]
#[doc(alias = "heapq")]
pub type PriorityQueue<T> = AnyQueue<T, Lowest>;

/// A queue that any number of producers and consumers share: what [`Queue`], [`LifoQueue`] and
/// [`PriorityQueue`] have in common. They differ in which item comes out next.
///
/// Cloning is cheap, and all clones are the same queue; it is shut down by
/// [`shutdown`](Self::shutdown) only. For one that ends when the last of a side goes, see
/// [`channel`](mod@crate::channel).
///
/// It is fair: an item is promised to the first waiting consumer at the moment it is put, and
/// a slot to the first waiting producer at the moment it becomes free. Whoever comes later does
/// not pass them, not even with `try_get` or `try_put`. Which item a consumer gets is decided
/// when it takes it. What is promised counts as gone: [`is_empty`](Self::is_empty) and
/// [`is_full`](Self::is_full) say what a newcomer would meet.
pub struct AnyQueue<T, O: Order<T>> {
    shared: Arc<Shared<T, O>>,
}

struct Shared<T, O: Order<T>> {
    state: Lock<State<T, O>>,
    /// Do gets have to wait?
    gets: Guess,
    maxsize: usize,
}

impl<T> Queue<T> {
    /// A queue that holds nothing: a put is done when a consumer has taken its item.
    ///
    /// While it waits, its item can be taken by anybody. A put that is dropped meanwhile takes
    /// its item along, unless that has been taken; a consumer who had been promised it keeps its
    /// place in the line. [`try_put`](Self::try_put), which cannot
    /// wait, gives its item to a consumer who waits, and is done; if that one goes away, the
    /// next consumer gets it.
    ///
    /// ```
    /// use weftwork_sync::Queue;
    /// # futures::executor::block_on(async {
    /// let queue = Queue::rendezvous();
    /// assert!(queue.try_put(1).is_err());
    /// let (put, got) = futures::join!(queue.put(2), queue.get());
    /// assert_eq!((put, got), (Ok(()), Ok(2)));
    /// # });
    /// ```
    #[must_use]
    #[doc(alias = "bounded(0)")]
    #[doc(alias = "zero capacity")]
    pub fn rendezvous() -> Self {
        Self::with_slots(0, 0)
    }
}

impl<T, O: Order<T>> AnyQueue<T, O> {
    /// A queue that holds at most `maxsize` items; 0 is without bound, as in asyncio.
    #[must_use]
    pub fn new(maxsize: usize) -> Self {
        let slots = if maxsize == 0 { usize::MAX } else { maxsize };
        Self::with_slots(slots, maxsize)
    }

    fn with_slots(slots: usize, maxsize: usize) -> Self {
        let shared = Arc::new(Shared {
            state: Lock::new(State::new(slots)),
            gets: Guess::default(),
            maxsize,
        });
        Self { shared }
    }

    /// Puts an item in, and waits for a free slot if there is none.
    ///
    /// # Errors
    /// [`ShutDown`] with the item, if the queue is shut down, before or while waiting.
    ///
    /// # Cancel safety
    /// A future that is dropped before it was ready has put nothing; its item is dropped with
    /// it, and a slot that it had been promised goes to the next producer. (In a
    /// [`rendezvous`](Queue::rendezvous) the item may have been taken meanwhile.)
    #[doc(alias = "send")]
    pub fn put(&self, item: T) -> Put<'_, T, O> {
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

    /// Takes the next item, and waits for one if there is none.
    ///
    /// # Errors
    /// [`ShutDown`] if the queue is shut down and nothing is left in it, before or while
    /// waiting.
    ///
    /// # Cancel safety
    /// A future that is dropped before it was ready has taken nothing; an item that it had been
    /// promised goes to the next consumer.
    #[doc(alias = "recv")]
    pub fn get(&self) -> Get<'_, T, O> {
        Get::new(self)
    }

    /// Takes the next item if there is one for a newcomer at this moment.
    ///
    /// # Errors
    /// [`TryGetError::Empty`], or [`TryGetError::ShutDown`] if nothing can follow either.
    #[doc(alias = "get_nowait")]
    #[doc(alias = "try_recv")]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        let (item, putter) = self.shared.state.lock().try_get()?;
        wake_contained(putter);
        Ok(item)
    }

    /// Takes up to `limit` items in one turn, appends them to `into`, and says how many; waits
    /// for one if there is none, and not for more than one.
    ///
    /// It takes what a newcomer could take, beside the item that it was promised. With a `limit`
    /// of 0 it gives 0 at once. The items are moved under the queue's lock: where there may be very
    /// many, a limit of some hundreds keeps the others from waiting for it.
    ///
    /// ```
    /// use weftwork_sync::Queue;
    /// # futures::executor::block_on(async {
    /// let queue = Queue::new(0);
    /// (0..5).for_each(|n| queue.try_put(n).unwrap());
    /// let mut batch = Vec::new();
    /// assert_eq!(queue.get_many(3, &mut batch).await, Ok(3));
    /// assert_eq!(queue.get_many(3, &mut batch).await, Ok(2));
    /// assert_eq!(batch, [0, 1, 2, 3, 4]);
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`ShutDown`] as [`get`](Self::get) gives it; nothing was appended then.
    ///
    /// # Cancel safety
    /// A future that is dropped before it was ready has taken and appended nothing; an item that
    /// it had been promised goes to the next consumer.
    #[doc(alias = "recv_many")]
    pub fn get_many<'a>(&'a self, limit: usize, into: &'a mut Vec<T>) -> GetMany<'a, T, O> {
        GetMany::new(self, limit, into)
    }

    /// Takes the next item from a thread that runs no tasks, and blocks until there is one.
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
    ///
    /// # Cancel safety
    /// Dropping the stream loses no item. A wait for its next item that is given up leaves the
    /// stream in the line of those who get: an item that comes may be kept for it until it is polled
    /// again or dropped. Drop a stream that you do not poll any more.
    pub fn stream(&self) -> Items<T, O> {
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
    pub fn join(&self) -> Join<'_, T, O> {
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

    /// The most items that the queue holds; 0 is without bound, or a
    /// [`rendezvous`](Self::is_rendezvous).
    #[must_use]
    #[doc(alias = "max_capacity")]
    pub fn maxsize(&self) -> usize {
        self.shared.maxsize
    }

    /// Who waits for an item at this moment, the first one first. Those who were promised one, and
    /// have not run since, do not.
    #[must_use]
    pub fn getters(&self) -> Vec<Who> {
        let [getters, _, _] = self.shared.state.lock().waiters();
        getters
    }

    /// Who waits for a slot at this moment, the first one first; in a rendezvous, for somebody who
    /// takes its item. Those who were promised a slot, and have not run since, do not.
    #[must_use]
    pub fn putters(&self) -> Vec<Who> {
        let [_, putters, _] = self.shared.state.lock().waiters();
        putters
    }

    /// Who waits in a [`join`](Self::join) at this moment.
    #[must_use]
    pub fn joiners(&self) -> Vec<Who> {
        let [_, _, joiners] = self.shared.state.lock().waiters();
        joiners
    }

    /// True if it was made by [`rendezvous`](Queue::rendezvous) and holds nothing.
    #[must_use]
    pub fn is_rendezvous(&self) -> bool {
        self.shared.state.lock().is_rendezvous()
    }
}

/// Calls the waker that a change of the state gave out.
#[inline]
fn wake(waker: Option<std::task::Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// As [`wake`], for somebody who has an item to give, which a panic would take along.
#[inline]
fn wake_contained(waker: Option<std::task::Waker>) {
    if let Some(waker) = waker {
        contained(|| waker.wake());
    }
}

impl<T, O: Order<T>> Clone for AnyQueue<T, O> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        Self { shared }
    }
}

impl<T, O: Order<T>> fmt::Debug for AnyQueue<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, shut_down, waiters) = {
            let state = self.shared.state.lock();
            (state.free_items(), state.is_shut_down(), state.waiters())
        };
        let [getters, putters, joiners] = waiters.map(Crowd);
        f.debug_struct(O::QUEUE)
            .field("len", &len)
            .field("maxsize", &self.maxsize())
            .field("shut_down", &shut_down)
            .field("getters", &getters)
            .field("putters", &putters)
            .field("joiners", &joiners)
            .finish_non_exhaustive()
    }
}
