//! `try` / `except` around a future.

use super::{Armed, drop_body, poll_body};
use crate::TaskError;
use crate::cancel::Probe;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`catch`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Catch<F> {
        #[pin]
        body: Option<F>,
        probe: Probe,
        armed: Armed,
    }
}

/// Runs a future and gives its end as a value: what it returned, its panic, or the cancel that
/// struck in it. This is asyncio's `try: .. except BaseException`.
///
/// A cancel that is caught is over: the task goes on, and ends with what it returns. Raise it
/// again with [`or_resume`](super::ResumeExt::or_resume). The innermost `catch` gets it.
///
/// ```
/// use weftwork::{catch, run, spawn, time::sleep};
/// use std::time::Duration;
///
/// let caught = run(async {
///     let task = spawn(async {
///         let slept = catch(sleep(Duration::from_secs(3600))).await;
///         slept.unwrap_err().is_cancelled()
///     });
///     weftwork::yield_now().await;
///     task.cancel();
///     task.await
/// });
/// assert!(caught);
/// ```
///
/// # Cancel safety
/// Dropping it drops the future in it; a cancel that it had taken is delivered again.
#[doc(alias = "CancelledError")]
#[doc(alias = "catch_unwind")]
pub fn catch<F: Future>(future: F) -> Catch<F> {
    Catch {
        body: Some(future),
        probe: Probe::new(),
        armed: Armed::default(),
    }
}

impl<F: Future> Future for Catch<F> {
    type Output = Result<F::Output, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let body = this
            .body
            .as_mut()
            .as_pin_mut()
            .expect("a future is not polled after its end");
        match poll_body(body, cx, this.armed) {
            Poll::Pending => {
                this.probe.arm(cx);
                Poll::Pending
            }
            Poll::Ready(result) => {
                let result = drop_body(result, || this.body.set(None));
                this.probe.disarm();
                Poll::Ready(result)
            }
        }
    }
}
