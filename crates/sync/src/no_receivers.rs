//! The error of a value that nobody would receive.

use std::error::Error;
use std::fmt;

/// Nothing was sent, because no receiver is left; with what was to be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SendError")]
pub struct NoReceivers<T>(pub T);

impl<T> fmt::Debug for NoReceivers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoReceivers(..)")
    }
}

impl<T> fmt::Display for NoReceivers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was sent: no receiver is left, `subscribe()` makes one")
    }
}

impl<T> Error for NoReceivers<T> {}
