//! One turn of a task: the poll loop that delivers cancels, and the end of the task.
//!
//! `docs/cancellation.md` has the state machine that [`turn`] implements.

use super::cancel::{self, Hit};
use super::cell::{Header, Polled, drop_payload};
use super::cold::Pending;
use super::error::{Payload, TaskError};
use super::identity::tag_of;
use super::refs::{Runnable, TaskRef, free};
use super::state::{Completing, End, OnComplete, OnPending};
use super::waker::{self, Joiner};
use super::{callback, contain};
use crate::hooks;
use crate::sched::Worker;
use crate::shared::{self, Shared};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::task::{Context, Poll};
use weftwork_task_context::{self as context, Cancelled, with_frame};

/// What panicked, in words.
const OUTPUT: &str = "the drop of its output";

/// While a cancelled await is hidden, a task that wakes itself in every turn asks for it so often.
const TURNS_PER_LOOK: u32 = 16;

/// One that does not polls at most so often in a turn to hear of it. Collections within collections
/// need one poll each.
const MOST_LOOKS: u32 = 16;

/// How a task ended, with what it ended by. A value is in the cell.
enum Ended {
    Value,
    Cancelled(Cancelled),
    Panicked(Box<Payload>),
}

/// What a turn came to.
pub(crate) enum Turn {
    /// It waits for a wake.
    Idle,
    /// It was woken meanwhile: to the back of the queue.
    Again(Runnable),
    /// It has ended.
    Done,
}

/// Polls a task on this thread, which is a worker unless it only drives a main future.
#[inline]
pub(crate) fn run(task: Runnable, shared: &Shared, worker: Option<&Worker>) -> Turn {
    let header = task.0;
    let before = context::enter_task(header.as_ptr().cast());
    if let Some(ended) = turn(header) {
        finish(header, ended, shared, worker);
        context::leave_task(before);
        return Turn::Done;
    }
    if context::leave_task(before) {
        // Woken by itself: it stays active, and no other thread needs to hear of it.
        return Turn::Again(task);
    }
    // SAFETY: we hold the right to poll, so the task is live.
    match unsafe { header.as_ref() }.state.end_poll() {
        OnPending::Idle => Turn::Idle,
        OnPending::Again => Turn::Again(task),
    }
}

/// Polls until the task waits or ends. On a cancel it polls once more with the cancel.
#[inline]
fn turn(header: NonNull<Header>) -> Option<Ended> {
    // SAFETY: the caller holds the right to poll: the task is live until `finish`.
    let task = unsafe { header.as_ref() };
    // SAFETY: as above.
    let waker = unsafe { waker::borrowed(header) };
    let mut cx = Context::from_waker(&waker);
    let mut struck = false;
    loop {
        if task.state.begin_poll() {
            match deliver(header, task, &mut cx) {
                Delivered::Nothing | Delivered::Taken => {}
                Delivered::Ended(ended) => return Some(ended),
            }
        }
        if let Some(ended) = poll_once(header, task, &mut cx) {
            return Some(ended);
        }
        let state = task.state.load();
        if state.has_cancel() && cancel_waits(task) {
            // Cancelled during the poll: it strikes at the await that suspended. A task may catch
            // one after another, so the others have a turn before the next one.
            if std::mem::replace(&mut struck, true) {
                return None;
            }
            continue;
        }
        if state.has_raised() {
            return hear_hidden(header, task, &mut cx);
        }
        return None;
    }
}

/// An ordinary poll, and what it leads to at once.
#[inline]
fn poll_once(header: NonNull<Header>, task: &Header, cx: &mut Context<'_>) -> Option<Ended> {
    let (polled, heard) = with_frame(None, || {
        // SAFETY: the caller holds the right to poll; the stage holds the future until a poll says
        // otherwise.
        unsafe { (task.vtable.poll)(header, cx) }
    });
    task.count_poll(heard.frame.interest());
    match polled {
        Polled::Pending => {}
        Polled::Ready => return Some(ready(task, header)),
        Polled::Panicked(payload) => return Some(Ended::Panicked(payload)),
    }
    heard.hit.and_then(|cause| on_hit(header, task, cause, cx))
}

/// A cancelled await stands where the task's polls need not reach it, and does not wake the task
/// by itself, which would be polled for ever. So it is asked for when a turn is about to end, for
/// whoever awaits it now: it may be another one than in the turn before.
#[cold]
fn hear_hidden(header: NonNull<Header>, task: &Header, cx: &mut Context<'_>) -> Option<Ended> {
    if context::take_woken() {
        // There is a turn to come. Now and then that asks, for a task that wakes itself for ever.
        if task.polls().is_multiple_of(TURNS_PER_LOOK) {
            task.state.note_raised(cancel::wake_raised(task));
        }
        context::wake_polled(context::task());
        return None;
    }
    let before = cancel::count_settled();
    if !cancel::wake_raised(task) {
        task.state.note_raised(false);
        return None;
    }
    // What a collection does about the wake, to wake the task again, comes to an end when it is
    // polled some more. The first of these polls serves the wake above, each one that of the poll
    // before; a wake from elsewhere is still to be seen by `end_poll`.
    context::take_woken();
    for _ in 0..MOST_LOOKS {
        context::refill();
        if let Some(ended) = poll_once(header, task, cx) {
            return Some(ended);
        }
        if !context::take_woken() {
            return None;
        }
        if cancel::count_settled() != before {
            break;
        }
    }
    context::wake_polled(context::task());
    None
}

/// False: it was withdrawn (`uncancel`), and nothing is to be done before the next turn.
#[cold]
fn cancel_waits(task: &Header) -> bool {
    let cold = task.cold();
    cold.is_some_and(|cold| cold.lock().must_cancel.is_some())
}

/// The poll of a task for the functions of `cancel`, which poll again and again. They end with the
/// first answer that is not `Pending`. The caller holds the right to poll, and the stage holds the
/// future.
fn poll_of(
    header: NonNull<Header>,
    task: &Header,
    cx: &mut Context<'_>,
) -> impl FnMut() -> Poll<Result<(), Box<Payload>>> {
    // SAFETY: see above.
    move || match unsafe { (task.vtable.poll)(header, cx) } {
        Polled::Pending => Poll::Pending,
        Polled::Ready => Poll::Ready(Ok(())),
        Polled::Panicked(payload) => Poll::Ready(Err(payload)),
    }
}

/// What became of a cancel that was waiting.
enum Delivered {
    /// It had been withdrawn (`uncancel`).
    Nothing,
    /// Something in the future handles it.
    Taken,
    Ended(Ended),
}

/// Delivers the cancel that waits in the cold record.
#[cold]
fn deliver(header: NonNull<Header>, task: &Header, cx: &mut Context<'_>) -> Delivered {
    let cold = task.cold_or_new();
    let tag = tag_of(task);
    let (cause, has_probes) = {
        let mut rare = cold.lock();
        let Some(Pending { cause, .. }) = rare.must_cancel.take() else {
            return Delivered::Nothing;
        };
        let cause = cause.struck_in(tag);
        rare.cancelled_by = Some(cause.clone());
        (cause, !rare.probes.is_empty())
    };
    if task.polls() == 0 || (!task.interested() && !has_probes) {
        return Delivered::Ended(drop_cancelled(header, task, cause));
    }
    let (polled, heard) = cancel::deliver(&cause, &mut poll_of(header, task, cx));
    task.count_poll(heard.frame.interest());
    match polled {
        Poll::Ready(Err(payload)) => return Delivered::Ended(Ended::Panicked(payload)),
        Poll::Ready(Ok(())) if !heard.frame.taken() => {
            drop_output(header);
            return Delivered::Ended(Ended::Cancelled(cause));
        }
        Poll::Ready(Ok(())) => return Delivered::Ended(ready(task, header)),
        Poll::Pending => {}
    }
    if !heard.frame.taken() {
        // It may strike where something is raised that was cancelled before: then with that.
        let cause = heard.hit.unwrap_or(cause);
        return Delivered::Ended(drop_cancelled(header, task, cause));
    }
    if let Some(hit) = heard.hit
        && let Some(ended) = on_hit(header, task, hit, cx)
    {
        return Delivered::Ended(ended);
    }
    cancel::wake_probes(task);
    Delivered::Taken
}

/// The poll gave a value; a cancel of the task by itself in that poll still counts.
#[inline]
fn ready(task: &Header, header: NonNull<Header>) -> Ended {
    if !task.state.load().has_cancel() {
        return Ended::Value;
    }
    let pending = task.cold_or_new().lock().must_cancel.take();
    match pending {
        Some(Pending { cause, own: true }) => {
            drop_output(header);
            Ended::Cancelled(cause)
        }
        _ => Ended::Value,
    }
}

/// A cancelled await was met outside of every scope: the task itself is the scope.
#[cold]
fn on_hit(
    header: NonNull<Header>,
    task: &Header,
    cause: Cancelled,
    cx: &mut Context<'_>,
) -> Option<Ended> {
    let cold = task.cold_or_new();
    let mut raising = cold.lock().raising;
    if !raising.is_due(true) {
        return None;
    }
    let hit = raising.judge(Some(cause), &mut poll_of(header, task, cx));
    cold.lock().raising = raising;
    match hit {
        Err(Ok(())) => Some(ready(task, header)),
        Err(Err(payload)) => Some(Ended::Panicked(payload)),
        Ok(Hit::Now(cause)) => Some(drop_cancelled(header, task, cause)),
        Ok(Hit::Later) => {
            if raising.is_due(true) {
                cx.waker().wake_by_ref();
            }
            None
        }
        Ok(Hit::Old) => None,
    }
}

/// Drops the future as it stands.
fn drop_cancelled(header: NonNull<Header>, task: &Header, cause: Cancelled) -> Ended {
    // SAFETY: the caller holds the right to poll, the stage holds the future, and nobody
    // touches it after this.
    let dropped = catch_unwind(AssertUnwindSafe(|| unsafe {
        (task.vtable.drop_future)(header)
    }));
    match dropped {
        Ok(()) => Ended::Cancelled(cause),
        Err(payload) => Ended::Panicked(Box::new(payload)),
    }
}

/// A task that its runtime refused: its future is dropped, it never was anywhere.
pub(super) fn end_unborn(header: NonNull<Header>, cause: Cancelled, shared: &Shared) {
    // SAFETY: the cell was just made: the runtime's reference is ours.
    let ended = drop_cancelled(header, unsafe { header.as_ref() }, cause);
    finish(header, ended, shared, None);
}

/// Ends a task that is not to be polled any more, as the runtime's last resort. That may be in the
/// poll of a task of another runtime.
pub(crate) fn abandon(task: Runnable, cause: Cancelled, shared: &Shared, worker: Option<&Worker>) {
    // SAFETY: we hold the right to poll: the task is live until `finish`.
    let header = unsafe { task.0.as_ref() };
    context::apart(|| {
        let before = context::enter_task(task.0.as_ptr().cast());
        let ended = drop_cancelled(task.0, header, cause);
        finish(task.0, ended, shared, worker);
        context::leave_task(before);
    });
}

/// The future is gone; publishes how the task ended and gives the runtime's reference up.
#[inline]
fn finish(header: NonNull<Header>, ended: Ended, shared: &Shared, worker: Option<&Worker>) {
    // SAFETY: the runtime's reference is given up at the end of this function only.
    let task = unsafe { header.as_ref() };
    let hook = shared.config.on_task_end.as_ref();
    if hook.is_some() {
        task.state.add_ref();
    }
    let end = match ended {
        Ended::Value => End::Value,
        Ended::Cancelled(cause) => {
            fail(task, TaskError::Cancelled(cause.ended_in(tag_of(task))));
            End::Cancelled
        }
        Ended::Panicked(payload) => {
            fail(task, TaskError::Panicked(*payload));
            End::Panicked
        }
    };
    if task.may_have_locals() {
        task.drop_locals();
    }
    shared
        .registry
        .remove(task, worker.map(Worker::free_places));
    let is_ours = || task.state.is_exclusive() && !task.state.load().has_cold();
    let mut how = Completing::default();
    let mut ours = is_ours();
    if ours && task.vtable.drop_output.is_some() {
        drop_output(header);
        how.dropped = true;
        // The destructor, or whoever got its panic, may keep the task.
        ours = is_ours();
    }
    if ours {
        // SAFETY: it was the last reference.
        unsafe { free(header) };
    } else {
        publish(header, end, how, shared);
    }
    if let Some(hook) = hook {
        // SAFETY: counted above.
        hooks::ended(hook, unsafe { TaskRef::from_counted(header) });
    }
    shared.task_ended();
}

/// Keeps what the task failed by, and notes which failure it was.
#[cold]
fn fail(task: &Header, error: TaskError) {
    {
        let mut rare = task.cold_or_new().lock();
        rare.error = Some(error);
        rare.failed_as = cancel::unique_key();
    }
    task.state.set_cold();
}

/// The transition to complete, and the wakes that follow. No reference to the header is passed in:
/// it would have to be valid to the end, and with the runtime's reference the cell may go.
fn publish(header: NonNull<Header>, end: End, mut how: Completing, shared: &Shared) {
    // SAFETY: not used after `complete` has given the runtime's reference up.
    let task = unsafe { header.as_ref() };
    let joiner = loop {
        // The lock makes completion and the registration of a callback exclude each other.
        let mut rare = how.locked.then(|| task.cold_or_new().lock());
        how.callbacks = rare.as_ref().is_some_and(|rare| !rare.callbacks.is_empty());
        match task.state.complete(end, how) {
            OnComplete::Released => return,
            OnComplete::Keeps { join_waker } => {
                let joiner = join_waker.then(|| {
                    // SAFETY: the state word gave the joiner's slot to the completer.
                    unsafe { task.joiner.with(|slot| Joiner::take(*slot)) }
                });
                if let Some(rare) = rare.as_mut().filter(|_| how.callbacks) {
                    // Under the lock that completed: a callback that is added now queues behind.
                    rare.handing = true;
                    rare.joiner = joiner;
                    break None;
                }
                break joiner;
            }
            OnComplete::LockCold => how.locked = true,
            OnComplete::DropOutput => {
                drop(rare);
                drop_unwanted(header, end);
                how.dropped = true;
            }
        }
    };
    // SAFETY: `Keeps` left the runtime's reference to us.
    let task = unsafe { TaskRef::from_counted(header) };
    if how.callbacks {
        callback::hand_over(&task, shared);
        return;
    }
    if let Some(joiner) = joiner {
        joiner.tell(end);
    }
    if let Some(cold) = task.cold() {
        let waiters = std::mem::take(&mut cold.lock().waiters);
        cancel::wake_all(waiters.into_values());
    }
}

/// Nobody will ask for the output, and the state word made it ours: a value is dropped, a
/// panic reported.
pub(super) fn drop_unwanted(header: NonNull<Header>, end: End) {
    // SAFETY: the caller has a reference.
    let task = unsafe { header.as_ref() };
    match end {
        End::Value => drop_output(header),
        End::Cancelled => {}
        End::Panicked => {
            let Some(cold) = task.cold() else { return };
            let (error, seen) = {
                let mut rare = cold.lock();
                (rare.error.take(), rare.seen)
            };
            match error {
                Some(TaskError::Panicked(payload)) if seen => drop_payload(payload),
                Some(TaskError::Panicked(payload)) => {
                    shared::report(header, payload, "never retrieved");
                }
                _ => {}
            }
        }
    }
}

/// Drops an output that is in place and the caller's.
#[inline]
fn drop_output(header: NonNull<Header>) {
    // SAFETY: the caller has a reference, or the right to poll.
    if let Some(drop) = unsafe { header.as_ref() }.vtable.drop_output {
        // SAFETY: by the caller.
        contain(|| unsafe { drop(header) })
            .unwrap_or_else(|payload| shared::report(header, payload, OUTPUT));
    }
}

/// Runs user code that must not unwind into ours; a panic goes to the exception handler of this
/// thread's runtime. `what` says in words what panicked.
pub(crate) fn swallow(what: &'static str, f: impl FnOnce()) {
    if let Err(payload) = contain(f) {
        shared::report_panic(payload, what);
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;
    use crate::builder::Config;
    use crate::handle::Handle;
    use crate::task::Task;
    use std::future::pending;
    use std::sync::Arc;
    use weftwork_task_context::{CancelSource, hit, is_active};

    /// Looks at a cancelled task where it is dropped.
    struct Looks(Arc<weftwork_std_or_loom::Mutex<Option<bool>>>);

    impl Drop for Looks {
        fn drop(&mut self) {
            *self.0.lock() = Some(is_active());
            hit(&Cancelled::new(None, CancelSource::Outside));
        }
    }

    /// A future that is dropped where another runtime ends is no part of the poll that ends it.
    #[test]
    fn an_abandoned_task_is_not_heard_by_the_poll_around_it() {
        let shared = Shared::new(Config::new(1)).unwrap();
        let in_a_poll = Arc::default();
        let looks = Looks(Arc::clone(&in_a_poll));
        let future = async move {
            let _looks = looks;
            pending::<()>().await;
        };
        let task: Task<()> = Handle::new(Arc::clone(&shared)).spawn(future);
        let runnable = shared.injector.steal().expect("it was submitted");
        let cause = Cancelled::new(None, CancelSource::Shutdown);
        let ((), heard) = with_frame(None, || abandon(runnable, cause, &shared, None));
        assert!(task.cancelled() && *in_a_poll.lock() == Some(false));
        assert!(heard.hit.is_none());
    }
}
