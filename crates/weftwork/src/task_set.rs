//! Tasks that are spawned and joined one by one: tokio's `JoinSet`.

use crate::cancel::{self, Cancelled};
use crate::gather::outcome;
use crate::task_pool::TaskPool;
use crate::{Task, TaskControl, TaskError, local, spawn};
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::task::{Context, Poll, ready};
use weftwork_task_context::CancelSource;

/// Tasks of one type, taken out in the order in which they end. Dropping the set cancels those
/// that are left.
///
/// Nothing that happens in it disturbs the others or the awaiter: each end comes as a `Result`.
/// Where the first failure is to end all of them, take [`task_group`](crate::task_group()).
///
/// ```
/// use weftwork::{TaskSet, run, time::sleep};
/// use std::time::Duration;
///
/// run(async {
///     let mut set = TaskSet::new();
///     for ms in [20, 1] {
///         set.spawn(async move {
///             sleep(Duration::from_millis(ms)).await;
///             ms
///         });
///     }
///     assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
///     assert_eq!(set.join_next().await.unwrap().unwrap(), 20);
///     assert!(set.join_next().await.is_none());
/// });
/// ```
#[doc(alias = "JoinSet")]
pub struct TaskSet<T> {
    tasks: TaskPool<T>,
    location: &'static Location<'static>,
}

impl<T> TaskSet<T> {
    /// A set without tasks.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self {
            tasks: TaskPool::new(),
            location: Location::caller(),
        }
    }

    /// Spawns a task in the set.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> TaskControl
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        self.insert(spawn(future))
    }

    /// Spawns a task that need not be `Send`.
    ///
    /// # Panics
    /// Outside of [`run_local`](crate::run_local).
    #[track_caller]
    pub fn spawn_local<F>(&mut self, future: F) -> TaskControl
    where
        F: Future<Output = T> + 'static,
        T: 'static,
    {
        self.insert(local::spawn(future))
    }

    /// Takes a task into the set.
    pub fn insert(&mut self, task: Task<T>) -> TaskControl {
        let control = task.control();
        self.tasks.insert(task);
        control
    }

    /// Waits until a task has ended and gives how; none once the set is empty.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped. A cancel of the awaiting task leaves the tasks of the
    /// set alone.
    pub async fn join_next(&mut self) -> Option<Result<T, TaskError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// As [`join_next`](Self::join_next), for futures that are written by hand.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, TaskError>>> {
        if cancel::declines(cx) {
            self.tasks.register(cx.waker());
            return Poll::Pending;
        }
        self.tasks
            .poll_ended(cx)
            .map(|ended| ended.map(|(_, mut task)| outcome(&mut task)))
    }

    /// How a task ended, if one has. None says nothing about whether some are left.
    pub fn try_join_next(&mut self) -> Option<Result<T, TaskError>> {
        self.tasks
            .try_ended()
            .map(|(_, mut task)| outcome(&mut task))
    }

    /// Asks every task to end; they stay in the set until they have.
    #[doc(alias = "abort_all")]
    #[track_caller]
    pub fn cancel_all(&self) {
        let cause = Cancelled::new(None, CancelSource::Group);
        self.tasks.cancel_all(&cause);
    }

    /// Cancels every task and waits until all have ended, their clean-ups included. Values are
    /// dropped, panics go to the exception handler.
    ///
    /// # Cancel safety
    /// When it is dropped, the tasks that have not ended are cancelled and in the set.
    pub async fn shutdown(&mut self) {
        let msg = "its set is shut down".to_owned();
        let cause = Cancelled::at(Some(msg), CancelSource::Group, self.location);
        self.tasks.cancel_all(&cause);
        poll_fn(|cx| {
            if cancel::declines(cx) {
                self.tasks.register(cx.waker());
                return Poll::Pending;
            }
            while let Some((_, task)) = ready!(self.tasks.poll_ended(cx)) {
                task.detach();
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Takes every task out and lets it go on without a handle.
    pub fn detach_all(&mut self) {
        self.tasks.drain().for_each(Task::detach);
    }

    /// How many tasks are in the set: those that have not been joined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// True if no task is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The tasks, without their type.
    pub fn controls(&self) -> impl Iterator<Item = TaskControl> {
        self.tasks.controls()
    }
}

impl<T> Default for TaskSet<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for TaskSet<T> {
    fn drop(&mut self) {
        if self.is_empty() {
            return;
        }
        let msg = "its set was dropped".to_owned();
        let cause = Cancelled::at(Some(msg), CancelSource::Group, self.location);
        self.tasks.cancel_all(&cause);
    }
}

impl<T> fmt::Debug for TaskSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskSet").field(&self.tasks).finish()
    }
}
