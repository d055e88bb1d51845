//! The future of a group: its body, then the wait for its children.

use super::child_result::ChildResult;
use super::core::Core;
use super::error::{ChildError, ChildFailure, GroupError};
use crate::cancel::{self, Cancelled, Probe, Taken};
use crate::scope::{Armed, poll_body};
use crate::{TaskControl, TaskError};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use weftwork_task_context::CancelStep;

pin_project! {
    /// The future of [`task_group_fn`](crate::task_group_fn).
    // As a `catch` it takes what happens in the body; when all children have ended, it goes on
    // from here. No bound names the error beside the body's output: with an error that has a
    // lifetime, the compiler could not see that this is `Send`.
    #[must_use = "futures do nothing unless awaited"]
    #[project = Projection]
    pub struct GroupScope<F: Future, E> {
        #[pin]
        body: Option<F>,
        // What the body gave, if that was no error.
        output: Option<F::Output>,
        armed: Armed,
        core: Arc<Core<E>>,
        // The group's own cancel has been delivered in the body.
        told: bool,
        // A cancel from outside that came here.
        outer: Option<Cancelled>,
        // One that was passed on to the children.
        passed_on: Option<Taken>,
        // A cancel that goes on at the end, unless there are errors.
        goes_on: Option<Cancelled>,
        // The cancel that is raised at every further poll.
        raised: Option<Cancelled>,
        probe: Probe,
    }

    impl<F: Future, E> PinnedDrop for GroupScope<F, E> {
        fn drop(this: Pin<&mut Self>) {
            this.project().core.close();
        }
    }
}

impl<F, E> GroupScope<F, E>
where
    F: Future,
    F::Output: ChildResult<E>,
{
    pub(super) fn new(body: F, core: Arc<Core<E>>) -> Self {
        Self {
            body: Some(body),
            output: None,
            armed: Armed::default(),
            core,
            told: false,
            outer: None,
            passed_on: None,
            goes_on: None,
            raised: None,
            probe: Probe::new(),
        }
    }

    /// Polls the body to its end.
    fn poll_body(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(mut body) = this.body.as_mut().as_pin_mut() else {
            return Poll::Ready(());
        };
        let abort = this.core.register(cx.waker());
        if let Some(cause) = cancel::delivered() {
            *this.outer = Some(cause);
        } else if let Some(cause) = abort.filter(|_| !std::mem::replace(this.told, true)) {
            let cause = cause.struck_here();
            // Delivered in the body, as to a task: one poll with the cancel, and then an
            // ordinary one, in which whatever took it acts.
            let (polled, _) =
                cancel::deliver(&cause, &mut || poll_body(body.as_mut(), cx, this.armed));
            if let Poll::Ready(end) = polled {
                body_ended(this, end, None);
                return Poll::Ready(());
            }
            cancel::wake_current_probes();
        }
        let struck = this.armed.struck();
        match poll_body(body, cx, this.armed) {
            Poll::Ready(end) => {
                body_ended(this, end, struck);
                Poll::Ready(())
            }
            Poll::Pending => {
                let abort = || this.core.abort_cause();
                if cancel::is_to_strike_again(|cause| {
                    abort().is_some_and(|abort| abort.is_same(cause))
                }) {
                    *this.told = false;
                    cx.waker().wake_by_ref();
                }
                this.probe.arm(cx);
                Poll::Pending
            }
        }
    }

    /// Waits for the children; a cancel goes to all of them.
    fn poll_children(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<ChildFailure<E>>> {
        let this = self.project();
        if let Some(cause) = cancel::delivered() {
            this.core.register(cx.waker());
            this.probe.arm(cx);
            Taken::pass_on(this.passed_on, CancelStep::TaskGroup, cause, |cause| {
                let asked = this.core.abort(cause) || this.core.has_failed();
                if asked {
                    *this.goes_on = Some(cause.clone());
                    *this.outer = Some(cause.clone());
                }
                asked
            });
            return Poll::Pending;
        }
        let polled = this.core.poll_ended(cx.waker());
        if polled.is_pending() {
            this.probe.wait(cx, this.outer.is_some());
        }
        polled
    }

    /// All have ended.
    fn end(
        self: Pin<&mut Self>,
        failures: Vec<ChildFailure<E>>,
        cx: &Context<'_>,
    ) -> Poll<<Self as Future>::Output> {
        let this = self.project();
        this.passed_on.take().map(Taken::settled);
        this.probe.disarm();
        if !failures.is_empty() {
            if let Some(cause) = this.outer.take() {
                strike_later(cause);
            }
            return Poll::Ready(Err(GroupError::new(failures)));
        }
        if let Some(cause) = this.goes_on.take() {
            this.probe.raise(&cause, cx);
            *this.raised = Some(cause);
            return Poll::Pending;
        }
        let value = match this.output.take() {
            Some(output) => Some(output.into_value()),
            None => F::Output::when_cancelled(),
        };
        Poll::Ready(value.ok_or_else(|| GroupError::cancelled_early(this.core.abort_cause())))
    }
}

/// The body is over: an error of it counts as a child's, and a cancel goes to the children. `struck`: the
/// cancel that the body took, which may have raised another one.
fn body_ended<F, E>(
    mut this: Projection<'_, F, E>,
    end: Result<F::Output, TaskError>,
    struck: Option<Cancelled>,
) where
    F: Future,
    F::Output: ChildResult<E>,
{
    let dropped = catch_unwind(AssertUnwindSafe(|| this.body.set(None)));
    if let Err(payload) = dropped {
        this.core.fail(ChildError::Panicked(payload), None);
    }
    match end {
        Ok(output) => match output.check() {
            Ok(output) => *this.output = Some(output),
            Err(error) => drop(this.core.fail(ChildError::Failed(error), None)),
        },
        Err(TaskError::Panicked(payload)) => {
            this.core.fail(ChildError::Panicked(payload), None);
        }
        Err(TaskError::Cancelled(cause)) => {
            let struck = struck.as_ref().unwrap_or(&cause);
            let abort = this.core.abort_cause();
            *this.passed_on = this.outer.clone().map(Taken::new);
            if abort.is_some_and(|abort| abort.is_same(struck)) {
                *this.goes_on = this.outer.clone();
            } else {
                *this.goes_on = Some(cause.clone());
                this.core.abort(&cause.passed_on(CancelStep::TaskGroup));
            }
        }
    }
}

/// The group gives its errors first; the cancel strikes at the next await.
fn strike_later(cause: Cancelled) {
    let Some(task) = TaskControl::current() else {
        return;
    };
    if !task.cancel_cause().is_some_and(|last| last.is_same(&cause)) {
        cancel::strike_again(cause);
    } else if task.cancelling() > 0 {
        task.redeliver_at_next_await(cause);
    }
}

impl<F: Future, E> fmt::Debug for GroupScope<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.core, f)
    }
}

impl<F, E> Future for GroupScope<F, E>
where
    F: Future,
    F::Output: ChildResult<E>,
{
    type Output = Result<<F::Output as ChildResult<E>>::Value, GroupError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        if let Some(cause) = this.raised {
            this.probe.raise(cause, cx);
            return Poll::Pending;
        }
        ready!(self.as_mut().poll_body(cx));
        let failures = ready!(self.as_mut().poll_children(cx));
        self.end(failures, cx)
    }
}
