//! How a delivery reaches what a foreign combinator hides.

use super::{current, mark_busy, mark_interest, meet, settled, unique_key};
use crate::task::cell::Header;
use crate::task::refs::TaskRef;
use crate::task::waker;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::Context;
use weftwork_task_context::Cancelled;

/// Something in a task's future that wants to be polled when a cancel is delivered: a scope
/// or the await of a child.
///
/// Where the future is polled with the task's own waker, the task will reach it by polling.
/// Where a foreign combinator (`FuturesUnordered`) stands between, the probe leaves its
/// latest waker with the task, and a delivery wakes it first.
#[derive(Default)]
pub struct Probe {
    armed: Option<(u64, TaskRef)>,
    state: State,
}

/// What a probe has said last. What raises, or is busy, keeps scopes around it from ending: they
/// look again when that has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Waits,
    Busy,
    /// Where it is hidden, with the moment.
    Raised(Option<Moment>),
}

/// Equal for two polls of a probe only if one poll of its task holds both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    polls: u32,
    rounds: u64,
}

impl Probe {
    /// A probe that is not armed.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            armed: None,
            state: State::Waits,
        }
    }

    /// Says that the future which holds this probe is pending, polled with this context.
    pub fn arm(&mut self, cx: &Context<'_>) {
        self.arm_as(cx, false);
    }

    /// As [`arm`](Self::arm); `busy`: it is still handling a cancel.
    pub fn wait(&mut self, cx: &Context<'_>, busy: bool) {
        self.arm_as(cx, false);
        if busy {
            self.state = State::Busy;
            mark_busy(1);
        }
    }

    /// Says "the await here is cancelled". The caller, which holds this probe, returns `Pending`
    /// and says it again at each further poll. It is not polled again by itself: its task asks for
    /// it in every turn.
    ///
    /// # Panics
    /// Outside of a weftwork task, and when one poll of a task meets it again and again (a
    /// foreign `block_on` inside a task would spin).
    pub fn raise(&mut self, cause: &Cancelled, cx: &Context<'_>) {
        if self.state == State::Busy {
            settled();
        }
        self.arm_as(cx, true);
        meet(cause);
        let now = self.armed.as_ref().map(|(_, task)| Moment::of(task));
        let before = std::mem::replace(&mut self.state, State::Raised(now));
        if now.is_some() && !matches!(before, State::Raised(before) if before != now) {
            // A foreign `block_on` would sleep for ever; so it spins, and is seen by the count.
            cx.waker().wake_by_ref();
        }
    }

    fn arm_as(&mut self, cx: &Context<'_>, raised: bool) {
        let Some(task) = current() else { return };
        mark_interest();
        if waker::task_of(cx.waker()) == Some(task) {
            return self.withdraw();
        }
        if !self.is_armed_at(task) {
            self.withdraw();
        }
        let (key, task) = self.armed.get_or_insert_with(|| {
            // SAFETY: it is being polled on this thread, so it is live.
            (unique_key(), unsafe { TaskRef::new(task) })
        });
        let new = Arc::new(cx.waker().clone());
        let old = task.cold_or_new().lock().probes.arm(*key, new, raised);
        task.state.set_cold();
        if raised {
            task.state.note_raised(true);
        }
        drop(old);
    }

    fn is_armed_at(&self, task: NonNull<Header>) -> bool {
        let armed = self.armed.as_ref();
        armed.is_some_and(|(_, at)| at.as_ptr() == task)
    }

    /// Withdraws the waker: nothing is awaited here any more.
    pub fn disarm(&mut self) {
        self.withdraw();
        if std::mem::take(&mut self.state) != State::Waits {
            settled();
        }
    }

    fn withdraw(&mut self) {
        if let Some((key, task)) = self.armed.take() {
            let waker = task.cold().and_then(|cold| cold.lock().probes.disarm(key));
            drop(waker);
        }
    }
}

impl Moment {
    fn of(task: &TaskRef) -> Self {
        let rounds = task.cold().map_or(0, |cold| cold.lock().probes.begun());
        Self {
            polls: task.polls(),
            rounds,
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
            .finish_non_exhaustive()
    }
}
