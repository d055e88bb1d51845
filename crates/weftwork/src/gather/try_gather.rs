//! Many futures that may fail: all their values, or the first error.

use crate::cancel::{self, Cancelled, Probe};
use crate::completions::Completions;
use crate::ensure::ensure_future;
use crate::{Task, TaskControl, TaskError};
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

/// As [`gather`](super::gather()) for futures that give a `Result`: all values, or at once the
/// first `Err` that comes; the others keep running.
///
/// ```
/// let result = weftwork::run(async {
///     weftwork::try_gather([Ok(1), Err("no"), Ok(3)].map(|r| async move { r })).await
/// });
/// assert_eq!(result, Err("no"));
/// ```
///
/// # Panics
/// Outside of a runtime.
#[doc(alias = "try_join_all")]
#[track_caller]
pub fn try_gather<I, T, E>(futures: I) -> TryGather<T, E>
where
    I: IntoIterator,
    I::Item: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let mut tasks = Vec::new();
    for future in futures {
        tasks.push(ensure_future(future));
    }
    TryGather {
        completions: Completions::new(tasks.len()),
        values: tasks.iter().map(|_| None).collect(),
        left: tasks.len(),
        tasks,
        forwarded: None,
        raised: None,
        probe: Probe::new(),
    }
}

/// The future of [`try_gather`].
#[must_use = "the tasks run, but nobody sees what they give"]
pub struct TryGather<T, E> {
    tasks: Vec<Task<Result<T, E>>>,
    values: Vec<Option<T>>,
    left: usize,
    completions: Completions,
    forwarded: Option<(Cancelled, TaskControl)>,
    raised: Option<Cancelled>,
    probe: Probe,
}

impl<T, E> Unpin for TryGather<T, E> {}

impl<T, E> TryGather<T, E> {
    fn deliver(&mut self, cx: &Context<'_>) {
        let Some(cause) = cancel::delivered() else {
            return;
        };
        self.completions.register(cx.waker());
        self.probe.arm(cx);
        let mut any = false;
        for task in &self.tasks {
            any |= task.control().cancel_for(cause.clone());
        }
        if any {
            self.forwarded = TaskControl::current().map(|awaiter| (cause, awaiter));
            cancel::mark_taken();
        }
    }

    fn raise<R>(&mut self, cause: Cancelled, cx: &Context<'_>) -> Poll<R> {
        self.forwarded = None;
        self.probe.arm(cx);
        cancel::raise(&cause, cx);
        self.raised = Some(cause);
        Poll::Pending
    }

    /// Takes what has come; ready with what ends the wait early.
    fn collect(&mut self, cx: &mut Context<'_>) -> Result<(), Stop<E>> {
        for number in self.completions.take_woken(cx.waker()) {
            let task = &mut self.tasks[number];
            if self.values[number].is_some() || !self.completions.has_ended(number, task) {
                continue;
            }
            match task.poll_outcome(cx) {
                Poll::Ready(Ok(Ok(value))) => {
                    self.values[number] = Some(value);
                    self.left -= 1;
                }
                Poll::Ready(Ok(Err(error))) => return Err(Stop::Error(error)),
                Poll::Ready(Err(TaskError::Panicked(payload))) => resume_unwind(payload),
                Poll::Ready(Err(TaskError::Cancelled(cause))) if self.forwarded.is_some() => {
                    self.left -= 1;
                    drop(cause);
                }
                Poll::Ready(Err(TaskError::Cancelled(cause))) => {
                    return Err(Stop::Cancelled(cause));
                }
                Poll::Pending => {}
            }
        }
        Ok(())
    }
}

enum Stop<E> {
    Error(E),
    Cancelled(Cancelled),
}

impl<T, E> Future for TryGather<T, E> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(cause) = this.raised.clone() {
            return this.raise(cause, cx);
        }
        if cancel::delivering() {
            this.deliver(cx);
            return Poll::Pending;
        }
        match this.collect(cx) {
            Ok(()) => {}
            Err(Stop::Error(error)) => return Poll::Ready(Err(error)),
            Err(Stop::Cancelled(cause)) => return this.raise(cause, cx),
        }
        if this.left > 0 {
            this.probe.arm(cx);
            if this.forwarded.is_some() {
                cancel::mark_busy(1);
            }
            return Poll::Pending;
        }
        match this.forwarded.take() {
            Some((cause, _)) => this.raise(cause, cx),
            None => Poll::Ready(Ok(this.values.drain(..).flatten().collect())),
        }
    }
}

impl<T, E> Drop for TryGather<T, E> {
    fn drop(&mut self) {
        if let Some((cause, awaiter)) = self.forwarded.take() {
            cancel::redeliver(&awaiter, cause);
        }
    }
}

impl<T, E> fmt::Debug for TryGather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather")
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}
