//! Why a result could not be set, or not be received.

use std::error::Error;
use std::fmt;

/// The result could not be set; the value that was to be set is handed back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "InvalidStateError")]
#[doc(alias = "asyncio.InvalidStateError")]
pub struct InvalidState<V> {
    /// What was to be set.
    pub value: V,
    /// Why it was not.
    pub why: Why,
}

/// Why a result could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A value, an error or a cancel has been set before.
    AlreadySet,
    /// The receiver was closed or dropped.
    ReceiverGone,
}

/// Why a [`Receiver`](super::Receiver) gave no value.
#[derive(Debug)]
#[non_exhaustive]
#[doc(alias = "Canceled")]
#[doc(alias = "CancelledError")]
pub enum RecvError {
    /// The sender was dropped without setting anything.
    SenderDropped,
    /// The sender cancelled it, perhaps with a message.
    Cancelled(Option<String>),
    /// The sender set an error.
    Failed(Box<dyn Error + Send + Sync>),
    /// The receiver was closed before anything was set.
    Closed,
    /// The result has been received before.
    Taken,
}

/// Why [`try_recv`](super::Receiver::try_recv) gave no value.
#[derive(Debug)]
pub enum TryRecvError {
    /// Nothing has been set yet.
    #[doc(alias = "InvalidStateError")]
    Empty,
    /// No value will come.
    Failed(RecvError),
}

impl<V> fmt::Debug for InvalidState<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidState")
            .field("why", &self.why)
            .finish_non_exhaustive()
    }
}

impl<V> fmt::Display for InvalidState<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.why {
            Why::AlreadySet => "invalid state: the result of this oneshot has been set before",
            Why::ReceiverGone => "invalid state: the receiver of this oneshot is gone",
        })
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SenderDropped => {
                f.write_str("the sender of this oneshot was dropped without setting a result")
            }
            Self::Cancelled(None) => f.write_str("the sender cancelled this oneshot"),
            Self::Cancelled(Some(msg)) => write!(f, "the sender cancelled this oneshot: {msg}"),
            Self::Failed(error) => write!(f, "the sender of this oneshot set an error: {error}"),
            Self::Closed => f.write_str("this oneshot was closed before a result was set"),
            Self::Taken => f.write_str("the result of this oneshot has been received before"),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("this oneshot has no result yet: await it to wait for one"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<V> Error for InvalidState<V> {}

impl Error for RecvError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => Some(&**error),
            _ => None,
        }
    }
}

impl Error for TryRecvError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Empty => None,
            Self::Failed(error) => error.source(),
        }
    }
}
