//! One poll of a waiting future: lock, decide, unlock, and only then touch wakers.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{Context, Poll, Waker};
use weftwork_std_or_loom::Lock;
use weftwork_std_or_loom::atomic::{AtomicBool, Ordering::Relaxed};
use weftwork_task_context::{holds_back, spent};

/// Pending in a poll that delivers a cancel, and where the task has done enough in this poll: with this
/// an `async fn` begins that can have its answer without waiting for anything.
pub(crate) async fn may_answer() {
    let leaf = |cx: &mut Context<'_>| match holds_back(cx) {
        true => Poll::Pending,
        false => spent(Poll::Ready(())),
    };
    poll_fn(leaf).await;
}

/// The polling task's waker, offered to a step that runs under a lock.
///
/// The clone is made before the lock is taken, and whatever is left here (an unused clone, or
/// the older waker that the clone replaced) is dropped after it is given back, contained.
pub(crate) struct Offer<'a> {
    current: &'a Waker,
    owned: Option<Waker>,
    /// The future had given its answer before this poll.
    spent: bool,
}

impl<'a> Offer<'a> {
    fn new(current: &'a Waker, owned: Option<Waker>) -> Self {
        let spent = false;
        Self {
            current,
            owned,
            spent,
        }
    }

    /// For a future that has given its answer. The panic that it deserves comes with the lock given
    /// back: a panic hook is a user's code, and may use the primitive.
    #[cold]
    pub(crate) fn refuse<R>(&mut self) -> Option<R> {
        self.spent = true;
        None
    }

    /// Makes the clone that a step needs. Out of line: it keeps the polls that need none short.
    #[inline(never)]
    fn prepare(&mut self) {
        assert!(
            !self.spent,
            "a future of weftwork's sync was polled again after it had completed"
        );
        self.owned = Some(self.current.clone());
    }

    /// Takes the clone; `None` if it has not been made yet.
    pub(crate) fn take(&mut self) -> Option<Waker> {
        self.owned.take()
    }

    /// Makes `slot` wake the polling task. False if that needs a clone that is not there yet.
    pub(crate) fn store(&mut self, slot: &mut Option<Waker>) -> bool {
        let up_to_date = |waker: &Waker| waker.will_wake(self.current);
        if slot.as_ref().is_some_and(up_to_date) {
            return true;
        }
        let stored = self.owned.is_some();
        if stored {
            std::mem::swap(slot, &mut self.owned);
        }
        stored
    }
}

/// Runs `step` under the lock. A step that answers `None` changed nothing and needs a clone
/// of the waker: it is made with the lock given back, and the step runs again. (Or it has refused.)
#[inline]
pub(crate) fn poll_locked<S, R>(
    state: &Lock<S>,
    cx: &Context<'_>,
    step: impl FnMut(&mut S, &mut Offer<'_>) -> Option<R>,
) -> R {
    run_locked(state, Offer::new(cx.waker(), None), step)
}

#[inline]
fn run_locked<S, R>(
    state: &Lock<S>,
    mut offer: Offer<'_>,
    mut step: impl FnMut(&mut S, &mut Offer<'_>) -> Option<R>,
) -> R {
    loop {
        let answer = step(&mut state.lock(), &mut offer);
        if let Some(answer) = answer {
            if let Some(left) = offer.owned {
                contained(|| drop(left));
            }
            return answer;
        }
        offer.prepare();
    }
}

/// Whether a newcomer will have to wait: as the last one had to. One who expects to wait brings a
/// clone of its waker along, and needs the lock once, not twice. A wrong guess costs a clone, and
/// nothing else depends on it.
#[derive(Default)]
pub(crate) struct Guess(AtomicBool);

impl Guess {
    /// As [`poll_locked`]; `first` says that it is the first poll of a wait.
    #[inline]
    pub(crate) fn poll_locked<S, R>(
        &self,
        first: bool,
        state: &Lock<S>,
        cx: &Context<'_>,
        step: impl FnMut(&mut S, &mut Offer<'_>) -> Option<Poll<R>>,
    ) -> Poll<R> {
        let guess = first && self.0.load(Relaxed);
        let owned = guess.then(|| cx.waker().clone());
        let answer = run_locked(state, Offer::new(cx.waker(), owned), step);
        if first && answer.is_pending() != guess {
            self.0.store(!guess, Relaxed);
        }
        answer
    }
}

/// Wakers collected under a lock, to be called after it. The first one needs no allocation.
#[derive(Default)]
#[must_use = "collected wakers have to be called"]
pub(crate) struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakes {
    pub(crate) fn push(&mut self, waker: Option<Waker>) {
        match (waker, &self.first) {
            (Some(waker), Some(_)) => self.more.push(waker),
            (Some(waker), None) => self.first = Some(waker),
            (None, _) => {}
        }
    }

    /// As [`wake`](Self::wake), for somebody who has something to give: a panic ends here.
    pub(crate) fn wake_contained(self) {
        if self.first.is_some() {
            contained(|| self.wake());
        }
    }

    /// Calls all of them, in order. A panic of one goes on after all have been called.
    pub(crate) fn wake(self) {
        let Some(first) = self.first else { return };
        if self.more.is_empty() {
            return first.wake();
        }
        let mut panicked: Option<Box<dyn Any + Send>> = None;
        for waker in std::iter::once(first).chain(self.more) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                match &panicked {
                    None => panicked = Some(payload),
                    Some(_) => drop_payload(payload),
                }
            }
        }
        if let Some(payload) = panicked {
            resume_unwind(payload);
        }
    }
}

/// Runs a waker's code between the moment at which something was taken for somebody (an item, a
/// permit) and that at which he has it. A panic would take it along, and so it ends here, after the
/// panic hook has told of it.
#[inline(never)]
pub(crate) fn contained(code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(code)) {
        drop_payload(payload);
    }
}

/// Drops a panic's payload. Its destructor could panic as well, and lose the wakers left; after a
/// few of them the next payload is leaked rather than chased.
pub(crate) fn drop_payload(mut payload: Box<dyn Any + Send>) {
    for _ in 0..3 {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    std::mem::forget(payload);
}
