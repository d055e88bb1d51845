//! Raising a caught cancel or panic again.

use crate::TaskError;
use crate::cancel::{self, Cancelled, Probe};
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The type without values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}

/// The future of [`ResumeExt::or_resume`] for an error: raises it at every poll.
struct Resume {
    error: Option<TaskError>,
    probe: Probe,
}

impl Resume {
    fn new(error: TaskError) -> Self {
        Self {
            error: Some(error),
            probe: Probe::new(),
        }
    }
}

impl Future for Resume {
    type Output = Never;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Never> {
        let this = &mut *self;
        match this.error.take() {
            Some(TaskError::Panicked(payload)) => resume_unwind(payload),
            Some(TaskError::Cancelled(cause)) => {
                this.probe.arm(cx);
                cancel::raise(&cause, cx);
                this.error = Some(TaskError::Cancelled(cause));
            }
            None => {}
        }
        Poll::Pending
    }
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resume").field(&self.error).finish()
    }
}

/// The future of [`ResumeExt::or_resume`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct OrResume<T>(State<T>);

#[derive(Debug)]
enum State<T> {
    Value(Option<T>),
    Error(Resume),
}

impl<T> Unpin for OrResume<T> {}

impl<T> Future for OrResume<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            State::Value(value) => {
                Poll::Ready(value.take().expect("a future is not polled after its end"))
            }
            State::Error(resume) => match Pin::new(resume).poll(cx) {
                Poll::Ready(never) => match never {},
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

/// Raises what was caught again: asyncio's `raise`.
pub trait ResumeExt {
    /// What comes if nothing is raised.
    type Value;

    /// The value, or the cancel or panic that was caught goes on from here.
    fn or_resume(self) -> OrResume<Self::Value>;
}

impl<T> ResumeExt for Result<T, TaskError> {
    type Value = T;

    fn or_resume(self) -> OrResume<T> {
        OrResume(match self {
            Ok(value) => State::Value(Some(value)),
            Err(error) => State::Error(Resume::new(error)),
        })
    }
}

impl ResumeExt for Cancelled {
    type Value = Never;

    fn or_resume(self) -> OrResume<Never> {
        OrResume(State::Error(Resume::new(TaskError::Cancelled(self))))
    }
}
