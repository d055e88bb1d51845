//! A cancel that a scope (a timeout, a task group) delivered in its body and that did not have its
//! effect: the scope delivers it again.

use std::cell::Cell;
use weftwork_task_context::Cancelled;

weftwork_std_or_loom::thread_local! {
    /// Left by whatever had taken it, and read by the scope in the same poll.
    static AGAIN: Cell<Option<Cancelled>> = Cell::new(None)
}

/// This cancel, which is not the task's own, is to strike again.
pub fn strike_again(cause: Cancelled) {
    AGAIN.with(|again| again.set(Some(cause)));
}

/// Asked by a scope after it has polled its body: true if its own cancel is to strike again.
pub fn is_to_strike_again(is_own: impl FnOnce(&Cancelled) -> bool) -> bool {
    let Some(again) = AGAIN.with(Cell::take) else {
        return false;
    };
    let own = is_own(&again);
    if !own {
        // Another scope's, further out.
        strike_again(again);
    }
    own
}
