//! Delivery of cancels to what a task awaits: probes, hits, clean-ups.
//!
//! The combinators of the facade (catch, finally, timeout, gather, groups) stand on these
//! functions; `docs/cancellation.md` has the protocol.

mod again;
mod probe;
mod taken;

pub use again::{is_to_strike_again, strike_again};
pub use probe::Probe;
pub use taken::{Taken, with_effect_seen};

use crate::task::cell::Header;
use crate::task::control::TaskControl;
use crate::task::run::swallow;
use crate::task::waker;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::thread;
use weftwork_task_context::{self as context, Cancelled, Delivery, with_frame};

pub use weftwork_task_context::{
    Outcome as Heard, declines, delivered, delivering, delivery, mark_busy, mark_interest,
    mark_taken,
};

/// After so many cancelled awaits in one poll the caller is in a loop that cannot end. A
/// collection of cancelled tasks, which meets each of them in one poll, is not larger.
const TOO_MANY_HITS: u32 = 1_000_000;

/// After so many polls in a row that reach no further probe it is left to the next turn.
const POLLS_IN_VAIN: u32 = 64;

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
/// Nothing takes the same cancel twice: what has taken it says so again. Leaves that declined are
/// woken at the end.
pub fn deliver<R>(
    cause: &Cancelled,
    quiet: bool,
    poll: &mut dyn FnMut() -> Poll<R>,
) -> (Poll<R>, Heard) {
    let all = deliver_to_all(cause, quiet, poll);
    (all.polled, all.heard)
}

fn deliver_to_all<R>(
    cause: &Cancelled,
    quiet: bool,
    poll: &mut dyn FnMut() -> Poll<R>,
) -> Round<R> {
    let _delivery = Delivering::begin();
    poll_all(Some(cause), quiet, poll)
}

/// What a round of polls came to.
struct Round<R> {
    polled: Poll<R>,
    heard: Heard,
    /// False: something still has children to poll, and did not come to them.
    complete: bool,
}

/// Polls until every probe of the current task that `poll` reaches has been polled, and says what
/// was heard in all. The probes are woken before.
///
/// One poll is not enough: a combinator that polls only what was woken may hand its turn back
/// before it has come to all of that. `FuturesUnordered` does once two of its children were woken
/// meanwhile, and while another thread is about to enter one in its queue; it wakes the task then.
/// What is not reached and has not woken the task (a collection that is not being awaited) is left
/// alone.
fn poll_all<R>(
    deliver: Option<&Cancelled>,
    quiet: bool,
    poll: &mut dyn FnMut() -> Poll<R>,
) -> Round<R> {
    let task = current();
    // SAFETY: it is being polled on this thread, so it is live.
    let cold = || task.and_then(|task| unsafe { task.as_ref() }.cold());
    let left_over = || cold().map_or(0, |cold| cold.lock().probes.left_over());
    if let Some(cold) = cold() {
        cold.lock().probes.begin_round();
    }
    wake_current_probes();
    let woken = Woken::default();
    woken.look();
    let mut all = Heard::default();
    let mut left = left_over();
    let mut in_vain = 0;
    loop {
        let (polled, heard) = with_frame(deliver, quiet, &mut *poll);
        let handed_back = woken.look();
        all.frame = heard.frame.joined_with(all.frame);
        all.hit = heard.hit.or(all.hit);
        let before = std::mem::replace(&mut left, left_over());
        in_vain = if left < before { 0 } else { in_vain + 1 };
        let complete = left == 0 || (in_vain > 0 && !handed_back);
        if polled.is_ready() || complete || in_vain == POLLS_IN_VAIN {
            return Round {
                polled,
                heard: all,
                complete,
            };
        }
        if in_vain > 0 {
            thread::yield_now();
        }
    }
}

/// Wakes of the current task by itself during several polls, seen one by one. They count in the
/// end.
#[derive(Default)]
struct Woken(Cell<bool>);

impl Woken {
    /// True if it was woken since the last look.
    fn look(&self) -> bool {
        let woken = context::take_woken();
        self.0.set(self.0.get() || woken);
        woken
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        if self.0.get() {
            context::wake_polled(context::task());
        }
    }
}

/// A delivery to the current task. At its end the leaves that declined are woken: those that the
/// task does not reach by polling.
struct Delivering(Delivery);

impl Delivering {
    fn begin() -> Self {
        Self(Delivery::begin(unique_key()))
    }
}

impl Drop for Delivering {
    fn drop(&mut self) {
        let task = current();
        let hidden = |waker: &Waker| task.is_none() || waker::task_of(waker) != task;
        wake_all(self.0.take_declined().into_iter().filter(hidden));
    }
}

/// Says "the await here is cancelled" to the frame, and wakes the task unless that polls again by
/// itself.
fn raise(cause: &Cancelled, cx: &Context<'_>) {
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
    let all = hear_again(poll)?;
    if all.complete && all.heard.hit.is_none() {
        return Ok(Hit::Old);
    }
    if !*told {
        let all = deliver_to_all(&cause, true, poll);
        *told = all.complete;
        if let Poll::Ready(value) = all.polled {
            return Err(value);
        }
    }
    let all = hear_again(poll)?;
    let busy = all.heard.frame.busy() > 0 || !all.complete || !*told;
    // The raised await was polled quietly: it has to be heard again at the next poll, by this scope
    // or, if it outlives that, by whoever polls it.
    wake_current_probes();
    // Only the task itself waits for every clean-up: a scope may stand inside one, and would
    // wait for itself.
    if busy || (!context::is_active() && cleaning()) {
        return Ok(Hit::Later);
    }
    Ok(Hit::Now(cause))
}

/// What is heard without a cancel being delivered; or the value that comes meanwhile.
fn hear_again<R>(poll: &mut dyn FnMut() -> Poll<R>) -> Result<Round<R>, R> {
    let mut all = poll_all(None, true, poll);
    match std::mem::replace(&mut all.polled, Poll::Pending) {
        Poll::Ready(value) => Err(value),
        Poll::Pending => Ok(all),
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
