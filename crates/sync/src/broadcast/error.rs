//! Why a receiver got no item.

use std::error::Error;
use std::fmt;

/// The receiver was too slow: so many items were overwritten before it could receive them. The
/// next one that it gets is the oldest that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

/// Why [`recv`](super::Receiver::recv) gave no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// So many items were lost, see [`Lagged`]. The receiver goes on after them.
    Lagged(u64),
    /// No sender is left, and all items were received.
    Closed,
}

/// Why [`try_recv`](super::Receiver::try_recv) gave no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// All items so far were received.
    Empty,
    /// So many items were lost, see [`Lagged`]. The receiver goes on after them.
    Lagged(u64),
    /// No sender is left, and all items were received.
    Closed,
}

const EMPTY: &str = "no item is there at this moment: await `recv` to wait for one";
const CLOSED: &str = "no sender of this broadcast is left, and all items were received";

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = self.0;
        write!(
            f,
            "the receiver lagged behind and lost {lost} items: receive more often, or give the \
             channel a larger capacity"
        )
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Lagged(lost) => Lagged(lost).fmt(f),
            Self::Closed => f.write_str(CLOSED),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str(EMPTY),
            Self::Lagged(lost) => Lagged(lost).fmt(f),
            Self::Closed => f.write_str(CLOSED),
        }
    }
}

impl Error for Lagged {}
impl Error for RecvError {}
impl Error for TryRecvError {}
