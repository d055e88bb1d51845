//! The errors of tasks and of what is asked of them.

use std::any::Any;
use std::fmt;
use weftwork_task_context::Cancelled;

/// What a panic carries.
pub type Payload = Box<dyn Any + Send + 'static>;

/// The end of a task that gave no value.
#[doc(alias = "JoinError")]
pub enum TaskError {
    /// It was cancelled.
    Cancelled(Cancelled),
    /// It panicked, with this payload.
    Panicked(Payload),
}

/// Why [`Task::result`](crate::Task::result) has no value to give.
#[non_exhaustive]
pub enum ResultError {
    /// The task has not ended.
    InvalidState,
    /// The result has been taken already.
    Taken,
    /// The task was cancelled.
    Cancelled(Cancelled),
    /// The task panicked.
    Panicked(Payload),
    /// The task has ended and its done callbacks are looking at the value now.
    CallbacksPending,
}

/// The text of a panic, if it has one.
#[must_use]
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a payload that is not text"
    }
}

impl TaskError {
    /// True for a cancelled task.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// True for a task that panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(cancelled) => fmt::Debug::fmt(cancelled, f),
            Self::Panicked(payload) => f
                .debug_tuple("Panicked")
                .field(&panic_message(&**payload))
                .finish(),
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(cancelled) => fmt::Display::fmt(cancelled, f),
            Self::Panicked(payload) => write!(f, "panicked: {}", panic_message(&**payload)),
        }
    }
}

impl std::error::Error for TaskError {}

impl From<TaskError> for ResultError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            TaskError::Panicked(payload) => Self::Panicked(payload),
        }
    }
}

impl fmt::Debug for ResultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidState => f.write_str("InvalidState"),
            Self::Taken => f.write_str("Taken"),
            Self::CallbacksPending => f.write_str("CallbacksPending"),
            Self::Cancelled(cancelled) => fmt::Debug::fmt(cancelled, f),
            Self::Panicked(payload) => f
                .debug_tuple("Panicked")
                .field(&panic_message(&**payload))
                .finish(),
        }
    }
}

impl fmt::Display for ResultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidState => f.write_str("the result is not set yet: await the task first"),
            Self::Taken => f.write_str("the result of this task was taken already"),
            Self::CallbacksPending => {
                f.write_str("the done callbacks of this task are looking at its result")
            }
            Self::Cancelled(cancelled) => fmt::Display::fmt(cancelled, f),
            Self::Panicked(payload) => write!(f, "panicked: {}", panic_message(&**payload)),
        }
    }
}

impl std::error::Error for ResultError {}
