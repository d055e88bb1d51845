//! A task that many may await, any number of times.

use super::cancel::{Probe, unique_key};
use super::control::TaskControl;
use super::error::ResultError;
use super::join::{Task, forget_waiter, wait_in_cold};
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// A task whose value is cloned for everyone who awaits it.
///
/// Cancelling one awaiter does not cancel the task.
#[doc(alias = "shield")]
pub struct SharedTask<T> {
    task: Arc<Task<T>>,
    key: Option<u64>,
    probe: Probe,
}

impl<T: Clone + Send + Sync> Task<T> {
    /// A handle that can be cloned and awaited by many.
    pub fn shared(self) -> SharedTask<T> {
        SharedTask {
            task: Arc::new(self),
            key: None,
            probe: Probe::new(),
        }
    }
}

impl<T> SharedTask<T> {
    /// True once the task has ended.
    #[doc(alias = "is_finished")]
    #[must_use]
    pub fn done(&self) -> bool {
        self.task.done()
    }
}

impl<T: Clone + Send + Sync> SharedTask<T> {
    /// The task without its type.
    #[must_use]
    pub fn control(&self) -> TaskControl {
        self.task.control()
    }

    /// The value of a task that has ended, cloned.
    ///
    /// # Errors
    /// As for [`Task::value`].
    pub fn result(&self) -> Result<T, ResultError> {
        self.task.value().cloned()
    }
}

impl<T: Clone + Send + Sync> Future for SharedTask<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if holds_back(cx) {
            return Poll::Pending;
        }
        let key = *self.key.get_or_insert_with(unique_key);
        if wait_in_cold(self.task.task_ref(), key, cx.waker()) {
            return Poll::Pending;
        }
        self.key = None;
        match self.task.value() {
            Ok(value) => spent(Poll::Ready(value.clone())),
            Err(ResultError::Cancelled(cause)) => {
                self.probe.raise(&cause, cx);
                Poll::Pending
            }
            Err(ResultError::Panicked(payload)) => resume_unwind(payload),
            // Callbacks were added after the end: once more.
            Err(_) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl<T> Clone for SharedTask<T> {
    fn clone(&self) -> Self {
        Self {
            task: Arc::clone(&self.task),
            key: None,
            probe: Probe::new(),
        }
    }
}

impl<T> Drop for SharedTask<T> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            forget_waiter(self.task.task_ref(), key);
        }
    }
}

impl<T> fmt::Debug for SharedTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedTask").field(&self.task).finish()
    }
}

impl<T> From<SharedTask<T>> for TaskControl {
    fn from(task: SharedTask<T>) -> Self {
        task.task.control()
    }
}
