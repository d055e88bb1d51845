//! `try` / `finally` around a future, with a clean-up that may await.

use super::grace::Grace;
use super::{Armed, drop_body, poll_body};
use crate::TaskError;
use crate::cancel::{self, Cancelled, CleanUp, Probe};
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
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
        // The second cancel has struck in the clean-up, whose time was over.
        struck: bool,
        grace: Option<Box<Grace>>,
        begun: Option<CleanUp>,
        probe: Probe,
        armed: Armed,
    }
}

/// Runs a future and then, however it ended, a clean-up: asyncio's `try: .. finally: ..`.
///
/// The clean-up runs also after a panic and when the body was cancelled; it may await. Once it
/// has begun it runs to its end: a second cancel waits until then, or as long as
/// [`grace`](Finally::grace) says. Afterwards the value, the
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
        struck: false,
        grace: None,
        begun: None,
        probe: Probe::new(),
        armed: Armed::default(),
    }
}

impl<F: Future, G> Finally<F, G> {
    /// Shields the clean-up for so long from its beginning on. A cancel that comes during it
    /// strikes in it after that, as in any future: a clean-up that hangs need not hold its task
    /// for ever. Without a cancel it goes on.
    ///
    /// ```
    /// use std::{future::pending, time::Duration};
    /// use weftwork::{finally, run, spawn, time::sleep};
    ///
    /// let ended = run(async {
    ///     let hangs = finally(async {}, pending()).grace(Duration::from_millis(5));
    ///     let task = spawn(hangs);
    ///     sleep(Duration::from_millis(1)).await;
    ///     task.cancel();
    ///     task.outcome().await
    /// });
    /// assert!(ended.unwrap_err().is_cancelled());
    /// ```
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = Some(Box::new(Grace::new(time)));
        self
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
            this.probe.raise(cause, cx);
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
                    *this.end = Some(drop_body(end, || this.body.set(None)));
                    *this.armed = Armed::default();
                }
            }
        }
        if let Some(cause) = cancel::delivered() {
            *this.second = Some(cause);
            *this.struck = false;
            cancel::mark_taken();
        }
        let over = this.grace.as_mut().is_some_and(|grace| grace.is_over(cx));
        let strikes = over && this.second.is_some() && !std::mem::replace(this.struck, true);
        let cause = this.second.as_ref().filter(|_| strikes);
        let cleanup = this.cleanup.as_mut().as_pin_mut();
        let cleanup = cleanup.expect("a future is not polled after its end");
        // A frame of its own: what happens outside does not reach the clean-up.
        let (polled, _) = with_frame(None, || poll_cleanup(cleanup, cx, this.armed, cause));
        let Poll::Ready(end) = polled else {
            this.probe.wait(cx, true);
            return Poll::Pending;
        };
        if let Err(error) = drop_body(end, || this.cleanup.set(None)) {
            // It panicked, it awaited something that was cancelled, or it was struck.
            *this.end = Some(Err(error));
        }
        *this.armed = Armed::default();
        *this.begun = None;
        this.probe.disarm();
        match (
            this.end.take().expect("the body has ended"),
            this.second.take(),
        ) {
            (Err(TaskError::Panicked(payload)), _) => resume_unwind(payload),
            (Err(TaskError::Cancelled(cause)), _) | (Ok(_), Some(cause)) => {
                this.probe.raise(&cause, cx);
                *this.raised = Some(cause);
                Poll::Pending
            }
            (Ok(value), None) => Poll::Ready(value),
        }
    }
}

/// Polls the clean-up, at first with the cancel that strikes in it.
fn poll_cleanup<G: Future<Output = ()>>(
    mut cleanup: Pin<&mut G>,
    cx: &mut Context<'_>,
    armed: &mut Armed,
    cause: Option<&Cancelled>,
) -> Poll<Result<(), TaskError>> {
    if let Some(cause) = cause {
        let mut poll = || poll_body(cleanup.as_mut(), cx, armed);
        let (polled, _) = cancel::deliver(cause, &mut poll);
        if polled.is_ready() {
            return polled;
        }
        cancel::wake_current_probes();
    }
    poll_body(cleanup, cx, armed)
}
