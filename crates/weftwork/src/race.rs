//! The first of some futures.

use crate::cancel::{self, Cancelled, Probe, Taken};
use crate::ensure::{ensure_future, ensure_local};
use crate::gather::outcome;
use crate::task_pool::TaskPool;
use crate::{Payload, Task, TaskError};
use std::fmt;
use std::future::Future;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_scheduler::report_panic;
use weftwork_task_context::{CancelSource, CancelStep};

/// Runs futures at the same time and gives the value of the first one that has one; the others
/// are cancelled and waited for, so that nothing of the race goes on after it.
///
/// Takes futures or tasks and starts them at once. A panic counts as the end of the race, and
/// goes on when the others have ended. A runner that is cancelled alone has given up, and the
/// others go on; if all have, the awaiter is cancelled.
///
/// The value is `None` if there was nobody to run: like the maximum of an empty list, the first
/// of nobody does not exist, and to wait for it for ever would help nobody.
///
/// ```
/// use std::time::Duration;
/// use weftwork::{race, run, time::sleep};
///
/// let first = run(async {
///     race([30, 1].map(|ms| async move { sleep(Duration::from_millis(ms)).await; ms })).await
/// });
/// assert_eq!(first, Some(1));
/// ```
///
/// # Panics
/// Outside of a runtime.
///
/// # Cancel safety
/// A cancel of the awaiter goes to all runners; when they have ended, it goes on, whatever they
/// gave. Dropping the race cancels the runners and leaves them.
#[doc(alias = "select")]
#[doc(alias = "select_ok")]
#[doc(alias = "FIRST_COMPLETED")]
#[track_caller]
pub fn race<I>(futures: I) -> Race<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    let mut tasks = TaskPool::new();
    for future in futures {
        tasks.insert(ensure_future(future));
    }
    Race::new(tasks, Location::caller())
}

/// [`race`](crate::race()) for futures that need not be `Send`, inside of
/// [`run_local`](crate::run_local).
///
/// # Panics
/// Outside of `run_local`.
#[track_caller]
pub fn local_race<I>(futures: I) -> Race<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + 'static,
    <I::Item as Future>::Output: 'static,
{
    let mut tasks = TaskPool::new();
    for future in futures {
        tasks.insert(ensure_local(future));
    }
    Race::new(tasks, Location::caller())
}

/// [`race`](race()) for futures of different types that give values of one type.
///
/// ```
/// use weftwork::{race, run, time::sleep};
/// use std::time::Duration;
///
/// let first = run(async {
///     race!(async { "at once" }, async { sleep(Duration::from_secs(9)).await; "late" }).await
/// });
/// assert_eq!(first, Some("at once"));
/// ```
#[macro_export]
macro_rules! race {
    ($($future:expr),+ $(,)?) => {
        $crate::race([$($crate::ensure_future($future)),+])
    };
}

/// The future of [`race`](race()).
#[must_use = "the tasks run, and are cancelled when this is dropped"]
pub struct Race<T> {
    tasks: TaskPool<T>,
    location: &'static Location<'static>,
    /// How it ended.
    end: Option<Result<T, Payload>>,
    /// A runner that was cancelled alone.
    gave_up: Option<Cancelled>,
    /// A cancel of the awaiting task that was passed on to the runners.
    forwarded: Option<Taken>,
    raised: Option<Cancelled>,
    probe: Probe,
}

impl<T> Unpin for Race<T> {}

impl<T> Race<T> {
    fn new(tasks: TaskPool<T>, location: &'static Location<'static>) -> Self {
        Self {
            tasks,
            location,
            end: None,
            gave_up: None,
            forwarded: None,
            raised: None,
            probe: Probe::new(),
        }
    }

    fn deliver(&mut self, cx: &Context<'_>) {
        let Some(cause) = cancel::delivered() else {
            return;
        };
        self.tasks.register(cx.waker());
        self.probe.arm(cx);
        Taken::pass_on(&mut self.forwarded, CancelStep::Race, cause, |cause| {
            self.raised.is_none() && self.tasks.cancel_all(cause)
        });
    }

    /// A runner has ended. Once the race is over, a value is dropped and a panic reported.
    fn ended(&mut self, mut task: Task<T>) {
        if self.end.is_some() || self.forwarded.is_some() {
            return task.detach();
        }
        match outcome(&mut task) {
            Err(TaskError::Cancelled(cause)) => {
                self.gave_up = Some(cause);
                return;
            }
            Err(TaskError::Panicked(payload)) => self.end = Some(Err(payload)),
            Ok(value) => self.end = Some(Ok(value)),
        }
        let lost = CancelSource::RaceLost(task.id());
        self.tasks
            .cancel_all(&Cancelled::at(None, lost, self.location));
    }

    /// The race has an end that nobody will see.
    fn report_end(&mut self) {
        if let Some(Err(payload)) = self.end.take() {
            report_panic(payload, "a task of a race that was cancelled");
        }
    }

    fn raise<R>(&mut self, cause: Cancelled, cx: &Context<'_>) -> Poll<R> {
        self.probe.raise(&cause, cx);
        self.raised = Some(cause);
        Poll::Pending
    }
}

impl<T> Future for Race<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        if let Some(cause) = this.raised.clone() {
            return this.raise(cause, cx);
        }
        if cancel::delivering() {
            this.deliver(cx);
            return Poll::Pending;
        }
        while let Some((_, task)) = match this.tasks.poll_ended(cx) {
            Poll::Ready(ended) => ended,
            Poll::Pending => {
                this.probe.wait(cx, this.forwarded.is_some());
                return Poll::Pending;
            }
        } {
            this.ended(task);
        }
        if let Some(taken) = this.forwarded.take() {
            this.report_end();
            return this.raise(taken.settled(), cx);
        }
        match (this.end.take(), this.gave_up.take()) {
            (Some(Ok(value)), _) => Poll::Ready(Some(value)),
            (Some(Err(payload)), _) => resume_unwind(payload),
            (None, Some(cause)) => this.raise(cause, cx),
            (None, None) => Poll::Ready(None),
        }
    }
}

impl<T> Drop for Race<T> {
    fn drop(&mut self) {
        if !self.tasks.is_empty() {
            let msg = "its race was dropped".to_owned();
            let cause = Cancelled::at(Some(msg), CancelSource::Group, self.location);
            self.tasks.cancel_all(&cause);
        }
        self.report_end();
    }
}

impl<T> fmt::Debug for Race<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Race").field(&self.tasks).finish()
    }
}
