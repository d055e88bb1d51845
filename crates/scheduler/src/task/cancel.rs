//! Delivery of cancels to what a task awaits: probes, hits, clean-ups.
//!
//! The combinators of the facade (catch, finally, timeout, gather, groups) stand on these
//! functions; `docs/cancellation.md` has the protocol.

use super::cell::Header;
use super::control::TaskControl;
use super::refs::TaskRef;
use super::run::swallow;
use super::waker;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_task_context::{self as context, Cancelled, with_frame};

pub use weftwork_task_context::{
    Outcome as Heard, delivered, delivering, mark_busy, mark_interest, mark_taken,
};

/// After so many cancelled awaits in one poll the caller is in a loop that cannot end. A
/// collection of cancelled tasks, which meets each of them in one poll, is not larger.
const TOO_MANY_HITS: u32 = 1_000_000;

/// The task that is being polled on this thread.
#[inline]
pub(super) fn current() -> Option<NonNull<Header>> {
    NonNull::new(context::task().cast_mut().cast())
}

/// A number that no other probe or waiter of this process has.
pub(super) fn unique_key() -> u64 {
    // std: a mere source of numbers, which a model has no interest in.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// Something in a task's future that wants to be polled when a cancel is delivered: a scope
/// or the await of a child.
///
/// Where the future is polled with the task's own waker, the task will reach it by polling.
/// Where a foreign combinator (`FuturesUnordered`) stands between, the probe leaves its
/// latest waker with the task, and a delivery wakes it first.
#[derive(Default)]
pub struct Probe {
    armed: Option<(u64, TaskRef)>,
}

impl Probe {
    /// A probe that is not armed.
    #[must_use]
    pub const fn new() -> Self {
        Self { armed: None }
    }

    /// Says that the future which holds this probe is pending, polled with this context.
    pub fn arm(&mut self, cx: &Context<'_>) {
        let Some(task) = current() else { return };
        mark_interest();
        if waker::task_of(cx.waker()) == Some(task) {
            self.disarm();
            return;
        }
        if self
            .armed
            .as_ref()
            .is_some_and(|(_, at)| at.as_ptr() != task)
        {
            self.disarm();
        }
        let (key, task) = self.armed.get_or_insert_with(|| {
            // SAFETY: it is being polled on this thread, so it is live.
            (unique_key(), unsafe { TaskRef::new(task) })
        });
        let new = Arc::new(cx.waker().clone());
        let old = task.cold_or_new().lock().probes.insert(*key, new);
        task.state.set_cold();
        drop(old);
    }

    /// Withdraws the waker.
    pub fn disarm(&mut self) {
        if let Some((key, task)) = self.armed.take() {
            let waker = task.cold().and_then(|cold| cold.lock().probes.remove(&key));
            drop(waker);
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("armed", &self.armed.is_some())
            .finish()
    }
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
pub(super) fn wake_all_by_ref(wakers: &[Arc<Waker>]) {
    for waker in wakers {
        swallow(WAKER, || waker.wake_by_ref());
    }
}

/// Wakes all probes of a task.
pub(super) fn wake_probes(task: &Header) {
    if let Some(cold) = task.cold() {
        let probes = cold.lock().wakers_of_probes();
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
        frame.hits <= TOO_MANY_HITS,
        "a cancelled await was polled {TOO_MANY_HITS} times inside one poll of its task \
         ({cause}): is there a foreign block_on inside the task?"
    );
    if !frame.quiet {
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
    let mut again = |deliver: Option<&Cancelled>| {
        wake_current_probes();
        let (polled, heard) = with_frame(deliver, true, &mut *poll);
        match polled {
            Poll::Ready(value) => Err(value),
            Poll::Pending => Ok(heard),
        }
    };
    if again(None)?.hit.is_none() {
        return Ok(Hit::Old);
    }
    if !*told {
        *told = true;
        again(Some(&cause))?;
    }
    let heard = again(None)?;
    // Only the task itself waits for every clean-up: a scope may stand inside one, and would
    // wait for itself.
    if heard.frame.busy > 0 || (!context::is_active() && cleaning()) {
        // The raised await was polled quietly: it has to be heard again at the next poll.
        wake_current_probes();
        return Ok(Hit::Later);
    }
    // A raised future that outlives the scope stays loud.
    wake_current_probes();
    Ok(Hit::Now(cause))
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

/// Delivers a cancel again that had been taken by something that was dropped before it acted.
pub fn redeliver(task: &TaskControl, cause: Cancelled) {
    task.redeliver(cause);
}
