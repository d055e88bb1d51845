//! What a handler gives.

use std::fmt::Display;

/// What a handler may give: nothing, or a `Result`, of which an error goes to the exception
/// handler. It is implemented for these two only.
pub trait HandlerResult: sealed::Sealed {}

#[allow(unnameable_types, reason = "so that nobody else implements it")]
mod sealed {
    pub trait Sealed {
        /// What went wrong, if anything did.
        fn trouble(self) -> Option<String>;
    }
}

pub(super) use sealed::Sealed;

impl HandlerResult for () {}
impl Sealed for () {
    fn trouble(self) -> Option<String> {
        None
    }
}

impl<E: Display> HandlerResult for Result<(), E> {}
impl<E: Display> Sealed for Result<(), E> {
    fn trouble(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}
