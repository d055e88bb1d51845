//! The errors of a group: of its children, and of what is asked of it.

use crate::{Cancelled, Payload, RuntimeError, panic_message};
use std::fmt;
use std::panic::Location;
use std::{error, slice, vec};

/// How a child failed.
pub enum ChildError<E> {
    /// It returned this error.
    Failed(E),
    /// It panicked, with this payload.
    Panicked(Payload),
}

/// One child that failed: how, its name, and where it was spawned.
#[derive(Debug)]
pub struct ChildFailure<E> {
    /// How it failed.
    pub error: ChildError<E>,
    pub(super) name: String,
    pub(super) location: &'static Location<'static>,
}

impl<E> ChildFailure<E> {
    /// The name of the task.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it was spawned; for the body of the group, where the group was made.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

/// All errors of a [`task_group`](crate::task_group()), in the order in which they came:
/// asyncio's `ExceptionGroup`.
///
/// It has none only if the group was ended by [`TaskGroup::cancel`](crate::TaskGroup::cancel)
/// before its body gave the value that was to be returned.
#[doc(alias = "ExceptionGroup")]
#[doc(alias = "BaseExceptionGroup")]
#[derive(Debug)]
pub struct GroupError<E> {
    failures: Vec<ChildFailure<E>>,
    cancelled: Option<Cancelled>,
}

impl<E> GroupError<E> {
    pub(super) fn new(failures: Vec<ChildFailure<E>>) -> Self {
        Self {
            failures,
            cancelled: None,
        }
    }

    pub(super) fn cancelled_early(cause: Option<Cancelled>) -> Self {
        Self {
            failures: Vec::new(),
            cancelled: cause,
        }
    }

    /// The children that failed, the first one first.
    pub fn iter(&self) -> slice::Iter<'_, ChildFailure<E>> {
        self.failures.iter()
    }

    /// The errors that were returned, without the panics.
    #[doc(alias = "exceptions")]
    pub fn errors(&self) -> impl Iterator<Item = &E> {
        self.failures.iter().filter_map(|child| match &child.error {
            ChildError::Failed(error) => Some(error),
            ChildError::Panicked(_) => None,
        })
    }

    /// How many children failed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// True if none did: the group was cancelled, and there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    /// The cancel that ended a group without errors before there was a value.
    #[must_use]
    pub fn cancelled(&self) -> Option<&Cancelled> {
        self.cancelled.as_ref()
    }
}

impl<E> IntoIterator for GroupError<E> {
    type Item = ChildFailure<E>;
    type IntoIter = vec::IntoIter<ChildFailure<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.failures.into_iter()
    }
}

impl<'a, E> IntoIterator for &'a GroupError<E> {
    type Item = &'a ChildFailure<E>;
    type IntoIter = slice::Iter<'a, ChildFailure<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<E: fmt::Debug> fmt::Debug for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Panicked(payload) => f
                .debug_tuple("Panicked")
                .field(&panic_message(&**payload))
                .finish(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Panicked(payload) => write!(f, "panicked: {}", panic_message(&**payload)),
        }
    }
}

impl<E: fmt::Display> fmt::Display for ChildFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.name, self.location, self.error)
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cause) = &self.cancelled {
            return write!(f, "the task group was {cause} before it had a value");
        }
        write!(f, "{} failed in a task group", self.failures.len())?;
        for (number, child) in self.failures.iter().enumerate() {
            f.write_str(if number == 0 { ": " } else { "; " })?;
            child.fmt(f)?;
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> error::Error for ChildError<E> {}
impl<E: fmt::Debug + fmt::Display> error::Error for ChildFailure<E> {}
impl<E: fmt::Debug + fmt::Display> error::Error for GroupError<E> {}

/// Why a group takes no child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupRefusal {
    /// It has ended: its body and all its children have.
    Ended,
    /// A child failed or the group was cancelled: it only waits for its children to end.
    Aborting,
    /// There is no runtime, or it is closed.
    Runtime(RuntimeError),
}

impl fmt::Display for GroupRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the task group has ended: spawn before that, or elsewhere"),
            Self::Aborting => f.write_str("the task group is shutting down: it takes no children"),
            Self::Runtime(error) => error.fmt(f),
        }
    }
}

impl error::Error for GroupRefusal {}

/// A spawn that a group refused. The future comes back.
pub struct GroupClosed<F> {
    pub(super) reason: GroupRefusal,
    pub(super) future: F,
}

impl<F> GroupClosed<F> {
    /// Why it was refused.
    #[must_use]
    pub fn reason(&self) -> GroupRefusal {
        self.reason
    }

    /// The future that was to be spawned.
    pub fn into_future(self) -> F {
        self.future
    }
}

impl<F> fmt::Debug for GroupClosed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupClosed")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Display for GroupClosed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<F> error::Error for GroupClosed<F> {}
