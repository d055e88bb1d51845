//! The handle of a task: awaiting it gives its value.

use super::cancel::{self, Probe, Taken, current, delivered, mark_interest};
use super::cell::{Birth, Header, NO_SLOT, allocate};
use super::contain;
use super::control::TaskControl;
use super::error::{ResultError, TaskError};
use super::group::Group;
use super::refs::{TaskRef, free};
use super::run::{drop_unwanted, end_unborn};
use super::state::{End, OnDropHandle, Snapshot};
use super::waker::{self, Joiner};
use crate::shared::{self, Shared, ids};
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_task_context::{CancelSource, CancelStep, Cancelled};

/// A spawned task.
///
/// Awaiting it gives its value. If the task panicked, the panic resumes in the awaiter; if it
/// was cancelled, the awaiter is cancelled at that await, as `CancelledError` propagates in
/// asyncio. [`outcome`](Self::outcome) gives a `Result` instead.
///
/// A cancel of the awaiting task is passed on to this one, and the awaiter goes on waiting
/// until it has ended.
///
/// Dropping it detaches the task: it goes on, and its value is dropped when it ends.
///
/// # Panics
/// Awaiting panics if the task panicked, if it is the awaiting task itself, if its value was
/// taken before, and, on a foreign executor, if it was cancelled.
///
/// # Cancel safety
/// Nothing is lost when an await of `&mut task` is dropped.
#[doc(alias = "JoinHandle")]
#[doc(alias = "Future")]
pub struct Task<T> {
    /// Counted; given up by `Drop`.
    task: ManuallyDrop<TaskRef>,
    /// What few handles have.
    rare: Option<Box<Rare>>,
    output: PhantomData<T>,
}

#[derive(Default)]
struct Rare {
    /// A cancel of the awaiting task that was passed on to this one.
    forwarded: Option<Taken>,
    probe: Probe,
    /// The key of this handle in the list of waiters, if it is there.
    waiter: Option<u64>,
}

// SAFETY: the handle gives the value by value and by reference only where `T: Sync` is asked
// for; everything else in the cell is shared soundly (see `TaskRef`).
unsafe impl<T: Send> Send for Task<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Task<T> {}

impl<T> Unpin for Task<T> {}

impl<T> Task<T> {
    /// The handle of a task that was just allocated.
    ///
    /// # Safety
    /// One reference of `header` is this handle's, its output has the type `T`, and there is
    /// no other handle.
    pub(crate) unsafe fn new(header: NonNull<Header>) -> Self {
        // SAFETY: by the caller.
        let task = ManuallyDrop::new(unsafe { TaskRef::from_counted(header) });
        Self {
            task,
            rare: None,
            output: PhantomData,
        }
    }

    /// The task that a closed runtime gives: cancelled, its future dropped.
    pub(crate) fn cancelled_at_birth<F>(
        shared: &Arc<Shared>,
        future: F,
        location: &'static Location<'static>,
    ) -> Self
    where
        F: Future<Output = T>,
    {
        let id = ids::take(1);
        let birth = Birth {
            shared: Arc::as_ptr(shared),
            id,
            slot: NO_SLOT,
            location,
            cold: null_mut(),
            group: None,
        };
        let header = allocate::<F, false>(future, birth);
        // SAFETY: the new cell has one reference for its handle.
        let task = unsafe { Self::new(header) };
        end_unborn(header, Cancelled::new(None, CancelSource::Shutdown), shared);
        task
    }

    pub(crate) fn task_ref(&self) -> &TaskRef {
        &self.task
    }

    #[inline]
    fn state(&self) -> Snapshot {
        self.task.state.load()
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Polls for the end without propagating it: the value, or how it failed.
    ///
    /// A cancel that is being delivered is passed on to the task.
    #[inline]
    pub fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        let polled = self.poll_armed(cx);
        if polled.is_ready() {
            self.disarm();
        }
        polled
    }

    /// As [`poll_outcome`](Self::poll_outcome), for one who may raise what comes.
    #[inline]
    fn poll_armed(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        if self.state().is_resolved() && !cancel::delivering() {
            return Poll::Ready(self.take_outcome());
        }
        self.poll_pending(cx)
    }

    /// What is to be raised though a cancel is being delivered: this task has ended cancelled. The
    /// cancel strikes with that, as in asyncio.
    #[doc(hidden)]
    #[must_use]
    pub fn raises(&self) -> Option<Cancelled> {
        if self.state().end() != Some(End::Cancelled) || !cancel::delivering() {
            return None;
        }
        match &self.task.cold()?.lock().error {
            Some(TaskError::Cancelled(cause)) => Some(cause.clone()),
            _ => None,
        }
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        assert!(
            current() != Some(self.task.as_ptr()),
            "a task cannot await itself"
        );
        if let Some(cause) = delivered() {
            self.arm(cx);
            let task = self.control();
            // If it has ended already, the cancel wins and whoever is outside takes it.
            let forwarded = &mut self.rare().forwarded;
            Taken::pass_on(forwarded, CancelStep::Await, cause, |cause| {
                task.cancel_for(cause.clone())
            });
            self.register(cx.waker());
            return Poll::Pending;
        }
        if !self.register(cx.waker()) {
            return Poll::Ready(self.take_outcome());
        }
        if self.forwarded().is_some() {
            self.rare().probe.wait(cx, true);
        } else {
            self.arm(cx);
        }
        Poll::Pending
    }

    /// Polls for the end without taking anything; a cancel is not passed on.
    pub fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.register(cx.waker()) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Waits as a quiet observer: a cancel is not passed on. For `shield`.
    pub fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        if cancel::declines(cx) {
            self.arm(cx);
            return Poll::Pending;
        }
        self.poll_outcome(cx)
    }

    /// The cancel that was passed on and whose effect has not been seen yet.
    #[must_use]
    pub fn forwarded(&self) -> Option<Cancelled> {
        let forwarded = self.rare.as_ref()?.forwarded.as_ref()?;
        Some(forwarded.cause().clone())
    }

    fn arm(&mut self, cx: &Context<'_>) {
        let direct = current().is_some_and(|task| waker::task_of(cx.waker()) == Some(task));
        if direct && self.rare.is_none() {
            mark_interest();
        } else {
            self.rare().probe.arm(cx);
        }
    }

    /// Nothing is awaited by this handle any more.
    #[inline]
    fn disarm(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.probe.disarm();
        }
    }

    /// Leaves a waker; false if the task is resolved.
    fn register(&mut self, waker: &Waker) -> bool {
        let state = self.state();
        if state.is_resolved() {
            return false;
        }
        if state.is_complete() {
            return self.register_late(waker);
        }
        if state.has_join_waker() {
            // SAFETY: while the bit is set, nobody writes the slot; the completer reads it.
            let word = self.task.joiner.with(|slot| unsafe { *slot });
            if Joiner::will_wake(word, waker) {
                return true;
            }
            if !self.task.state.unset_join_waker() {
                return self.register(waker);
            }
            self.take_joiner().discard();
        }
        let word = Joiner::word_of(waker);
        // SAFETY: the slot is empty, and without its bit it is this handle's.
        self.task.joiner.with_mut(|slot| unsafe { *slot = word });
        if self.task.state.set_join_waker() {
            return true;
        }
        drop(self.take_joiner());
        self.register(waker)
    }

    /// Counts this task's end down in a group, in place of a waker. False: it has ended
    /// already, and counts nothing down.
    #[doc(hidden)]
    pub fn join_group(&mut self, group: &Group) -> bool {
        if self.state().is_complete() {
            return false;
        }
        if self.state().has_join_waker() {
            if !self.task.state.unset_join_waker() {
                return false;
            }
            self.take_joiner().discard();
        }
        let word = Joiner::word_of_member(group.join());
        // SAFETY: the slot is empty, and without its bit it is this handle's.
        self.task.joiner.with_mut(|slot| unsafe { *slot = word });
        if self.task.state.set_join_waker() {
            return true;
        }
        if let Joiner::Group(member) = self.take_joiner() {
            member.withdraw();
        }
        false
    }

    /// True once the task has ended and no callback is looking at its value.
    #[doc(hidden)]
    #[must_use]
    pub fn resolved(&self) -> bool {
        self.state().is_resolved()
    }

    /// Which failure this task's was; a later one has a greater number. None: it has not
    /// failed, or its callbacks are looking at it.
    #[doc(hidden)]
    #[must_use]
    pub fn failure(&self) -> Option<u64> {
        let state = self.state();
        let failed = matches!(state.end(), Some(End::Cancelled | End::Panicked));
        if !failed || !state.is_resolved() {
            return None;
        }
        Some(self.task.cold()?.lock().failed_as)
    }

    /// Drops wakers: a panic must not keep the handle from giving its reference up.
    fn contain_drop(&self, f: impl FnOnce()) {
        contain(f).unwrap_or_else(|payload| {
            shared::report(self.task.as_ptr(), payload, "the drop of a waker");
        });
    }

    #[inline]
    fn take_joiner(&mut self) -> Joiner {
        // SAFETY: the state word gave the slot, which has a waker, to this handle.
        unsafe { self.task.joiner.with(|word| Joiner::take(*word)) }
    }

    /// Waits for the callbacks of a task that has completed.
    fn register_late(&mut self, waker: &Waker) -> bool {
        let key = *self.rare().waiter.get_or_insert_with(cancel::unique_key);
        wait_in_cold(&self.task, key, waker)
    }

    /// Takes the value, or what the task failed by.
    #[inline]
    fn take_outcome(&mut self) -> Result<T, TaskError> {
        self.try_take()
            .unwrap_or_else(|| panic!("the result of this task was taken already"))
    }

    /// None: taken before.
    #[inline]
    fn try_take(&mut self) -> Option<Result<T, TaskError>> {
        let state = self.state();
        if state.is_taken() {
            return None;
        }
        if let Some(rare) = &mut self.rare {
            rare.forwarded.take().map(Taken::settled);
        }
        if state.end() == Some(End::Value) {
            // SAFETY: the task is resolved with a value of type T that was not taken, and the
            // only handle is this one.
            let value = unsafe {
                (self.task.vtable.output)(self.task.as_ptr())
                    .cast::<T>()
                    .read()
            };
            self.task.state.set_taken();
            return Some(Ok(value));
        }
        self.take_error().map(Err)
    }

    /// A cancel stays with the task, a panic's payload is taken.
    fn take_error(&mut self) -> Option<TaskError> {
        let mut rare = self.task.cold()?.lock();
        if let Some(TaskError::Cancelled(cause)) = &rare.error {
            return Some(TaskError::Cancelled(cause.clone()));
        }
        let error = rare.error.take();
        drop(rare);
        self.task.state.set_taken();
        error
    }

    /// The result of a task that has ended. Never blocks.
    ///
    /// # Errors
    /// [`ResultError`] says why there is no value: not ended, taken before, cancelled,
    /// panicked (the payload moves out), or looked at by done callbacks right now.
    pub fn result(&mut self) -> Result<T, ResultError> {
        let state = self.state();
        if !state.is_complete() {
            return Err(ResultError::InvalidState);
        }
        if !state.is_resolved() {
            return Err(ResultError::CallbacksPending);
        }
        self.disarm();
        match self.try_take() {
            None => Err(ResultError::Taken),
            Some(result) => result.map_err(ResultError::from),
        }
    }

    /// A look at the value of a task that has ended, without taking it.
    ///
    /// # Errors
    /// As for [`result`](Self::result); a panic's payload stays with the task, so that a
    /// panicked task gives its text.
    pub fn value(&self) -> Result<&T, ResultError>
    where
        T: Sync,
    {
        let state = self.state();
        match state.end() {
            None => Err(ResultError::InvalidState),
            Some(_) if !state.is_resolved() => Err(ResultError::CallbacksPending),
            Some(_) if state.is_taken() => Err(ResultError::Taken),
            Some(End::Value) => {
                // SAFETY: resolved with a value of type T that was not taken; taking it needs
                // this handle mutably.
                Ok(unsafe { &*(self.task.vtable.output)(self.task.as_ptr()).cast::<T>() })
            }
            Some(_) => Err(self.peek_error()),
        }
    }

    fn peek_error(&self) -> ResultError {
        let mut rare = self.task.cold_or_new().lock();
        rare.seen = true;
        match &rare.error {
            Some(TaskError::Cancelled(cause)) => ResultError::Cancelled(cause.clone()),
            Some(TaskError::Panicked(payload)) => {
                let text = super::error::panic_message(&**payload).to_owned();
                ResultError::Panicked(Box::new(text))
            }
            None => ResultError::Taken,
        }
    }

    /// The task without its type.
    pub fn control(&self) -> TaskControl {
        TaskControl::new(TaskRef::clone(&self.task))
    }
}

/// Leaves a waker in the list of waiters; false if the task is resolved.
pub(super) fn wait_in_cold(task: &TaskRef, key: u64, waker: &Waker) -> bool {
    let new = waker.clone();
    let (old, waits) = {
        let mut rare = task.cold_or_new().lock();
        if task.state.set_cold().is_resolved() {
            (rare.waiters.remove(&key), Err(new))
        } else {
            (rare.waiters.insert(key, new), Ok(()))
        }
    };
    drop(old);
    waits.is_ok()
}

/// Takes a waker out of the list of waiters.
pub(super) fn forget_waiter(task: &TaskRef, key: u64) {
    let waker = task
        .cold()
        .and_then(|cold| cold.lock().waiters.remove(&key));
    drop(waker);
}

impl<T> Future for Task<T> {
    type Output = T;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.poll_armed(cx) {
            Poll::Pending => {
                if let Some(cause) = self.raises() {
                    let rare = self.rare();
                    rare.forwarded.take().map(Taken::settled);
                    rare.probe.raise(&cause, cx);
                }
                Poll::Pending
            }
            Poll::Ready(Ok(value)) => {
                self.disarm();
                Poll::Ready(value)
            }
            Poll::Ready(Err(TaskError::Panicked(payload))) => resume_unwind(payload),
            Poll::Ready(Err(TaskError::Cancelled(cause))) => {
                self.rare().probe.raise(&cause, cx);
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Task<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(mut rare) = self.rare.take() {
            drop(rare.forwarded.take());
            if let Some(key) = rare.waiter {
                self.contain_drop(|| forget_waiter(&self.task, key));
            }
            self.contain_drop(|| drop(rare));
        }
        let header = self.task.as_ptr();
        let todo = self.task.state.drop_handle();
        match todo {
            OnDropHandle::Released(false) => return,
            // SAFETY: it was the last reference.
            OnDropHandle::Released(true) => return unsafe { free(header) },
            OnDropHandle::DropWaker => {
                let joiner = self.take_joiner();
                self.contain_drop(|| joiner.discard());
            }
            OnDropHandle::DropOutput => {
                if let Some(end) = self.state().end() {
                    drop_unwanted(header, end);
                }
            }
        }
        // SAFETY: the handle is not used after this, and its reference was left to it.
        drop(unsafe { ManuallyDrop::take(&mut self.task) });
    }
}
