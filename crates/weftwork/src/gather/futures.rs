//! The futures of `gather`.

use super::children::{ChildEnded, Children};
use super::finished::Notice;
use super::{FinishedGroup, GroupControl};
use crate::cancel::{self, Cancelled, Probe, Taken};
use crate::{ResultError, Task, TaskControl, TaskError};
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_scheduler::{Group, Grouped, Progress};
use weftwork_task_context::CancelStep;

/// The future of [`gather`](super::gather()): values of one type, in a vec.
pub type Gather<T> = JoinAll<Vec<Task<T>>>;

/// The future of [`Gather::return_exceptions`](JoinAll::return_exceptions).
pub type GatherOutcomes<T> = JoinAllOutcomes<Vec<Task<T>>>;

/// Waits for a collection of tasks: a vec for [`gather`](super::gather()), a tuple for
/// [`gather!`](crate::gather!).
#[must_use = "the tasks run, but nobody sees what they give"]
pub struct JoinAll<C> {
    tasks: C,
    /// Counts the tasks down; made with the tasks, or when the gather is polled first.
    group: Option<Group>,
    /// Made for whoever asks for it, and for a cancel.
    control: Option<GroupControl>,
    /// A cancel of the awaiting task that was passed on to the children.
    forwarded: Option<Taken>,
    /// A failure was raised: the other children are left alone from then on.
    raised: Option<Cancelled>,
    /// `result` has given values or a panic, which moved out.
    taken: bool,
    probe: Probe,
}

impl<C> Unpin for JoinAll<C> {}

impl<T> Gather<T> {
    /// Tasks that were spawned as the members of one group.
    pub(crate) fn spawned((tasks, group): Grouped<T>) -> Self {
        let mut gather = Self::new(tasks);
        gather.group = Some(group);
        gather
    }
}

impl<C: Children> JoinAll<C> {
    #[doc(hidden)]
    pub fn new(tasks: C) -> Self {
        Self {
            tasks,
            group: None,
            control: None,
            forwarded: None,
            raised: None,
            taken: false,
            probe: Probe::new(),
        }
    }

    /// Gives a `Result` for each child instead of failing with the first one that fails.
    pub fn return_exceptions(self) -> JoinAllOutcomes<C> {
        JoinAllOutcomes(self)
    }

    /// Cancels the children from elsewhere.
    pub fn control(&mut self) -> GroupControl {
        let tasks = &self.tasks;
        self.control
            .get_or_insert_with(|| GroupControl::new(tasks.controls()))
            .clone()
    }

    /// True once the group is done: all children have ended, or one has failed. A group that
    /// was cancelled is done when all its children are.
    #[must_use]
    pub fn done(&self) -> bool {
        self.all_done() || (self.cancelled().is_none() && self.tasks.failed())
    }

    /// The values, once all children have given one. Never blocks.
    ///
    /// # Errors
    /// As for [`Task::result`]: `Taken` once values or a panic were given. Of several failures the
    /// first one counts.
    pub fn result(&mut self) -> Result<C::Values, ResultError> {
        if !self.done() {
            return Err(ResultError::InvalidState);
        }
        if let Some(cause) = self.cancelled() {
            return Err(ResultError::Cancelled(cause));
        }
        if self.taken {
            return Err(ResultError::Taken);
        }
        if let Some(error) = self.tasks.first_error() {
            self.taken = matches!(error, TaskError::Panicked(_));
            return Err(error.into());
        }
        if !self.tasks.resolved() {
            return Err(ResultError::CallbacksPending);
        }
        self.taken = true;
        self.tasks.values()
    }

    /// Calls `f` on the callback lane once the group is [`done`](Self::done), also if that is
    /// so already or the gather is dropped.
    ///
    /// The callback sees how the group ended. For one that looks at the values, spawn the
    /// gather, for it is a future, and use [`Task::add_done_callback`].
    pub fn add_done_callback<F>(&mut self, f: F)
    where
        F: FnOnce(&FinishedGroup) + Send + 'static,
        C: 'static,
    {
        self.notify(true, f);
    }

    fn notify<F>(&mut self, fails: bool, f: F)
    where
        F: FnOnce(&FinishedGroup) + Send + 'static,
        C: 'static,
    {
        let control = self.control();
        let empty = control.children().is_empty();
        let notice = Notice::new(control, fails, Box::new(f));
        if empty {
            notice.tell_of_an_empty_group();
        } else {
            let ended: ChildEnded = Arc::new(move |child| notice.child_ended(child));
            self.tasks.notify(&ended);
        }
    }

    fn all_done(&self) -> bool {
        self.tasks.controls().iter().all(TaskControl::done)
    }

    /// What the first child failed by; if a callback looks at it right now, it wakes the
    /// awaiter.
    fn first_error(&mut self, cx: &mut Context<'_>) -> Option<TaskError> {
        if let Some(error) = self.tasks.first_error() {
            return Some(error);
        }
        self.tasks.poll_resolved(cx);
        self.tasks.first_error()
    }

    /// Leaves the waker and reads once how far the group is.
    fn progress(&mut self, waker: &Waker) -> Progress {
        let group = self.group.get_or_insert_with(|| {
            let group = Group::new();
            self.tasks.join(&group);
            group
        });
        group.register(waker)
    }

    /// The cancel of the whole group, if there was one.
    fn cancelled(&self) -> Option<Cancelled> {
        let forwarded = self.forwarded.as_ref().map(Taken::cause);
        let by_control = || self.control.as_ref().and_then(GroupControl::cancelled);
        forwarded.or_else(by_control).cloned()
    }

    /// A cancel is being delivered: it goes to the children, unless a failure was raised.
    fn deliver(&mut self, cx: &Context<'_>) {
        let Some(cause) = cancel::delivered() else {
            return;
        };
        self.probe.arm(cx);
        let control = self.control();
        Taken::pass_on(&mut self.forwarded, CancelStep::Gather, cause, |cause| {
            self.raised.is_none() && control.cancel_for(cause)
        });
    }

    fn wait(&mut self, cx: &Context<'_>) {
        self.probe.wait(cx, self.forwarded.is_some());
    }

    /// The awaiter is cancelled here, now and at every further poll.
    fn raise<R>(&mut self, cause: Cancelled, cx: &Context<'_>) -> Poll<R> {
        self.forwarded.take().map(Taken::settled);
        self.probe.raise(&cause, cx);
        self.raised = Some(cause);
        Poll::Pending
    }
}

impl<C: Children> Future for JoinAll<C> {
    type Output = C::Values;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Values> {
        let this = &mut *self;
        if let Some(cause) = this.raised.clone() {
            return this.raise(cause, cx);
        }
        let progress = this.progress(cx.waker());
        if cancel::delivering() {
            this.deliver(cx);
            if progress.left == 0
                && let Some(cause) = this.cancelled().or_else(|| this.tasks.raises())
            {
                // It has ended cancelled: the cancel strikes with that, as in asyncio.
                return this.raise(cause, cx);
            }
            return Poll::Pending;
        }
        if let Some(cause) = this.cancelled() {
            if progress.left == 0 {
                return this.raise(cause, cx);
            }
            this.wait(cx);
            return Poll::Pending;
        }
        if progress.failed {
            match this.first_error(cx) {
                Some(TaskError::Cancelled(cause)) => return this.raise(cause, cx),
                Some(TaskError::Panicked(payload)) => resume_unwind(payload),
                None => {}
            }
        }
        if progress.left > 0 {
            this.wait(cx);
            return Poll::Pending;
        }
        if !this.tasks.poll_resolved(cx) {
            return Poll::Pending;
        }
        match this.tasks.values() {
            Ok(values) => Poll::Ready(values),
            Err(error) => panic!("{error}"),
        }
    }
}

impl<C: fmt::Debug> fmt::Debug for JoinAll<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

/// Waits for a collection of tasks and gives a `Result` for each.
///
/// It fails only if the group is cancelled, by its awaiter or its control: then all children
/// are cancelled and waited for, and the cancel goes on even if they swallow it.
#[derive(Debug)]
#[must_use = "the tasks run, but nobody sees what they give"]
pub struct JoinAllOutcomes<C>(JoinAll<C>);

impl<C: Children> JoinAllOutcomes<C> {
    /// Cancels the children from elsewhere.
    pub fn control(&mut self) -> GroupControl {
        self.0.control()
    }

    /// True once all children have ended.
    #[must_use]
    pub fn done(&self) -> bool {
        self.0.all_done()
    }

    /// A `Result` for each child, once all have ended. Never blocks.
    ///
    /// # Errors
    /// `InvalidState` before, `CallbacksPending` while callbacks look at a value, `Cancelled`
    /// if the group was cancelled, `Taken` the second time.
    pub fn result(&mut self) -> Result<C::Outcomes, ResultError> {
        if !self.done() {
            return Err(ResultError::InvalidState);
        }
        if let Some(cause) = self.0.cancelled() {
            return Err(ResultError::Cancelled(cause));
        }
        if self.0.taken {
            return Err(ResultError::Taken);
        }
        if !self.0.tasks.resolved() {
            return Err(ResultError::CallbacksPending);
        }
        self.0.taken = true;
        Ok(self.0.tasks.outcomes())
    }

    /// Calls `f` on the callback lane once all children have ended, as
    /// [`JoinAll::add_done_callback`].
    pub fn add_done_callback<F>(&mut self, f: F)
    where
        F: FnOnce(&FinishedGroup) + Send + 'static,
        C: 'static,
    {
        self.0.notify(false, f);
    }
}

impl<C: Children> Future for JoinAllOutcomes<C> {
    type Output = C::Outcomes;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let group = &mut self.0;
        if let Some(cause) = group.raised.clone() {
            return group.raise(cause, cx);
        }
        let left = group.progress(cx.waker()).left;
        if cancel::delivering() {
            group.deliver(cx);
            if left == 0
                && let Some(cause) = group.cancelled()
            {
                return group.raise(cause, cx);
            }
            return Poll::Pending;
        }
        if left > 0 {
            group.wait(cx);
            return Poll::Pending;
        }
        if let Some(cause) = group.cancelled() {
            return group.raise(cause, cx);
        }
        if !group.tasks.poll_resolved(cx) {
            return Poll::Pending;
        }
        Poll::Ready(group.tasks.outcomes())
    }
}
