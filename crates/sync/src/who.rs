//! Who waits for something or holds it, for looking inside.

use std::fmt;
use std::task::Waker;
use weftwork_task_context::{current_task_id, task_id_of};

/// Somebody who waits for a primitive, or holds something of it.
///
/// ```
/// use weftwork_sync::{Semaphore, Who};
/// # use std::pin::pin;
/// # futures::executor::block_on(async {
/// let semaphore = Semaphore::new(0);
/// let mut waits = pin!(semaphore.acquire());
/// assert!(futures::poll!(&mut waits).is_pending());
/// // This is no task of weftwork.
/// assert_eq!(semaphore.waiters(), [Who::Unknown]);
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The task of weftwork with this number, which its `id()` gives.
    Task(u64),
    /// Somebody who cannot be named: a plain thread, a task of another executor, a future that was
    /// not polled yet, or one in a combinator with wakers of its own, as `FuturesUnordered` is.
    Unknown,
}

impl Who {
    /// The task that a waker wakes, if there is one.
    pub(crate) fn wakes(waker: Option<&Waker>) -> Self {
        waker.and_then(task_id_of).map_or(Self::Unknown, Self::Task)
    }

    /// The task that is being polled on this thread.
    pub(crate) fn is_here() -> Self {
        current_task_id().map_or(Self::Unknown, Self::Task)
    }

    /// The number of the task.
    #[must_use]
    pub fn task(self) -> Option<u64> {
        match self {
            Self::Task(id) => Some(id),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(id) => write!(f, "Task-{id}"),
            Self::Unknown => f.write_str("somebody"),
        }
    }
}

/// Some of them in a `Debug` output: how many, and the first tasks among them.
pub(crate) struct Crowd(pub(crate) Vec<Who>);

/// A `Debug` output names so many.
const NAMED: usize = 8;

impl fmt::Debug for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.len())?;
        let mut tasks = self.0.iter().filter(|who| who.task().is_some());
        for (n, who) in tasks.by_ref().take(NAMED).enumerate() {
            write!(f, "{}{who}", if n == 0 { " (" } else { ", " })?;
        }
        match tasks.next() {
            Some(_) => f.write_str(", ..)"),
            None if self.0.iter().any(|who| who.task().is_some()) => f.write_str(")"),
            None => Ok(()),
        }
    }
}
