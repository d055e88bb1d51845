//! Locks, semaphores, queues, channels, signals and cancellation tokens of weftwork, for any
//! executor.
//!
//! Everything here is a plain future without a runtime behind it; `blocking_*` methods serve
//! threads that are not running tasks. All of it stands on one FIFO wait list, and all of it
//! keeps these rules:
//!
//! - **FIFO, no barging.** What becomes free (a permit, an item, a slot) is promised to the
//!   first waiter at that moment; a newcomer, also a `try_*` one, never passes a waiter.
//! - **Cancel safe.** A waiting future can be dropped at any time; what it had been promised
//!   goes to the next waiter.
//! - **Cancel by delivery.** In a poll in which weftwork delivers a cancel
//!   ([`declines`](weftwork_task_context::declines)) a future here declines: it is pending
//!   even if what it waits for is there, and changes nothing.
//! - **Nobody is starved.** A task of weftwork for which everything here is always there goes to the
//!   back of the queue after 512 operations in one turn: the next future is pending once, and has
//!   taken no place in a line. On other executors, and for who polls with a waker of his own, it is
//!   not so.
//! - **Looking inside** costs nothing until somebody does: `waiters()` of a primitive says who waits,
//!   by the tasks of weftwork, and its `Debug` shows the state and names the first of them. Who
//!   *holds* something is written down only where that was asked for: [`CapacityLimiter`],
//!   [`Mutex::tracked`], [`RwLock::tracked`].
//! - **No user code under a lock.** Wakers are cloned, called and dropped, and items are
//!   dropped, while no lock is held.
//! - **Short sections.** A lock is held for some instructions, with three exceptions: what ends the
//!   wait of everybody (`set`, `notify_waiters`, `close`, `shutdown` and the like) collects all their
//!   wakers in one section, a cancel cuts off all tokens below in one, and `get_many` takes all its
//!   items in one. That is some 10 to 50 ns for each; whoever uses the same primitive meanwhile waits.
//! - **A waker that panics** leaves the primitive as it should be, and the other wakers of the same
//!   operation are called before the panic goes on. Where it would take along what the operation has
//!   to give (the item of a get, the permit of an acquire), it does not go on: the panic hook tells of
//!   it, and that is all.

#![forbid(unsafe_code)]

/// The README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod barrier;
mod blocking;
pub mod broadcast;
pub mod channel;
pub mod condvar;
pub mod event;
pub mod limiter;
pub mod mapped;
mod marked;
pub mod mutex;
mod no_receivers;
pub mod notify;
pub mod once_cell;
pub mod oneshot;
mod poll;
pub mod queue;
pub mod rwlock;
pub mod semaphore;
pub mod token;
mod wait_list;
pub mod watch;
mod who;

pub use barrier::{Barrier, BrokenBarrier};
pub use blocking::{BlockingError, Refused};
pub use channel::channel;
pub use condvar::Condvar;
pub use event::Event;
pub use limiter::CapacityLimiter;
pub use mapped::{Mapped, MappedRef};
pub use mutex::{Locked, Mutex, MutexGuard, OwnedMutexGuard};
pub use no_receivers::NoReceivers;
pub use notify::Notify;
pub use once_cell::{OnceCell, SetError};
pub use queue::{LifoQueue, PriorityQueue, Queue, ShutDown, TryGetError, TryPutError};
pub use rwlock::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{
    BoundedSemaphore, Closed, OverRelease, OwnedSemaphorePermit, Semaphore, SemaphorePermit,
    TryAcquireError,
};
pub use token::CancellationToken;
pub use who::Who;
