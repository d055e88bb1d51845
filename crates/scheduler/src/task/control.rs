//! A task without its type: look at it, cancel it.

use super::cancel::{current, unique_key};
use super::cell::Header;
use super::cold::Pending;
use super::join::wait_in_cold;
use super::refs::TaskRef;
use super::state::{End, OnWake};
use crate::locals::Context;
use crate::sched;
use std::fmt;
use std::panic::Location;
use std::task::{Poll, Waker};
use weftwork_task_context::{self as context, CancelSource, Cancelled};

/// A type-erased handle to a task: it can be cloned, sent and kept, and neither keeps the
/// task running nor its output alive.
#[doc(alias = "AbortHandle")]
#[derive(Clone)]
pub struct TaskControl(TaskRef);

impl TaskControl {
    pub(crate) fn new(task: TaskRef) -> Self {
        Self(task)
    }

    /// The task that is being polled on this thread.
    #[doc(alias = "current_task")]
    #[must_use]
    pub fn current() -> Option<Self> {
        // SAFETY: it is being polled on this thread, so it is live.
        current().map(|task| Self(unsafe { TaskRef::new(task) }))
    }

    pub(crate) fn header(&self) -> &Header {
        &self.0
    }

    pub(crate) fn task_ref(&self) -> &TaskRef {
        &self.0
    }

    /// The number of the task; no other task of this process has or had it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id()
    }

    /// Its name: `Task-` and its number, unless another was set.
    #[doc(alias = "get_name")]
    #[must_use]
    pub fn name(&self) -> String {
        let named = self.0.cold().and_then(|cold| cold.lock().name.clone());
        named.unwrap_or_else(|| format!("Task-{}", self.0.id()))
    }

    /// Gives it a name.
    pub fn set_name(&self, name: impl Into<String>) {
        let name = name.into();
        let old = self.0.cold_or_new().lock().name.replace(name);
        drop(old);
    }

    /// A copy of the task locals that it sees; after its end an empty one.
    #[doc(alias = "get_context")]
    #[must_use]
    pub fn context(&self) -> Context {
        Context::of(self.0.copied_locals())
    }

    /// Where it was spawned.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.0.location()
    }

    /// True once it has ended.
    #[doc(alias = "is_finished")]
    #[must_use]
    pub fn done(&self) -> bool {
        self.0.state.load().is_complete()
    }

    /// True if it ended cancelled.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.0.state.load().end() == Some(End::Cancelled)
    }

    /// True if it ended by a panic.
    #[must_use]
    pub fn panicked(&self) -> bool {
        self.0.state.load().end() == Some(End::Panicked)
    }

    /// Asks it to end: the cancel is delivered to what it awaits now. False once it is done.
    ///
    /// A task that has not started never runs; one that catches the cancel may go on.
    #[doc(alias = "abort")]
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.cancel_as(None)
    }

    /// As [`cancel`](Self::cancel), with a message that the error carries.
    #[track_caller]
    pub fn cancel_with(&self, msg: impl Into<String>) -> bool {
        self.cancel_as(Some(msg.into()))
    }

    #[track_caller]
    fn cancel_as(&self, msg: Option<String>) -> bool {
        let source = match current() {
            // SAFETY: it is being polled on this thread, so it is live.
            Some(task) => CancelSource::Task(unsafe { task.as_ref() }.id()),
            None => CancelSource::Outside,
        };
        self.cancel_for(Cancelled::new(msg, source))
    }

    /// As [`cancel`](Self::cancel), on behalf of another cause. The same one twice is one cancel.
    pub fn cancel_for(&self, cause: Cancelled) -> bool {
        self.request(cause, true, current() == Some(self.0.as_ptr()))
    }

    /// Asks again for a cancel that got lost; it does not count.
    pub(super) fn redeliver(&self, cause: Cancelled) {
        self.request(cause, false, current() == Some(self.0.as_ptr()));
    }

    /// Asks again for a cancel whose taker has something to give first: it strikes at the next
    /// await that suspends, and a value that the task gives before that stays.
    #[doc(hidden)]
    pub fn redeliver_at_next_await(&self, cause: Cancelled) {
        self.request(cause, false, false);
    }

    fn request(&self, cause: Cancelled, counts: bool, own: bool) -> bool {
        let old = {
            let mut rare = self.0.cold_or_new().lock();
            if self.0.state.set_cold().is_complete() {
                return false;
            }
            if counts && rare.is_asked_again(&cause) {
                return true;
            }
            if counts {
                rare.cancels = rare.cancels.saturating_add(1);
            } else if rare.must_cancel.is_some() {
                return true;
            }
            rare.must_cancel.replace(Pending { cause, own })
        };
        drop(old);
        if self.0.state.on_cancel() == OnWake::Schedule {
            sched::schedule_wake(super::refs::Runnable(self.0.as_ptr()));
        }
        true
    }

    /// True once it has ended and no callback is looking at its value.
    #[doc(hidden)]
    #[must_use]
    pub fn resolved(&self) -> bool {
        self.0.state.load().is_resolved()
    }

    /// Waits for the end, and for the callbacks that look at it: leaves the waker under `key`,
    /// which the first call makes.
    #[doc(hidden)]
    pub fn poll_resolved(&self, key: &mut Option<u64>, waker: &Waker) -> Poll<()> {
        if self.resolved() {
            return Poll::Ready(());
        }
        let key = *key.get_or_insert_with(unique_key);
        if wait_in_cold(&self.0, key, waker) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Why it was cancelled last: the cancel that is waiting to be delivered, or was. It stays
    /// while the task cleans up, and after its end.
    #[must_use]
    pub fn cancel_cause(&self) -> Option<Cancelled> {
        let rare = self.0.cold()?.lock();
        let waiting = rare.must_cancel.as_ref().map(|pending| &pending.cause);
        waiting.or(rare.cancelled_by.as_ref()).cloned()
    }

    /// How many cancels were asked for and not taken back.
    #[must_use]
    pub fn cancelling(&self) -> u32 {
        self.0.cold().map_or(0, |cold| cold.lock().cancels)
    }

    /// Takes one cancel back; the last one also withdraws a cancel that has not been
    /// delivered yet. Gives what is left.
    pub fn uncancel(&self) -> u32 {
        let Some(cold) = self.0.cold() else { return 0 };
        let (left, withdrawn) = {
            let mut rare = cold.lock();
            rare.cancels = rare.cancels.saturating_sub(1);
            let withdrawn = if rare.cancels == 0 {
                rare.must_cancel.take()
            } else {
                None
            };
            // What never struck may be asked for again, by the same cause.
            let asked = withdrawn.as_ref().and_then(|_| rare.asked_for.take());
            (rare.cancels, (withdrawn, asked))
        };
        drop(withdrawn);
        left
    }

    /// How often it was polled.
    #[must_use]
    pub fn polls(&self) -> u32 {
        self.0.polls()
    }

    /// The word asyncio's repr starts with.
    #[must_use]
    pub fn state(&self) -> &'static str {
        let state = self.0.state.load();
        match state.end() {
            Some(End::Value) => "finished",
            Some(End::Cancelled) => "cancelled",
            Some(End::Panicked) => "panicked",
            None if self.cancelling() > 0 => "cancelling",
            None if context::task() == self.0.as_ptr().as_ptr().cast::<()>().cast_const() => {
                "running"
            }
            None => "pending",
        }
    }

    /// The type of its future.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.0.type_name()
    }
}

impl PartialEq for TaskControl {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ptr() == other.0.as_ptr()
    }
}

impl Eq for TaskControl {}

impl std::hash::Hash for TaskControl {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.as_ptr().hash(state);
    }
}

impl fmt::Debug for TaskControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<Task {} name={:?} fut=<{}> at {}>",
            self.state(),
            self.name(),
            self.type_name(),
            self.location()
        )
    }
}
