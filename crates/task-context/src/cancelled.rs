//! The error of a cancelled await, with who asked for it, where, and which way it came.

use crate::identity::current_task_tag;
use crate::path::{CancelHop, CancelStep, Path, TaskTag};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

/// A task, or an await in it, was cancelled: by whom, where, and which way the cancel came.
///
/// asyncio's `CancelledError`. Cloning is cheap; equality compares the message.
///
/// `Display` says it in one line, `{:#}` with a line for each hop and the places where the tasks
/// were spawned:
///
/// ```text
/// cancelled by Task-1 at src/main.rs:20:14 (gather in Task-2 -> struck worker): enough
///
/// cancelled by Task-1 at src/main.rs:20:14: enough
///   asked for in Task-1, spawned at src/main.rs:5:5
///   gather in Task-2, spawned at src/main.rs:9:17
///   struck worker, spawned at src/main.rs:11:30
/// ```
///
/// ```
/// use std::panic::Location;
/// use weftwork_task_context::{CancelSource, CancelStep, Cancelled, TaskTag};
///
/// let asked = Cancelled::new(Some("enough".to_owned()), CancelSource::Outside);
/// let worker = TaskTag::new(7, Some("worker".into()), Location::caller());
/// let error = asked.struck_in(worker);
/// assert_eq!(error.struck().unwrap().name(), "worker");
/// assert_eq!(error.via()[0].step(), CancelStep::Struck);
/// assert!(error.is_same(&asked));
/// assert!(error.to_string().ends_with("(struck worker): enough"));
/// ```
#[doc(alias = "CancelledError")]
#[doc(alias = "asyncio.CancelledError")]
#[doc(alias = "JoinError")]
#[derive(Clone)]
pub struct Cancelled(Arc<Told>);

/// A cause as it is known at one place of its way.
struct Told {
    /// One for all that hear of it.
    reason: Arc<Reason>,
    path: Path,
}

#[derive(Clone)]
struct Reason {
    msg: Option<String>,
    source: CancelSource,
    location: &'static Location<'static>,
    by: Option<TaskTag>,
    deadline: Option<Instant>,
}

/// Who asked for a cancel.
///
/// A parent that is cancelled passes its own cause on to its children: they have the source that it
/// has, and [`Cancelled::via`] names the parent.
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
        let reason = Reason {
            msg,
            source,
            location,
            by: current_task_tag(),
            deadline: None,
        };
        Self::told(Arc::new(reason), Path::default())
    }

    fn told(reason: Arc<Reason>, path: Path) -> Self {
        Self(Arc::new(Told { reason, path }))
    }

    /// The cause with the deadline that had come; a new cause.
    #[must_use]
    pub fn with_deadline(self, deadline: Option<Instant>) -> Self {
        let reason = Reason {
            deadline,
            ..Reason::clone(&self.0.reason)
        };
        Self::told(Arc::new(reason), self.0.path.clone())
    }

    /// The same cause, one hop further: the task that is being polled on this thread passes it on.
    /// Outside of a task there is no hop.
    #[must_use]
    pub fn passed_on(&self, step: CancelStep) -> Self {
        let Some(task) = current_task_tag() else {
            return self.clone();
        };
        let path = self.0.path.passed_on(step, task);
        Self::told(Arc::clone(&self.0.reason), path)
    }

    /// The same cause, delivered by a scope in the task that is being polled on this thread to what
    /// it awaits. Outside of a task there is no hop.
    #[must_use]
    pub fn struck_here(&self) -> Self {
        match current_task_tag() {
            Some(task) => self.struck_in(task),
            None => self.clone(),
        }
    }

    /// The same cause, delivered to this task.
    #[must_use]
    pub fn struck_in(&self, task: TaskTag) -> Self {
        let path = self.0.path.struck_in(task);
        Self::told(Arc::clone(&self.0.reason), path)
    }

    /// The same cause, by which this task has ended.
    #[must_use]
    pub fn ended_in(&self, task: TaskTag) -> Self {
        match self.0.path.ended_in(task) {
            Some(path) => Self::told(Arc::clone(&self.0.reason), path),
            None => self.clone(),
        }
    }

    /// The message given to `cancel_with`.
    #[must_use]
    pub fn msg(&self) -> Option<&str> {
        self.0.reason.msg.as_deref()
    }

    /// True if somebody asked once, and both came of that, whichever way.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.reason, &other.0.reason)
    }

    /// Who asked for it.
    #[must_use]
    pub fn source(&self) -> CancelSource {
        self.0.reason.source
    }

    /// Where in the program it was asked for.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.0.reason.location
    }

    /// The task that asked for it: the one that called `cancel()`, `GroupControl::cancel()` or a
    /// token's `cancel()`, that failed, or in which the timeout or the race is. None: it was no
    /// task.
    #[must_use]
    pub fn by(&self) -> Option<&TaskTag> {
        self.0.reason.by.as_ref()
    }

    /// The deadline that had come, of a timeout.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.reason.deadline
    }

    /// The way that it came, the first hop first: through the tasks that passed it on, to the one
    /// that it struck, and back through those that awaited that one.
    ///
    /// It ends where this error was seen: in the task that caught it, or whose end gave it. At most
    /// 32 hops are kept; of a longer way the first ones and the last one.
    #[must_use]
    pub fn via(&self) -> &[CancelHop] {
        self.0.path.hops()
    }

    /// The task that it struck: not those that passed it on, and not those that awaited it. None:
    /// it has not been delivered, as the cause that a token keeps.
    #[must_use]
    pub fn struck(&self) -> Option<&TaskTag> {
        self.0.path.struck()
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
        let Told { reason, path } = &*self.0;
        f.debug_struct("Cancelled")
            .field("msg", &reason.msg)
            .field("source", &reason.source)
            .field("location", &format_args!("{}", reason.location))
            .field("by", &reason.by)
            .field("deadline", &reason.deadline)
            .field("via", &path.hops())
            .finish()
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { reason, path } = &*self.0;
        f.write_str("cancelled by ")?;
        reason.source.write(f, reason.by.as_ref())?;
        // A signal comes from outside of the program.
        if !matches!(reason.source, CancelSource::Signal(_)) {
            write!(f, " at {}", reason.location)?;
        }
        let has_path = !path.hops().is_empty();
        if has_path && !f.alternate() {
            f.write_str(" (")?;
            path.write(f, " -> ")?;
            f.write_str(")")?;
        }
        if let Some(msg) = &reason.msg {
            write!(f, ": {msg}")?;
        }
        if !f.alternate() {
            return Ok(());
        }
        if let Some(by) = &reason.by {
            write!(f, "\n  asked for in {by}, spawned at {}", by.location())?;
        }
        if has_path {
            f.write_str("\n  ")?;
            path.write(f, "\n  ")?;
        }
        Ok(())
    }
}

impl CancelSource {
    /// In words. `by` knows the name of the task that asked.
    fn write(self, f: &mut fmt::Formatter<'_>, by: Option<&TaskTag>) -> fmt::Result {
        let name = |id: u64| match by.filter(|by| by.id() == id) {
            Some(by) => by.name().into_owned(),
            None => format!("Task-{id}"),
        };
        match self {
            Self::Task(id) => f.write_str(&name(id)),
            Self::Outside => f.write_str("a thread outside of the tasks"),
            Self::Timeout => f.write_str("a timeout"),
            Self::Group => f.write_str("its group"),
            Self::Failure(id) => write!(f, "the failure of {}", name(id)),
            Self::RaceLost(id) => write!(f, "a race that {} won", name(id)),
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

impl fmt::Display for CancelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}

impl std::error::Error for Cancelled {}
