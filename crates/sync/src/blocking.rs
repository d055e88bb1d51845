//! Waiting for a future on a plain thread, and refusing to where that would hold up tasks.

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use weftwork_std_or_loom::{Condvar, Mutex};
use weftwork_task_context::{ThreadKind, thread_kind};

/// Why a `blocking_*` call gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockingError<E, I = ()> {
    /// The operation itself failed, as its async form would have.
    Failed(E),
    /// It was refused, because this thread must not be blocked.
    Refused(Refused<I>),
}

/// A blocking call was refused: it was made on a thread that runs tasks or callbacks.
///
/// Nothing was done, whether the call would have had to wait or not. Await the async form
/// instead, or make the call on the blocking pool.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Refused<I = ()> {
    /// What was to be handed over, if anything.
    pub item: I,
    thread: ThreadKind,
}

/// Gives `item` back, or refuses it on a thread that must not be blocked.
pub(crate) fn may_block<I>(item: I) -> Result<I, Refused<I>> {
    match thread_kind() {
        ThreadKind::Plain | ThreadKind::Blocking => Ok(item),
        thread @ (ThreadKind::Worker | ThreadKind::Lane) => Err(Refused { item, thread }),
    }
}

/// Polls `future` on this thread until it is ready, and sleeps in between.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let parker = Arc::new(Parker::default());
    let waker = Waker::from(Arc::clone(&parker));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        parker.park();
    }
}

#[derive(Default)]
struct Parker {
    notified: Mutex<bool>,
    changed: Condvar,
}

impl Parker {
    /// Sleeps until there was a wake since the last time.
    fn park(&self) {
        let mut notified = self.notified.lock();
        while !*notified {
            notified = self.changed.wait(notified);
        }
        *notified = false;
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.notified.lock() = true;
        self.changed.notify_one();
    }
}

impl<I> fmt::Debug for Refused<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

impl<I> fmt::Display for Refused<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held_up = match self.thread {
            ThreadKind::Lane => "the callback lane of a weftwork runtime",
            _ => "a worker thread of a weftwork runtime",
        };
        write!(
            f,
            "a blocking call was made on {held_up}, which it would hold up: await the async \
             form in a task, or make the call in `spawn_blocking` or on a thread of your own"
        )
    }
}

impl<I> Error for Refused<I> {}

impl<E: fmt::Display, I> fmt::Display for BlockingError<E, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}

impl<E: Error, I: fmt::Debug> Error for BlockingError<E, I> {}

impl<E, I> From<Refused<I>> for BlockingError<E, I> {
    fn from(refused: Refused<I>) -> Self {
        Self::Refused(refused)
    }
}
