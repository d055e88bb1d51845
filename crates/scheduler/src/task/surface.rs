//! The rest of a task's surface: names, cancel, outcome, waiting for the end, repr.

use super::cancel::{Probe, unique_key};
use super::control::TaskControl;
use super::error::TaskError;
use super::join::{Task, forget_waiter, wait_in_cold};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::{Cancelled, holds_back, spent};

impl<T> Task<T> {
    /// The number of the task; no other task of this process has or had it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.task_ref().id()
    }

    /// Its name: `Task-` and its number, unless another was set.
    #[doc(alias = "get_name")]
    #[must_use]
    pub fn name(&self) -> String {
        self.control().name()
    }

    /// Gives it a name.
    pub fn set_name(&self, name: impl Into<String>) {
        self.control().set_name(name);
    }

    /// Where it was spawned.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.task_ref().location()
    }

    /// True once it has ended.
    #[doc(alias = "is_finished")]
    #[must_use]
    pub fn done(&self) -> bool {
        self.task_ref().state.load().is_complete()
    }

    /// True if it ended cancelled.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.control().cancelled()
    }

    /// True if it ended by a panic.
    #[must_use]
    pub fn panicked(&self) -> bool {
        self.control().panicked()
    }

    /// Asks the task to end: the cancel is delivered to what it awaits now. False once it is
    /// done. A task that has not started never runs; one that catches the cancel may go on.
    #[doc(alias = "abort")]
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.control().cancel()
    }

    /// As [`cancel`](Self::cancel), with a message that the error carries.
    #[track_caller]
    pub fn cancel_with(&self, msg: impl Into<String>) -> bool {
        self.control().cancel_with(msg)
    }

    /// How many cancels were asked for and not taken back.
    #[must_use]
    pub fn cancelling(&self) -> u32 {
        self.control().cancelling()
    }

    /// Takes one cancel back; the last one also withdraws a cancel that was not delivered
    /// yet. Gives what is left.
    pub fn uncancel(&self) -> u32 {
        self.control().uncancel()
    }

    /// Lets the task go on without a handle. Its value is dropped when it ends; a panic is
    /// reported to the runtime's exception handler.
    pub fn detach(self) {
        drop(self);
    }

    /// Waits for the end and gives it as a value: what the task returned, or how it failed.
    ///
    /// If the awaiting task itself is cancelled meanwhile, this one is cancelled too, and when
    /// it has ended cancelled, the cancel goes on in the awaiting task.
    #[doc(alias = "exception")]
    pub fn outcome(self) -> OutcomeOf<T> {
        OutcomeOf {
            task: self,
            raised: None,
            probe: Probe::new(),
        }
    }

    /// Waits for the end without taking the value. A cancel of the awaiting task is not
    /// passed on.
    #[must_use = "futures do nothing unless awaited"]
    pub fn finished(&self) -> Ended<'_, T> {
        Ended {
            task: self,
            key: None,
        }
    }

    /// A handle that cancels the task when it is dropped.
    pub fn cancel_on_drop(self) -> CancelOnDrop<T> {
        CancelOnDrop(Some(self))
    }

    /// As `Debug`, plus the result or error of a task that has ended. Never blocks.
    pub fn debug_result(&self) -> impl fmt::Debug + '_
    where
        T: fmt::Debug + Sync,
    {
        DebugResult(self)
    }
}

/// The future of [`Task::outcome`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct OutcomeOf<T> {
    task: Task<T>,
    raised: Option<Cancelled>,
    probe: Probe,
}

impl<T> Unpin for OutcomeOf<T> {}

impl<T> Future for OutcomeOf<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(cause) = &this.raised {
            this.probe.raise(cause, cx);
            return Poll::Pending;
        }
        let forwarded = this.task.forwarded().is_some();
        let polled = this.task.poll_outcome(cx);
        match polled {
            Poll::Ready(Err(TaskError::Cancelled(cause))) if forwarded => {
                // It was the awaiting task that was cancelled.
                this.probe.raise(&cause, cx);
                this.raised = Some(cause);
                Poll::Pending
            }
            polled => polled,
        }
    }
}

/// The future of [`Task::finished`].
#[must_use = "futures do nothing unless awaited"]
pub struct Ended<'a, T> {
    task: &'a Task<T>,
    key: Option<u64>,
}

impl<T> Future for Ended<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if holds_back(cx) {
            return Poll::Pending;
        }
        let key = *self.key.get_or_insert_with(unique_key);
        if wait_in_cold(self.task.task_ref(), key, cx.waker()) {
            Poll::Pending
        } else {
            self.key = None;
            spent(Poll::Ready(()))
        }
    }
}

impl<T> Drop for Ended<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            forget_waiter(self.task.task_ref(), key);
        }
    }
}

impl<T> fmt::Debug for Ended<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ended").field(self.task).finish()
    }
}

/// A handle that cancels its task when it is dropped before the end.
#[doc(alias = "AbortOnDropHandle")]
#[must_use = "dropping it cancels the task"]
pub struct CancelOnDrop<T>(Option<Task<T>>);

impl<T> CancelOnDrop<T> {
    /// The plain handle: dropping it does not cancel any more.
    pub fn into_inner(mut self) -> Task<T> {
        self.0
            .take()
            .expect("the handle is there until this or the drop takes it")
    }

    /// The task without its type.
    #[must_use]
    pub fn control(&self) -> TaskControl {
        self.0
            .as_ref()
            .expect("the handle is there until it is taken")
            .control()
    }
}

impl<T> Future for CancelOnDrop<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let task = self
            .0
            .as_mut()
            .expect("the handle is there until it is taken");
        Pin::new(task).poll(cx)
    }
}

impl<T> Drop for CancelOnDrop<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.cancel();
        }
    }
}

impl<T> fmt::Debug for CancelOnDrop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelOnDrop").field(&self.0).finish()
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.control(), f)
    }
}

struct DebugResult<'a, T>(&'a Task<T>);

impl<T: fmt::Debug + Sync> fmt::Debug for DebugResult<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let control = self.0.control();
        write!(
            f,
            "<Task {} name={:?} fut=<{}> at {}",
            control.state(),
            control.name(),
            control.type_name(),
            control.location()
        )?;
        match self.0.value() {
            Ok(value) => write!(f, " result={value:?}>"),
            Err(super::ResultError::InvalidState) => f.write_str(">"),
            Err(error) => write!(f, " exception={error:?}>"),
        }
    }
}
