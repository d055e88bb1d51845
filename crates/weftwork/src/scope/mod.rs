//! Cancel scopes: `catch`, `finally`, `shielded`, raising again.
//!
//! `docs/cancellation.md` has the protocol that these futures follow.

mod catch;
mod finally;
mod finally_spawned;
mod grace;
mod resume;
mod shielded;

pub use catch::{Catch, catch};
pub use finally::{Finally, finally};
pub use finally_spawned::{FinallySpawned, finally_spawned};
pub use resume::{OrResume, RaiseExt, ResumeExt};
pub use shielded::{Shielded, shielded};

use crate::TaskError;
use crate::cancel::{self, Cancelled, Hit, Raising, Taken};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::with_frame;

/// What a scope remembers between two polls of its body.
#[derive(Debug, Default)]
pub(crate) struct Armed {
    /// A cancel that the scope took and has not acted on.
    taken: Option<Taken>,
    /// The latest delivery in which something in the scope took the cancel. It may come around
    /// twice, and need not reach that the second time.
    inside: Option<u64>,
    /// Of a cancelled await in the scope.
    raising: Raising,
}

impl Armed {
    /// The cancel that the scope took and has not acted on.
    pub(crate) fn struck(&self) -> Option<Cancelled> {
        self.taken.as_ref().map(|taken| taken.cause().clone())
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.raising.forget();
    }
}

/// Polls a scope's body. Ready: the scope has to end with this.
pub(crate) fn poll_body<F: Future>(
    mut body: Pin<&mut F>,
    cx: &mut Context<'_>,
    armed: &mut Armed,
) -> Poll<Result<F::Output, TaskError>> {
    let deliver = cancel::delivered();
    match (&deliver, armed.taken.take()) {
        (None, Some(taken)) => return Poll::Ready(Err(TaskError::Cancelled(taken.settled()))),
        // Before it could act on the one that it took. A later one takes its place.
        (Some(cause), Some(mut taken)) => {
            let again = taken.takes_again();
            let taken = if again {
                taken
            } else {
                Taken::new(cause.clone())
            };
            armed.taken = Some(taken);
            return Poll::Pending;
        }
        (_, None) => {}
    }
    let polled = catch_unwind(AssertUnwindSafe(|| {
        with_frame(deliver.as_ref(), || body.as_mut().poll(cx))
    }));
    let heard = match polled {
        Err(payload) => return Poll::Ready(Err(TaskError::Panicked(payload))),
        Ok((Poll::Ready(value), _)) => return Poll::Ready(Ok(value)),
        Ok((Poll::Pending, heard)) => heard,
    };
    cancel::mark_busy(heard.frame.busy());
    let inside =
        deliver.is_some() && (heard.frame.taken() || armed.inside == Some(cancel::delivery()));
    let left = deliver.filter(|_| !inside);
    if let Some(cause) = &left
        && !armed.raising.is_told()
    {
        // It strikes here: with what was raised where it did, if that had been cancelled before.
        armed.taken = Some(Taken::raised(cause.clone(), heard.hit));
        return Poll::Pending;
    }
    if armed.raising.is_due(heard.hit.is_some())
        && let Some(end) = poll_hit(body, cx, armed, heard.hit)
    {
        return end;
    }
    if armed.raising.is_told() {
        // On its way out: a further cancel changes nothing.
        cancel::mark_taken();
        cancel::mark_busy(1);
        return Poll::Pending;
    }
    if inside {
        armed.inside = Some(cancel::delivery());
        cancel::mark_taken();
    }
    armed.taken = left.map(Taken::new);
    Poll::Pending
}

/// Drops the body of a scope that ends like this, and gives how it ends then: a panic in the drop
/// takes the place of a value or a cancel. If the scope ends by a cancel, that is its effect for all
/// who took it in there.
pub(crate) fn drop_body<T>(end: Result<T, TaskError>, drop: impl FnOnce()) -> Result<T, TaskError> {
    let cause = match &end {
        Err(TaskError::Cancelled(cause)) => Some(cause.clone()),
        _ => None,
    };
    let dropped = catch_unwind(AssertUnwindSafe(|| cancel::with_effect_seen(cause, drop)));
    match (dropped, end) {
        (Err(payload), Ok(_) | Err(TaskError::Cancelled(_))) => Err(TaskError::Panicked(payload)),
        (_, end) => end,
    }
}

/// A cancelled await was met in the body, or one that was met before may be judged otherwise now.
fn poll_hit<F: Future>(
    mut body: Pin<&mut F>,
    cx: &mut Context<'_>,
    armed: &mut Armed,
    cause: Option<Cancelled>,
) -> Option<Poll<Result<F::Output, TaskError>>> {
    let raising = &mut armed.raising;
    let hit = catch_unwind(AssertUnwindSafe(|| {
        raising.judge(cause, &mut || body.as_mut().poll(cx))
    }));
    match hit {
        Err(payload) => Some(Poll::Ready(Err(TaskError::Panicked(payload)))),
        Ok(Err(value)) => Some(Poll::Ready(Ok(value))),
        Ok(Ok(Hit::Now(cause))) => Some(Poll::Ready(Err(TaskError::Cancelled(cause)))),
        Ok(Ok(Hit::Later)) => {
            if raising.is_due(true) {
                cx.waker().wake_by_ref();
            }
            cancel::mark_taken();
            cancel::mark_busy(1);
            Some(Poll::Pending)
        }
        Ok(Ok(Hit::Old)) => None,
    }
}
