//! A cancel that a scope delivered in its body, and that a group in there did not hand on, as it
//! had errors to give first: the scope delivers it again at the next await.

use crate::cancel::Cancelled;
use std::cell::Cell;

weftwork_std_or_loom::thread_local! {
    /// Left by the group, and read by the scope in the same poll.
    static AGAIN: Cell<Option<Cancelled>> = Cell::new(None)
}

/// This cancel, which is not the task's own, is to strike again.
pub(crate) fn strike_again(cause: Cancelled) {
    AGAIN.set(Some(cause));
}

/// Asked by a scope after it has polled its body: true if its own cancel is to strike again.
pub(crate) fn is_to_strike_again(is_own: impl FnOnce(&Cancelled) -> bool) -> bool {
    let Some(again) = AGAIN.take() else {
        return false;
    };
    let own = is_own(&again);
    if !own {
        // Another scope's, further out.
        AGAIN.set(Some(again));
    }
    own
}
