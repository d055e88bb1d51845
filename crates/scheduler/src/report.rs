//! What goes to the exception handler: panics and errors that nobody else will see, and polls that
//! take too long.

use crate::builder::Config;
use crate::task::{Payload, TaskControl, panic_message};
use std::fmt;

/// A panic, or an error, that nobody else will see; or a poll that takes too long.
///
/// asyncio's context dictionary of `call_exception_handler`.
pub struct Report {
    task: Option<TaskControl>,
    payload: Payload,
    context: &'static str,
    kind: Kind,
}

/// What is reported. All but a panic is a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Panic,
    /// It was handed in.
    Error,
    Blocked,
}

impl Report {
    pub(crate) fn of_task(task: TaskControl, payload: Payload, context: &'static str) -> Self {
        Self {
            task: Some(task),
            payload,
            context,
            kind: Kind::Panic,
        }
    }

    pub(crate) fn without_task(payload: Payload, context: &'static str) -> Self {
        Self {
            task: None,
            payload,
            context,
            kind: Kind::Panic,
        }
    }

    pub(crate) fn of_error(message: String, context: &'static str) -> Self {
        Self {
            task: TaskControl::current(),
            payload: Box::new(message),
            context,
            kind: Kind::Error,
        }
    }

    /// The poll of a task, or of nobody knows what, that holds its worker up.
    pub(crate) fn of_blocked(task: Option<TaskControl>, message: String) -> Self {
        Self {
            task,
            payload: Box::new(message),
            context: "a slow poll",
            kind: Kind::Blocked,
        }
    }

    /// The task that panicked, or whose callback or output did; of a slow poll, whose it is.
    #[must_use]
    pub fn task(&self) -> Option<&TaskControl> {
        self.task.as_ref()
    }

    /// What the panic carried; of anything else, its text as a `String`.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The text of the panic or error, or what is known of the slow poll.
    #[must_use]
    pub fn message(&self) -> &str {
        panic_message(&*self.payload)
    }

    /// True for an error that was handed in by [`Handle::report`](crate::Handle::report).
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.kind == Kind::Error
    }

    /// True for a poll that takes too long, see [`Builder::slow_poll`](crate::Builder::slow_poll).
    #[must_use]
    pub fn is_slow_poll(&self) -> bool {
        self.kind == Kind::Blocked
    }

    /// What panicked or failed, in words.
    #[must_use]
    pub fn context(&self) -> &'static str {
        self.context
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in weftwork ({}): {}",
            match self.kind {
                Kind::Panic => "panic",
                Kind::Error => "error",
                Kind::Blocked => "warning",
            },
            self.context,
            self.message()
        )?;
        match &self.task {
            Some(task) => write!(f, " in {task:?}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hands a report to the runtime's handler, or prints it where there is none.
pub(crate) fn deliver(config: Option<&Config>, report: Report) {
    let handled =
        crate::task::contain(|| match config.and_then(|c| c.exception_handler.as_ref()) {
            Some(handler) => handler(&report),
            None => print(&report),
        });
    if let Err(payload) = handled {
        crate::task::cell::drop_payload(payload);
    }
    crate::task::cell::drop_payload(report.payload);
}

#[allow(
    clippy::print_stderr,
    reason = "the last resort: nobody else will say it"
)]
fn print(report: &Report) {
    eprintln!("{report}");
}

/// Says what held up the end of a runtime until it gave up waiting.
#[allow(
    clippy::print_stderr,
    reason = "the last resort: nobody else will say it"
)]
pub(crate) fn held(
    tasks: &[TaskControl],
    jobs: &[&'static std::panic::Location<'static>],
    threads: &[String],
    timeout: std::time::Duration,
) {
    eprintln!("weftwork: the runtime ended after {timeout:?} without waiting any longer for:");
    for task in tasks {
        eprintln!("  {task:?}");
    }
    for place in jobs {
        eprintln!("  a blocking job from {place}");
    }
    for name in threads {
        eprintln!("  the thread {name}, stuck in a task, a callback, a waker or a destructor");
    }
}

/// Says that a runtime which its own task dropped was left as it was.
#[allow(
    clippy::print_stderr,
    reason = "the last resort: nobody else will say it"
)]
pub(crate) fn not_closed(error: &std::io::Error) {
    eprintln!("weftwork: no thread to close the runtime that its own task dropped: {error}");
}
