//! Raising a caught cancel or panic again.

use crate::TaskError;
use crate::cancel::{Cancelled, Probe};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Raises an error at every poll.
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
    type Output = Infallible;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let this = &mut *self;
        match this.error.take() {
            Some(TaskError::Panicked(payload)) => resume_unwind(payload),
            Some(TaskError::Cancelled(cause)) => {
                this.probe.raise(&cause, cx);
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

/// For the result of [`catch`](super::catch()).
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

/// For a cancel or panic that was caught.
pub trait RaiseExt {
    /// It goes on from here: Python's `raise`.
    ///
    /// ```
    /// use weftwork::{TaskError, catch, prelude::*};
    ///
    /// let ended = weftwork::run(async {
    ///     let task = spawn(async {
    ///         if let Err(TaskError::Cancelled(cancelled)) = catch(std::future::pending::<()>()).await {
    ///             // Clean up, with awaits, and then:
    ///             cancelled.resume().await
    ///         }
    ///     });
    ///     weftwork::yield_now().await;
    ///     task.cancel();
    ///     task.outcome().await
    /// });
    /// assert!(ended.unwrap_err().is_cancelled());
    /// ```
    ///
    /// # Panics
    /// With the panic that was caught; outside of a weftwork task.
    #[doc(alias = "raise")]
    #[allow(
        async_fn_in_trait,
        reason = "implemented here only, for types whose futures are Send"
    )]
    async fn resume(self) -> !;
}

impl RaiseExt for TaskError {
    async fn resume(self) -> ! {
        match Resume::new(self).await {}
    }
}

impl RaiseExt for Cancelled {
    async fn resume(self) -> ! {
        TaskError::Cancelled(self).resume().await
    }
}
