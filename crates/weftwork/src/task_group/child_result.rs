//! What a child of a group may return.

use std::any::Any;

/// What a child, or the body, of a [`task_group`](crate::task_group()) returns: `()`, or a
/// `Result` whose error is that of the group. Not to be implemented for others.
#[diagnostic::on_unimplemented(
    message = "a child of a task group returns `()` or `Result<_, {E}>`, not `{Self}`",
    note = "wrap a plain value in `Ok`; turn another error into that of the group with `map_err`"
)]
pub trait ChildResult<E> {
    /// What the child's handle gives.
    type Value;

    /// Itself, unless it is an error.
    #[doc(hidden)]
    fn check(self) -> Result<Self, E>
    where
        Self: Sized;

    /// The value of one that is no error.
    #[doc(hidden)]
    fn into_value(self) -> Self::Value;

    /// What a body gives that was ended by `cancel()`: `()`, if it gives that.
    #[doc(hidden)]
    fn when_cancelled() -> Option<Self::Value>;
}

impl<E> ChildResult<E> for () {
    type Value = ();

    fn check(self) -> Result<(), E> {
        Ok(())
    }

    fn into_value(self) {}

    fn when_cancelled() -> Option<()> {
        Some(())
    }
}

impl<T: 'static, E> ChildResult<E> for Result<T, E> {
    type Value = T;

    fn check(self) -> Result<Self, E> {
        self.map(Ok)
    }

    fn into_value(self) -> T {
        self.unwrap_or_else(|_| unreachable!("it was checked"))
    }

    fn when_cancelled() -> Option<T> {
        let mut unit = Some(());
        let any: &mut dyn Any = &mut unit;
        any.downcast_mut::<Option<T>>()?.take()
    }
}
