//! Delivery of cancels to what a task awaits: probes, hits, clean-ups.
//!
//! The combinators of the facade (catch, finally, timeout, gather, groups) stand on these
//! functions; `docs/cancellation.md` has the protocol.

mod probe;
mod taken;

pub use probe::Probe;
pub use taken::Taken;

use crate::task::cell::Header;
use crate::task::control::TaskControl;
use crate::task::run::swallow;
use crate::task::waker;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_task_context::{self as context, Cancelled, Delivery, with_frame};

pub use weftwork_task_context::{
    Outcome as Heard, declines, delivered, delivering, delivery, mark_busy, mark_interest,
    mark_taken,
};

/// After so many cancelled awaits in one poll the caller is in a loop that cannot end. A
/// collection of cancelled tasks, which meets each of them in one poll, is not larger.
const TOO_MANY_HITS: u32 = 1_000_000;

/// The task that is being polled on this thread.
#[inline]
pub(in crate::task) fn current() -> Option<NonNull<Header>> {
    NonNull::new(context::task().cast_mut().cast())
}

/// A number that no other probe or waiter of this process has.
pub(in crate::task) fn unique_key() -> u64 {
    // std: a mere source of numbers, which a model has no interest in.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// What panicked, in words.
pub(crate) const WAKER: &str = "a waker";

/// Calls wakers; a panic in one of them does not keep the others from being called.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        swallow(WAKER, || waker.wake());
    }
}

/// As [`wake_all`], by reference.
pub(in crate::task) fn wake_all_by_ref(wakers: &[Arc<Waker>]) {
    for waker in wakers {
        swallow(WAKER, || waker.wake_by_ref());
    }
}

/// Wakes all probes of a task.
pub(in crate::task) fn wake_probes(task: &Header) {
    if let Some(cold) = task.cold() {
        let probes = cold.lock().probes.wakers();
        wake_all_by_ref(&probes);
    }
}

/// Wakes all probes of the current task.
pub fn wake_current_probes() {
    if let Some(task) = current() {
        // SAFETY: it is being polled on this thread, so it is live.
        wake_probes(unsafe { task.as_ref() });
    }
}

/// Delivers a cancel to whatever `poll` reaches, and says what was heard. `quiet` as for
/// [`with_frame`].
///
/// A combinator that polls only what was woken may hand its turn back before it has come to all
/// of that (`FuturesUnordered` does once two of its children were woken meanwhile). So this polls
/// again as long as it reaches some that had not been told. Nothing takes the same cancel twice:
/// what has taken it says so again. Leaves that declined are woken at the end.
///
/// The wakers of the probes are called before; none of them is kept over a poll.
pub fn deliver<R>(
    cause: &Cancelled,
    quiet: bool,
    poll: &mut dyn FnMut() -> Poll<R>,
) -> (Poll<R>, Heard) {
    let task = current();
    // SAFETY: it is being polled on this thread, so it is live.
    let cold = || task.and_then(|task| unsafe { task.as_ref() }.cold());
    let untold = || cold().map_or(0, |cold| cold.lock().probes.untold());
    let _delivery = Delivering::begin(task);
    if let Some(cold) = cold() {
        cold.lock().probes.begin_delivery(context::delivery());
    }
    wake_current_probes();
    let mut all = Heard::default();
    let mut left = untold();
    loop {
        let (polled, heard) = with_frame(Some(cause), quiet, &mut *poll);
        all.frame = heard.frame.with_marks_of(all.frame);
        all.hit = heard.hit.or(all.hit);
        let before = std::mem::replace(&mut left, untold());
        if polled.is_ready() || left == 0 || left >= before {
            return (polled, all);
        }
    }
}

/// A delivery to a task. At its end the leaves that declined are woken: those that the task does
/// not reach by polling.
struct Delivering {
    delivery: Delivery,
    task: Option<NonNull<Header>>,
}

impl Delivering {
    fn begin(task: Option<NonNull<Header>>) -> Self {
        let delivery = Delivery::begin(unique_key());
        Self { delivery, task }
    }
}

impl Drop for Delivering {
    fn drop(&mut self) {
        let hidden = |waker: &Waker| self.task.is_none() || waker::task_of(waker) != self.task;
        let declined = self.delivery.take_declined();
        wake_all(declined.into_iter().filter(hidden));
    }
}

/// Says "the await here is cancelled". The caller returns `Pending` and says it again at each
/// further poll.
///
/// # Panics
/// Outside of a weftwork task, and when one poll of a task meets it again and again (a
/// foreign `block_on` inside a task would spin).
pub fn raise(cause: &Cancelled, cx: &Context<'_>) {
    assert!(
        context::is_active(),
        "awaited a cancelled task outside of a weftwork task ({cause}): \
         use `task.outcome().await` on a foreign executor"
    );
    let frame = context::hit(cause);
    assert!(
        frame.hits() <= TOO_MANY_HITS,
        "a cancelled await was polled {TOO_MANY_HITS} times inside one poll of its task \
         ({cause}): is there a foreign block_on inside the task?"
    );
    if !frame.is_quiet() {
        // Reaches it through combinators that poll only what was woken.
        cx.waker().wake_by_ref();
    }
}

/// What a scope does about a cancelled await in it.
#[derive(Debug)]
pub enum Hit {
    /// End the scope: nothing in it is at work any more.
    Now(Cancelled),
    /// Not yet: something in it is still handling a cancel.
    Later,
    /// The await is no longer waited on: go on.
    Old,
}

/// A scope's poll met a cancelled await: tells everything else in the scope, and says whether
/// it can end.
///
/// `poll` polls the scope's body; `told` is the scope's memory of having told it.
///
/// # Errors
/// The value, if the body gives one meanwhile: then the value counts.
pub fn on_hit<R>(
    cause: Cancelled,
    told: &mut bool,
    poll: &mut dyn FnMut() -> Poll<R>,
) -> Result<Hit, R> {
    if heard_again(poll)?.hit.is_none() {
        return Ok(Hit::Old);
    }
    if !*told {
        *told = true;
        if let (Poll::Ready(value), _) = deliver(&cause, true, poll) {
            return Err(value);
        }
    }
    let heard = heard_again(poll)?;
    // Only the task itself waits for every clean-up: a scope may stand inside one, and would
    // wait for itself.
    if heard.frame.busy() > 0 || (!context::is_active() && cleaning()) {
        // The raised await was polled quietly: it has to be heard again at the next poll.
        wake_current_probes();
        return Ok(Hit::Later);
    }
    // A raised future that outlives the scope stays loud.
    wake_current_probes();
    Ok(Hit::Now(cause))
}

/// What a quiet poll without a cancel hears; or the value that it gives.
fn heard_again<R>(poll: &mut dyn FnMut() -> Poll<R>) -> Result<Heard, R> {
    wake_current_probes();
    match with_frame(None, true, poll) {
        (Poll::Ready(value), _) => Err(value),
        (Poll::Pending, heard) => Ok(heard),
    }
}

/// True while a clean-up of the current task has begun and not ended.
fn cleaning() -> bool {
    current().is_some_and(|task| {
        // SAFETY: it is being polled on this thread, so it is live.
        unsafe { task.as_ref() }
            .cold()
            .is_some_and(|cold| cold.lock().cleaning > 0)
    })
}

/// A clean-up that has begun: its task is not torn down while this lives.
#[derive(Debug)]
pub struct CleanUp(TaskControl);

impl CleanUp {
    /// Says that a clean-up of the current task begins.
    #[must_use]
    pub fn begin() -> Option<Self> {
        let task = TaskControl::current()?;
        task.header().cold_or_new().lock().cleaning += 1;
        task.header().state.set_cold();
        Some(Self(task))
    }
}

impl Drop for CleanUp {
    fn drop(&mut self) {
        if let Some(cold) = self.0.header().cold() {
            cold.lock().cleaning -= 1;
        }
        self.0.task_ref().wake();
    }
}
