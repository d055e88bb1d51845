//! `try` / `finally` around a future, with a clean-up that may await.

use super::{Armed, poll_body};
use crate::TaskError;
use crate::cancel::{self, Cancelled, CleanUp, Probe};
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::with_frame;

pin_project! {
    /// The future of [`finally`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Finally<F: Future, G> {
        #[pin]
        body: Option<F>,
        #[pin]
        cleanup: Option<G>,
        end: Option<Result<F::Output, TaskError>>,
        // A cancel that came during the clean-up: it counts when that has ended.
        second: Option<Cancelled>,
        // The cancel that is raised at every further poll.
        raised: Option<Cancelled>,
        begun: Option<CleanUp>,
        probe: Probe,
        armed: Armed,
    }
}

/// Runs a future and then, however it ended, a clean-up: asyncio's `try: .. finally: ..`.
///
/// The clean-up runs also after a panic and when the body was cancelled; it may await. Once it
/// has begun it runs to its end: a second cancel waits until then. Afterwards the value, the
/// panic or the cancel goes on.
///
/// Dropped before its body has ended (as the loser of a `select!`), it does not run the
/// clean-up: a destructor cannot await. [`finally_spawned`](super::finally_spawned()) does.
///
/// ```
/// use weftwork::{finally, run};
/// use std::cell::Cell;
///
/// let closed = Cell::new(false);
/// let value = run(finally(async { 5 }, async { closed.set(true) }));
/// assert_eq!((value, closed.get()), (5, true));
/// ```
pub fn finally<F, G>(future: F, cleanup: G) -> Finally<F, G>
where
    F: Future,
    G: Future<Output = ()>,
{
    Finally {
        body: Some(future),
        cleanup: Some(cleanup),
        end: None,
        second: None,
        raised: None,
        begun: None,
        probe: Probe::new(),
        armed: Armed::default(),
    }
}

impl<F: Future, G: Unpin> Finally<F, G> {
    /// Takes the clean-up out, if it has not ended.
    pub(super) fn take_cleanup(self: Pin<&mut Self>) -> Option<G> {
        self.project().cleanup.get_mut().take()
    }
}

impl<F, G> Future for Finally<F, G>
where
    F: Future,
    G: Future<Output = ()>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let Some(cause) = this.raised {
            this.probe.arm(cx);
            cancel::raise(cause, cx);
            return Poll::Pending;
        }
        if let Some(body) = this.body.as_mut().as_pin_mut() {
            match poll_body(body, cx, this.armed) {
                Poll::Pending => {
                    this.probe.arm(cx);
                    return Poll::Pending;
                }
                Poll::Ready(end) => {
                    *this.begun = CleanUp::begin();
                    this.body.set(None);
                    *this.end = Some(end);
                }
            }
        }
        if let Some(cause) = cancel::delivered() {
            *this.second = Some(cause);
            cancel::mark_taken();
        }
        let cleanup = this.cleanup.as_mut().as_pin_mut();
        let cleanup = cleanup.expect("a future is not polled after its end");
        let (polled, heard) = with_frame(None, false, || cleanup.poll(cx));
        match (polled, heard.hit) {
            (Poll::Ready(()), _) => {}
            // The clean-up itself awaited something that was cancelled.
            (Poll::Pending, Some(cause)) => *this.end = Some(Err(TaskError::Cancelled(cause))),
            (Poll::Pending, None) => {
                this.probe.arm(cx);
                cancel::mark_busy(1);
                return Poll::Pending;
            }
        }
        this.cleanup.set(None);
        *this.begun = None;
        match (
            this.end.take().expect("the body has ended"),
            this.second.take(),
        ) {
            (Err(TaskError::Panicked(payload)), _) => resume_unwind(payload),
            (Err(TaskError::Cancelled(cause)), _) | (Ok(_), Some(cause)) => {
                this.probe.arm(cx);
                cancel::raise(&cause, cx);
                *this.raised = Some(cause);
                Poll::Pending
            }
            (Ok(value), None) => Poll::Ready(value),
        }
    }
}
