//! Waiting for a task from a plain thread.

use super::error::TaskError;
use super::join::Task;
use crate::shared;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use weftwork_task_context::{ThreadKind, thread_kind};

/// Why a plain thread got no result.
#[non_exhaustive]
pub enum BlockingError<T> {
    /// The task was cancelled or panicked.
    Failed(TaskError),
    /// The time was over; the task comes back.
    TimedOut(Task<T>),
    /// This thread runs tasks: waiting here could wait for itself. The task comes back.
    OnWorker(Task<T>),
    /// Nobody runs the runtime, so the task cannot go on. The task comes back.
    NotRunning(Task<T>),
}

impl<T> Task<T> {
    /// Blocks this thread until the task has ended, and takes its value.
    ///
    /// This is `future.result(timeout)` of asyncio's `run_coroutine_threadsafe`.
    ///
    /// # Errors
    /// [`BlockingError`]; whenever the value could still come, it holds the task.
    #[doc(alias = "run_coroutine_threadsafe")]
    pub fn blocking_result(
        mut self,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<T, BlockingError<T>> {
        match self.wait(timeout.into()) {
            Ok(true) => match self.result() {
                Ok(value) => Ok(value),
                Err(error) => Err(self.blocking_error(error)),
            },
            Ok(false) => Err(BlockingError::TimedOut(self)),
            Err(BlockingRefused::OnWorker) => Err(BlockingError::OnWorker(self)),
            Err(BlockingRefused::NotRunning) => Err(BlockingError::NotRunning(self)),
        }
    }

    fn blocking_error(self, error: super::ResultError) -> BlockingError<T> {
        match error {
            super::ResultError::Cancelled(cause) => {
                BlockingError::Failed(TaskError::Cancelled(cause))
            }
            super::ResultError::Panicked(payload) => {
                BlockingError::Failed(TaskError::Panicked(payload))
            }
            super::ResultError::Taken => {
                let text = "the result of this task was taken already".to_owned();
                BlockingError::Failed(TaskError::Panicked(Box::new(text)))
            }
            _ => BlockingError::TimedOut(self),
        }
    }

    /// Blocks this thread until the task has ended, at most for `timeout`; true if it has.
    ///
    /// # Errors
    /// [`BlockingRefused`] where waiting could never end.
    pub fn blocking_wait(
        &self,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<bool, BlockingRefused> {
        self.wait(timeout.into())
    }

    fn wait(&self, timeout: Option<Duration>) -> Result<bool, BlockingRefused> {
        if self.task_ref().state.load().is_resolved() {
            return Ok(true);
        }
        if matches!(thread_kind(), ThreadKind::Worker | ThreadKind::Lane) {
            return Err(BlockingRefused::OnWorker);
        }
        let shared = shared::find(self.task_ref());
        if !shared.is_some_and(|shared| shared.is_running()) {
            return Err(BlockingRefused::NotRunning);
        }
        Ok(wait_until(self.finished(), timeout))
    }
}

/// Why a thread must not block for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockingRefused {
    /// This thread runs tasks: waiting here could wait for itself.
    OnWorker,
    /// Nobody runs the runtime, so the task cannot go on.
    NotRunning,
}

impl fmt::Display for BlockingRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnWorker => ON_WORKER,
            Self::NotRunning => NOT_RUNNING,
        })
    }
}

impl std::error::Error for BlockingRefused {}

const ON_WORKER: &str = "this thread runs tasks, so that blocking it could wait for itself: \
    await the task instead";
const NOT_RUNNING: &str = "nobody runs the runtime of this task, so that it cannot end: enter \
    the runtime with `run`, `block_on` or `Runtime::start` first";

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Parks this thread until the future is ready or the time is over.
fn wait_until(mut future: impl Future<Output = ()> + Unpin, timeout: Option<Duration>) -> bool {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        if let Poll::Ready(()) = Pin::new(&mut future).poll(&mut cx) {
            return true;
        }
        match deadline {
            None => thread::park(),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return false;
                }
                thread::park_timeout(left);
            }
        }
    }
}

impl<T> fmt::Debug for BlockingError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::TimedOut(task) => f.debug_tuple("TimedOut").field(task).finish(),
            Self::OnWorker(task) => f.debug_tuple("OnWorker").field(task).finish(),
            Self::NotRunning(task) => f.debug_tuple("NotRunning").field(task).finish(),
        }
    }
}

impl<T> fmt::Display for BlockingError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => fmt::Display::fmt(error, f),
            Self::TimedOut(task) => write!(f, "{task:?} did not end in time"),
            Self::OnWorker(_) => f.write_str(ON_WORKER),
            Self::NotRunning(_) => f.write_str(NOT_RUNNING),
        }
    }
}

impl<T> std::error::Error for BlockingError<T> {}
