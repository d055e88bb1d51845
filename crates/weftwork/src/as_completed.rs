//! Values in the order in which they come.

use crate::cancel::{self, Probe};
use crate::ensure::ensure_future;
use crate::gather::outcome;
use crate::task_pool::TaskPool;
use crate::time::{Elapsed, Sleep, sleep};
use crate::{Task, TaskError};
use futures_core::Stream;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Runs futures at the same time and gives their values as they come: asyncio.as_completed.
///
/// A panic or cancel of one of them goes on where its value was asked for. A stream cannot tell
/// that such a cancel was caught: from then on every further value is cancelled too. Where
/// children may be cancelled alone, use [`tasks`](AsCompleted::tasks), which raises nothing.
///
/// Cancelling the awaiter leaves the children alone.
///
/// ```
/// use futures::StreamExt;
/// use std::time::Duration;
/// use weftwork::{as_completed, run, time::sleep};
///
/// let order: Vec<u64> = run(async {
///     let naps = [30, 1, 15].map(|ms| async move { sleep(Duration::from_millis(ms)).await; ms });
///     as_completed(naps).collect().await
/// });
/// assert_eq!(order, [1, 15, 30]);
/// ```
///
/// # Panics
/// Outside of a runtime.
#[doc(alias = "FuturesUnordered")]
#[doc(alias = "JoinSet")]
#[track_caller]
pub fn as_completed<I>(futures: I) -> AsCompleted<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    let mut tasks = TaskPool::new();
    for future in futures {
        tasks.insert(ensure_future(future));
    }
    AsCompleted {
        tasks,
        raised: None,
        probe: Probe::new(),
    }
}

/// The stream of [`as_completed`].
#[must_use = "streams do nothing unless polled"]
pub struct AsCompleted<T> {
    tasks: TaskPool<T>,
    raised: Option<crate::Cancelled>,
    probe: Probe,
}

impl<T> Unpin for AsCompleted<T> {}

impl<T> AsCompleted<T> {
    /// Gives the finished tasks instead of their values.
    pub fn tasks(self) -> CompletedTasks<T> {
        CompletedTasks(self)
    }

    /// Ends with `Err(Elapsed)` if not all have come by then.
    pub fn timeout(self, timeout: Duration) -> AsCompletedUntil<T> {
        AsCompletedUntil {
            inner: self,
            timer: Some(sleep(timeout)),
        }
    }

    /// The next task that has ended.
    fn poll_task(&mut self, cx: &mut Context<'_>) -> Poll<Option<Task<T>>> {
        if cancel::declines(cx) {
            return Poll::Pending;
        }
        let ended = ready!(self.tasks.poll_ended(cx));
        Poll::Ready(ended.map(|(_, task)| task))
    }
}

impl<T> Stream for AsCompleted<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        if let Some(cause) = &this.raised {
            this.probe.raise(cause, cx);
            return Poll::Pending;
        }
        let Some(mut task) = ready!(self.poll_task(cx)) else {
            return Poll::Ready(None);
        };
        match outcome(&mut task) {
            Ok(value) => Poll::Ready(Some(value)),
            Err(TaskError::Panicked(payload)) => resume_unwind(payload),
            Err(TaskError::Cancelled(cause)) => {
                self.probe.raise(&cause, cx);
                self.raised = Some(cause);
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.tasks.len();
        (left, Some(left))
    }
}

/// The stream of [`AsCompleted::tasks`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct CompletedTasks<T>(AsCompleted<T>);

impl<T> Stream for CompletedTasks<T> {
    type Item = Task<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Task<T>>> {
        self.0.poll_task(cx)
    }
}

/// The stream of [`AsCompleted::timeout`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct AsCompletedUntil<T> {
    inner: AsCompleted<T>,
    /// None once the time was over.
    timer: Option<Sleep>,
}

impl<T> Stream for AsCompletedUntil<T> {
    type Item = Result<T, Elapsed>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.timer.is_none() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(item) = Pin::new(&mut self.inner).poll_next(cx) {
            return Poll::Ready(item.map(Ok));
        }
        let timer = self.timer.as_mut().expect("looked at above");
        ready!(Pin::new(timer).poll(cx));
        self.timer = None;
        Poll::Ready(Some(Err(Elapsed::new())))
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}
