//! A cancel that a scope (a timeout, a task group) delivered in its body and that did not have its
//! effect: the scope delivers it again.

use super::{current, with_cold};
use weftwork_task_context::Cancelled;

/// This cancel, which is not the task's own, is to strike again. Left by whatever had taken it, and
/// read by the scope in the same poll; several scopes may have one.
pub fn strike_again(cause: Cancelled) {
    let Some(task) = current() else { return };
    // SAFETY: it is being polled on this thread, so it is live.
    let task = unsafe { task.as_ref() };
    let now = task.polls();
    let mut rare = task.cold_or_new().lock();
    // One that is older is of a scope that is gone: nobody asks for it any more.
    rare.again
        .retain(|(poll, left)| now - *poll <= 1 && !left.is_same(&cause));
    rare.again.push((now, cause));
}

/// Asked by a scope after it has polled its body: true if its own cancel is to strike again. The
/// others are of scopes further out.
pub fn is_to_strike_again(is_own: impl Fn(&Cancelled) -> bool) -> bool {
    let again = with_cold(|cold| std::mem::take(&mut cold.lock().again)).unwrap_or_default();
    if again.is_empty() {
        return false;
    }
    // `is_own` takes locks of its own.
    let (own, others): (Vec<_>, Vec<_>) = again.into_iter().partition(|(_, cause)| is_own(cause));
    with_cold(|cold| cold.lock().again.extend(others));
    !own.is_empty()
}
