//! The error of a cancelled await, with who asked for it and where.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// A task, or an await in it, was cancelled.
///
/// asyncio's `CancelledError`. Cloning is cheap; equality compares the message.
#[doc(alias = "CancelledError")]
#[doc(alias = "JoinError")]
#[derive(Clone)]
pub struct Cancelled(Arc<Reason>);

struct Reason {
    msg: Option<String>,
    source: CancelSource,
    location: &'static Location<'static>,
}

/// Who asked for a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelSource {
    /// `cancel()` called from inside the task with this id.
    Task(u64),
    /// `cancel()` called from outside of any task.
    Outside,
    /// A timeout expired.
    Timeout,
    /// The group it belongs to was cancelled.
    Group,
    /// Another member of its group failed: the task with this id.
    Failure(u64),
    /// It lost a race to the task with this id.
    RaceLost(u64),
    /// The runtime is shutting down.
    Shutdown,
    /// A signal, by its number.
    Signal(i32),
    /// A cancellation token.
    Token,
}

impl Cancelled {
    /// A cancel asked for by `source` at the caller's location.
    #[must_use]
    #[track_caller]
    pub fn new(msg: Option<String>, source: CancelSource) -> Self {
        Self::at(msg, source, Location::caller())
    }

    /// As [`new`](Self::new), on behalf of a place in the program that is not the caller's.
    #[must_use]
    pub fn at(
        msg: Option<String>,
        source: CancelSource,
        location: &'static Location<'static>,
    ) -> Self {
        Self(Arc::new(Reason {
            msg,
            source,
            location,
        }))
    }

    /// The message given to `cancel_with`.
    #[must_use]
    pub fn msg(&self) -> Option<&str> {
        self.0.msg.as_deref()
    }

    /// True if both are clones of one: somebody asked once.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Who asked for it.
    #[must_use]
    pub fn source(&self) -> CancelSource {
        self.0.source
    }

    /// Where in the program it was asked for.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.0.location
    }
}

impl PartialEq for Cancelled {
    fn eq(&self, other: &Self) -> bool {
        self.msg() == other.msg()
    }
}

impl Eq for Cancelled {}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled")
            .field("msg", &self.0.msg)
            .field("source", &self.0.source)
            .field("location", &format_args!("{}", self.0.location))
            .finish()
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cancelled by {}", self.0.source)?;
        // A signal comes from outside of the program.
        if !matches!(self.0.source, CancelSource::Signal(_)) {
            write!(f, " at {}", self.0.location)?;
        }
        match self.msg() {
            Some(msg) => write!(f, ": {msg}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for CancelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(id) => write!(f, "Task-{id}"),
            Self::Outside => f.write_str("a thread outside of the tasks"),
            Self::Timeout => f.write_str("a timeout"),
            Self::Group => f.write_str("its group"),
            Self::Failure(id) => write!(f, "the failure of Task-{id}"),
            Self::RaceLost(id) => write!(f, "a race that Task-{id} won"),
            Self::Shutdown => f.write_str("the end of the runtime"),
            // Numbers that mean the same everywhere.
            Self::Signal(1) => f.write_str("SIGHUP"),
            Self::Signal(2) => f.write_str("SIGINT"),
            Self::Signal(3) => f.write_str("SIGQUIT"),
            Self::Signal(15) => f.write_str("SIGTERM"),
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::Token => f.write_str("a cancellation token"),
        }
    }
}

impl std::error::Error for Cancelled {}
