//! Why a queue took or gave nothing; errors of a put hand the item back.

use std::error::Error;
use std::fmt;

/// The queue was shut down. A put hands its item back in it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "QueueShutDown")]
#[doc(alias = "asyncio.QueueShutDown")]
#[doc(alias = "SendError")]
pub struct ShutDown<T>(pub T);

/// Why [`try_put`](super::Queue::try_put) put nothing; with the item.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "TrySendError")]
pub enum TryPutError<T> {
    /// No slot is free, or others have been waiting for one for longer.
    #[doc(alias = "QueueFull")]
    #[doc(alias = "asyncio.QueueFull")]
    Full(T),
    /// The queue was shut down.
    #[doc(alias = "QueueShutDown")]
    ShutDown(T),
}

/// Why [`try_get`](super::Queue::try_get) gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "TryRecvError")]
pub enum TryGetError {
    /// No item is there, or others have been waiting for it for longer.
    #[doc(alias = "QueueEmpty")]
    #[doc(alias = "asyncio.QueueEmpty")]
    Empty,
    /// The queue was shut down and nothing is left in it.
    #[doc(alias = "QueueShutDown")]
    ShutDown,
}

/// [`task_done`](super::Queue::task_done) was called more often than items were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyTaskDone;

impl<T> TryPutError<T> {
    /// The item that was not put.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::ShutDown(item) => item,
        }
    }
}

impl<T> fmt::Debug for ShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShutDown(..)")
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::ShutDown(_) => "ShutDown(..)",
        })
    }
}

const SHUT_DOWN: &str = "the queue was shut down";

impl<T> fmt::Display for ShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue has no free slot: await `put` to wait for one",
            Self::ShutDown(_) => SHUT_DOWN,
        })
    }
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue has no free item: await `get` to wait for one",
            Self::ShutDown => SHUT_DOWN,
        })
    }
}

impl fmt::Display for TooManyTaskDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done() called too many times: every item put is already done")
    }
}

impl<T> Error for ShutDown<T> {}
impl<T> Error for TryPutError<T> {}
impl Error for TryGetError {}
impl Error for TooManyTaskDone {}
