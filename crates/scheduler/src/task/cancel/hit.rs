//! A cancelled await, and what the scope around it does about it.

use super::round::{Round, deliver_to_all, poll_all};
use super::{count_settled, settled, with_cold};
use std::task::Poll;
use weftwork_task_context::{self as context, Cancelled};

/// After so many cancelled awaits in one poll the caller is in a loop that cannot end. A
/// collection of cancelled tasks, which meets each of them in one poll, is not larger.
const TOO_MANY_HITS: u32 = 1_000_000;

/// Says "the await here is cancelled" to the frame.
pub(super) fn meet(cause: &Cancelled) {
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

/// What a scope remembers of a cancelled await in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raising {
    /// Everything else in the scope was told.
    told: bool,
    /// How much of the task had settled when the scope last found that it cannot end: before that
    /// changes, it need not ask again. None: it has to.
    judged: Option<u64>,
}

impl Raising {
    /// As of a scope whose cancel was delivered to everything in it.
    #[must_use]
    pub const fn told() -> Self {
        Self {
            told: true,
            judged: None,
        }
    }

    /// True while the scope is on its way out.
    #[must_use]
    pub fn is_told(self) -> bool {
        self.told
    }

    /// True if [`judge`](Self::judge) is to be called after a poll of the scope. `hit`: that met a
    /// cancelled await.
    #[must_use]
    pub fn is_due(self, hit: bool) -> bool {
        if self.told {
            self.judged != Some(count_settled())
        } else {
            hit
        }
    }

    /// Tells everything else in the scope, and says whether the scope can end. `cause` is of the
    /// await that was met, and `poll` polls the scope's body.
    ///
    /// # Errors
    /// The value, if the body gives one meanwhile: then the value counts.
    pub fn judge<R>(
        &mut self,
        cause: Option<Cancelled>,
        poll: &mut dyn FnMut() -> Poll<R>,
    ) -> Result<Hit, R> {
        let all = hear_again(poll)?;
        if all.complete && all.heard.hit.is_none() {
            self.forget();
            return Ok(Hit::Old);
        }
        self.judged = None;
        let Some(cause) = cause.or(all.heard.hit) else {
            return Ok(Hit::Later);
        };
        if !self.told {
            let all = deliver_to_all(&cause, poll);
            self.told = all.complete;
            if let Poll::Ready(value) = all.polled {
                return Err(value);
            }
        }
        let before = count_settled();
        let all = hear_again(poll)?;
        let heard_all = all.complete && self.told;
        // Only the task itself waits for every clean-up: a scope may stand inside one, and would
        // wait for itself.
        let cleaning = !context::is_active() && cleaning();
        if heard_all && all.heard.frame.busy() == 0 && !cleaning {
            return Ok(Hit::Now(cause));
        }
        self.judged = heard_all.then_some(before);
        Ok(Hit::Later)
    }

    /// The scope goes on, or is gone: scopes around it need not wait for it.
    pub fn forget(&mut self) {
        if std::mem::take(self).told {
            settled();
        }
    }
}

/// What is heard without a cancel being delivered; or the value that comes meanwhile.
fn hear_again<R>(poll: &mut dyn FnMut() -> Poll<R>) -> Result<Round<R>, R> {
    let mut all = poll_all(None, poll);
    match std::mem::replace(&mut all.polled, Poll::Pending) {
        Poll::Ready(value) => Err(value),
        Poll::Pending => Ok(all),
    }
}

/// True while a clean-up of the current task has begun and not ended.
fn cleaning() -> bool {
    with_cold(|cold| cold.lock().cleaning > 0).unwrap_or(false)
}
