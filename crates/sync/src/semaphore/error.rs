//! Why a semaphore gave or took nothing.

use std::error::Error;
use std::fmt;

/// The semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "AcquireError")]
pub struct Closed;

/// Why [`Semaphore::try_acquire`](super::Semaphore::try_acquire) gave no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore was closed.
    Closed,
    /// There are too few permits, or others have been waiting for longer.
    NoPermits,
}

/// [`BoundedSemaphore::release`](super::BoundedSemaphore::release) would have given it more permits
/// than it began with. Nothing was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverRelease {
    /// How many permits were to be given back.
    pub released: usize,
    /// How many are missing: so many can be given back.
    pub missing: usize,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed: it gives no more permits")
    }
}

impl Error for Closed {}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => Closed.fmt(f),
            Self::NoPermits => f.write_str(
                "no permit for a newcomer at this moment: await `acquire()` to wait in the line",
            ),
        }
    }
}

impl Error for TryAcquireError {}

impl fmt::Display for OverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "released too often: {} to give back, {} missing (a permit that is dropped comes back by \
             itself; release only what was forgotten)",
            self.released, self.missing
        )
    }
}

impl Error for OverRelease {}
