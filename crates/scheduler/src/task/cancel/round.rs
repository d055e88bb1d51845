//! Rounds of polls, which reach everything in a task that a cancel concerns.

use super::{Heard, current, unique_key, wake_all, wake_current_probes, with_cold};
use crate::task::waker;
use std::cell::Cell;
use std::task::{Poll, Waker};
use weftwork_std_or_loom::thread;
use weftwork_task_context::{self as context, Cancelled, Delivery, with_frame};

/// After so many polls in a row that reach no further probe it is left to the next turn.
const POLLS_IN_VAIN: u32 = 64;

/// Delivers a cancel to whatever `poll` reaches, and says what was heard.
///
/// Nothing takes the same cancel twice: what has taken it says so again. Leaves that declined are
/// woken at the end.
pub fn deliver<R>(cause: &Cancelled, poll: &mut dyn FnMut() -> Poll<R>) -> (Poll<R>, Heard) {
    let all = deliver_to_all(cause, poll);
    (all.polled, all.heard)
}

pub(super) fn deliver_to_all<R>(cause: &Cancelled, poll: &mut dyn FnMut() -> Poll<R>) -> Round<R> {
    let _delivery = Delivering::begin();
    poll_all(Some(cause), poll)
}

/// What a round of polls came to.
pub(super) struct Round<R> {
    pub(super) polled: Poll<R>,
    pub(super) heard: Heard,
    /// False: something still has children to poll, and did not come to them.
    pub(super) complete: bool,
}

/// Polls until every probe of the current task that `poll` reaches has been polled, and says what
/// was heard in all. The probes are woken before.
///
/// One poll is not enough: a combinator that polls only what was woken may hand its turn back
/// before it has come to all of that. `FuturesUnordered` does once two of its children were woken
/// meanwhile, and while another thread is about to enter one in its queue; it wakes the task then.
/// What is not reached and has not woken the task (a collection that is not being awaited) is left
/// alone.
pub(super) fn poll_all<R>(
    deliver: Option<&Cancelled>,
    poll: &mut dyn FnMut() -> Poll<R>,
) -> Round<R> {
    let probes = Reached::begin();
    wake_current_probes();
    let woken = Woken::default();
    woken.look();
    let mut all = Heard::default();
    let mut left = probes.left_over();
    let mut in_vain = 0;
    loop {
        // A leaf that let others have a turn would have no answer, and wake the task besides.
        context::refill();
        let (polled, heard) = with_frame(deliver, &mut *poll);
        let handed_back = woken.look();
        all.frame = heard.frame.joined_with(all.frame);
        all.hit = heard.hit.or(all.hit);
        let before = std::mem::replace(&mut left, probes.left_over());
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

/// A round that is under way in the current task. They nest, and it ends also by unwinding.
struct Reached {
    begun: bool,
}

impl Reached {
    fn begin() -> Self {
        let begun = with_cold(|cold| cold.lock().probes.begin_round()).is_some();
        Self { begun }
    }

    /// How many probes it has not reached.
    fn left_over(&self) -> usize {
        let left = || with_cold(|cold| cold.lock().probes.left_over());
        if self.begun { left().unwrap_or(0) } else { 0 }
    }
}

impl Drop for Reached {
    fn drop(&mut self) {
        if self.begun {
            with_cold(|cold| cold.lock().probes.end_round());
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
