//! A deadline for a future: asyncio.timeout.

use crate::cancel::{self, Cancelled, Hit, Probe, Raising};
use pin_project_lite::pin_project;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use weftwork_scheduler::{TaskControl, Timer};
use weftwork_task_context::{CancelSource, CancelStep, with_frame};

/// The time was over.
#[doc(alias = "TimeoutError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elapsed {}

impl Elapsed {
    pub(crate) fn new() -> Self {
        Self {}
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was over")
    }
}

impl std::error::Error for Elapsed {}

pin_project! {
    /// The future of [`timeout`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        body: Option<F>,
        timer: Timer,
        // The deadline has come, and the cancel was delivered inside.
        expiring: bool,
        // The cancel that it delivered last.
        cause: Option<Cancelled>,
        // By that an await in the body was cancelled.
        raising: Option<Raising>,
        // Where it was made.
        location: &'static Location<'static>,
        // The body stands for tasks: if a cancel finds all of them ended, their values are to come.
        keeps_ended: bool,
        // It was due, and so was a timeout around it, which was let go first.
        deferred: bool,
        // The task itself was cancelled: that goes on, whatever the deadline did.
        outer: bool,
        // The cancel of a timeout or a group around this one that has struck: that one reports.
        around: Option<Cancelled>,
        // It struck, and the task was cancelled as well, which is still to be delivered.
        waits_for_cancel: bool,
        // How many requests to cancel the task had at the first poll.
        requests: Option<u32>,
        // The cancel that is raised at every further poll.
        raised: Option<Cancelled>,
        probe: Probe,
    }
}

/// Gives a future so much time: asyncio.timeout.
///
/// When the time is over, a cancel is delivered inside the future; its clean-up and its
/// child tasks are waited for, then `Err(Elapsed)` comes. A value that comes meanwhile wins.
/// If the task is cancelled too, that goes on. Of nested deadlines that are equal only the outer
/// one reports. Zero polls the future once.
///
/// ```
/// use std::time::Duration;
/// use weftwork::{run, time::{sleep, timeout}};
///
/// run(async {
///     let late = timeout(Duration::from_millis(1), sleep(Duration::from_secs(60))).await;
///     assert!(late.is_err());
///     assert_eq!(timeout(Duration::from_secs(60), async { 5 }).await, Ok(5));
/// });
/// ```
///
/// # Panics
/// When polled outside of a runtime.
#[doc(alias = "asyncio.timeout")]
#[track_caller]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    with_timer(Timer::after(duration), future)
}

/// As [`timeout`], until an instant.
#[doc(alias = "asyncio.timeout_at")]
#[track_caller]
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    with_timer(Timer::new(Some(deadline)), future)
}

#[track_caller]
fn with_timer<F: Future>(timer: Timer, future: F) -> Timeout<F> {
    Timeout {
        body: Some(future),
        timer,
        expiring: false,
        cause: None,
        raising: None,
        location: Location::caller(),
        keeps_ended: false,
        deferred: false,
        outer: false,
        around: None,
        waits_for_cancel: false,
        requests: None,
        raised: None,
        probe: Probe::new(),
    }
}

impl<F> Timeout<F> {
    /// When the time is over; none: never.
    #[must_use]
    pub fn when(&self) -> Option<Instant> {
        self.timer.deadline()
    }

    /// True once the deadline has come and struck.
    #[must_use]
    pub fn expired(&self) -> bool {
        self.expiring
    }

    /// When the deadline strikes, tasks that have ended by then give their values all the same, though
    /// callbacks may have to see those first.
    pub(super) fn keeps_ended(mut self, is_so: bool) -> Self {
        self.keeps_ended = is_so;
        self
    }

    /// Moves the deadline, unless it has struck.
    pub fn reschedule(self: Pin<&mut Self>, deadline: Option<Instant>) {
        let this = self.project();
        if !*this.expiring {
            this.timer.reset(deadline);
        }
    }
}

weftwork_std_or_loom::thread_local! {
    /// The earliest deadline of the timeouts around the one that is being polled, of those that
    /// have not struck.
    static AROUND: Cell<Option<Instant>> = Cell::new(None)
}

/// Polls a body inside of a timeout with this deadline.
fn poll_within<R>(deadline: Option<Instant>, poll: impl FnOnce() -> R) -> R {
    struct Restore(Option<Instant>);
    impl Drop for Restore {
        fn drop(&mut self) {
            AROUND.with(|around| around.set(self.0));
        }
    }
    let before = AROUND.with(Cell::get);
    let earliest = [before, deadline].into_iter().flatten().min();
    let _restore = Restore(before);
    AROUND.with(|around| around.set(earliest));
    poll()
}

/// True if the cancel was asked for of the task itself, which counts it.
fn is_request(cause: &Cancelled) -> bool {
    let asked = TaskControl::current().and_then(|task| task.cancel_cause());
    asked.is_some_and(|asked| asked.is_same(cause))
}

impl<F: Future> Timeout<F> {
    /// True if a timeout around this one is due as well: that strikes in this very poll, once
    /// this one has returned. Asked a second time, something keeps it from being polled.
    fn leaves_it_to_the_outer(self: Pin<&mut Self>, cx: &Context<'_>) -> bool {
        let this = self.project();
        let around = AROUND.with(Cell::get);
        if *this.deferred || around.is_none() || around > this.timer.deadline() {
            return false;
        }
        *this.deferred = true;
        cx.waker().wake_by_ref();
        true
    }

    /// The body was cancelled by the deadline, and is gone. If the task was cancelled as well, or
    /// a timeout or a group around this one has struck, that goes on.
    fn expired_with(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Elapsed>> {
        let mut this = self.project();
        let task = TaskControl::current();
        let task = task.filter(|task| Some(task.cancelling()) > *this.requests);
        let cause = this.around.take().or_else(|| task?.cancel_cause());
        let seen = this.cause.iter().chain(&cause).cloned();
        cancel::with_effect_seen(seen, || this.body.set(None));
        let Some(cause) = cause else {
            this.probe.disarm();
            return Poll::Ready(Err(Elapsed::new()));
        };
        *this.waits_for_cancel = !*this.outer;
        if *this.outer {
            this.probe.raise(&cause, cx);
            *this.raised = Some(cause);
        } else {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// The deadline cancelled an await in the body: is anything else in there still at work?
    fn judge(
        mut self: Pin<&mut Self>,
        hit: Option<Cancelled>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Elapsed>> {
        let mut this = self.as_mut().project();
        let raising = this.raising.get_or_insert(Raising::told());
        if raising.is_due(hit.is_some()) {
            let mut body = this
                .body
                .as_mut()
                .as_pin_mut()
                .expect("a future is not polled after its end");
            match raising.judge(hit, &mut || body.as_mut().poll(cx)) {
                Err(value) => return self.in_time(value),
                Ok(Hit::Now(_)) => return self.expired_with(cx),
                Ok(Hit::Later) if raising.is_due(true) => cx.waker().wake_by_ref(),
                Ok(Hit::Later) => {}
                Ok(Hit::Old) => *this.raising = None,
            }
        }
        this.probe.wait(cx, this.raising.is_some());
        Poll::Pending
    }

    /// A value counts, whatever the deadline did.
    fn in_time(self: Pin<&mut Self>, value: F::Output) -> Poll<Result<F::Output, Elapsed>> {
        self.project().probe.disarm();
        Poll::Ready(Ok(value))
    }

    /// The deadline has come: delivers a cancel inside.
    fn expire(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Elapsed>> {
        let mut this = self.as_mut().project();
        *this.expiring = true;
        let cause = Cancelled::at(None, CancelSource::Timeout, this.location)
            .with_deadline(this.timer.deadline())
            .struck_here();
        *this.cause = Some(cause.clone());
        let mut body = this
            .body
            .as_mut()
            .as_pin_mut()
            .expect("a future is not polled after its end");
        let (polled, heard) = cancel::deliver(&cause, &mut || body.as_mut().poll(cx));
        match polled {
            Poll::Ready(value) => self.in_time(value),
            Poll::Pending if heard.frame.taken() || *this.keeps_ended => {
                // Something inside handles it: once more, without the cancel.
                cancel::wake_current_probes();
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => self.expired_with(cx),
        }
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        if let Some(cause) = this.raised {
            this.probe.raise(cause, cx);
            return Poll::Pending;
        }
        let deliver = cancel::delivered().map(|cause| cause.passed_on(CancelStep::Timeout));
        *this.outer |= deliver.is_some();
        if *this.waits_for_cancel {
            // A delivery is for whoever is outside. Without one the cancel was withdrawn, or it
            // went past this timeout, and is raised here.
            if cancel::declines(cx) {
                return Poll::Pending;
            }
            *this.outer = true;
            return self.expired_with(cx);
        }
        if let Some(cause) = &deliver
            && !is_request(cause)
        {
            *this.around = Some(cause.clone());
        }
        if this.requests.is_none() {
            *this.requests = cancel::requests();
        }
        let body = this
            .body
            .as_mut()
            .as_pin_mut()
            .expect("a future is not polled after its end");
        let deadline = this.timer.deadline().filter(|_| !*this.expiring);
        let (polled, heard) =
            with_frame(deliver.as_ref(), || poll_within(deadline, || body.poll(cx)));
        if let Poll::Ready(value) = polled {
            return self.in_time(value);
        }
        cancel::mark_busy(heard.frame.busy());
        if heard.frame.taken() {
            cancel::mark_taken();
        }
        let own = |cause: &Cancelled| cause.source() == CancelSource::Timeout;
        if *this.expiring
            && (!*this.outer || heard.hit.as_ref().is_none_or(own))
            && (heard.hit.is_some() || this.raising.is_some())
        {
            return self.judge(heard.hit, cx);
        }
        if let Some(cause) = heard.hit {
            this.probe.raise(&cause, cx);
            if *this.outer {
                *this.raised = Some(cause);
            }
            return Poll::Pending;
        }
        this.probe.arm(cx);
        if deliver.is_some() {
            return Poll::Pending;
        }
        if *this.expiring {
            let own = |cause: &Cancelled| this.cause.as_ref().is_some_and(|own| own.is_same(cause));
            if cancel::is_to_strike_again(own) {
                return self.expire(cx);
            }
            return Poll::Pending;
        }
        if Pin::new(this.timer).poll(cx).is_pending() || self.as_mut().leaves_it_to_the_outer(cx) {
            return Poll::Pending;
        }
        self.expire(cx)
    }
}
