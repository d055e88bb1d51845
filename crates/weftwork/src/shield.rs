//! An await that passes no cancel on.

use crate::cancel::Probe;
use crate::{Task, TaskError};
use std::borrow::BorrowMut;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of [`shield`].
#[must_use = "futures do nothing unless awaited"]
pub struct Shield<T, H> {
    task: H,
    probe: Probe,
    output: PhantomData<T>,
}

/// Awaits a task (by value or by `&mut`) so that the awaiter may be cancelled and the task is
/// not.
///
/// ```
/// use weftwork::{run, shield, spawn, yield_now};
///
/// run(async {
///     let mut precious = spawn(async { yield_now().await; 7 });
///     assert_eq!(shield(&mut precious).await, 7);
/// });
/// ```
#[doc(alias = "asyncio.shield")]
pub fn shield<T, H: BorrowMut<Task<T>>>(task: H) -> Shield<T, H> {
    Shield {
        task,
        probe: Probe::new(),
        output: PhantomData,
    }
}

impl<T> Shield<T, Task<T>> {
    /// True once the task has ended.
    pub(crate) fn done(&self) -> bool {
        self.task.done()
    }
}

impl<T, H> Unpin for Shield<T, H> {}

impl<T, H: BorrowMut<Task<T>>> Future for Shield<T, H> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let task = this.task.borrow_mut();
        match task.poll_quiet(cx) {
            Poll::Pending => {
                if let Some(cause) = task.raises() {
                    this.probe.raise(&cause, cx);
                }
                Poll::Pending
            }
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(TaskError::Panicked(payload))) => resume_unwind(payload),
            Poll::Ready(Err(TaskError::Cancelled(cause))) => {
                this.probe.raise(&cause, cx);
                Poll::Pending
            }
        }
    }
}

impl<T, H> fmt::Debug for Shield<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shield")
    }
}
