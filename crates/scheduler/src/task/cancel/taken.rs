//! A delivered cancel that found its taker.

use super::{delivery, mark_taken, strike_again};
use crate::task::control::TaskControl;
use std::cell::RefCell;
use std::fmt;
use weftwork_task_context::{CancelStep, Cancelled};

weftwork_std_or_loom::thread_local! {
    /// The cancels whose effect is that something is being dropped on this thread right now.
    static SEEN: RefCell<Vec<Cancelled>> = RefCell::new(Vec::new())
}

/// Drops, in `f`, what a scope held that ends by one of these cancels. Whatever took one of them in
/// there does not deliver it again: the end of the scope is its effect.
pub fn with_effect_seen<R>(
    causes: impl IntoIterator<Item = Cancelled>,
    f: impl FnOnce() -> R,
) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            let seen = SEEN.try_with(|seen| seen.borrow_mut().split_off(self.0));
            drop(seen);
        }
    }
    let before = SEEN.try_with(|seen| {
        let mut seen = seen.borrow_mut();
        let before = seen.len();
        seen.extend(causes);
        before
    });
    // Where the thread ends there is no list, and no scope that could end.
    let _restore = before.map(Restore);
    f()
}

fn is_seen(cause: &Cancelled) -> bool {
    let is_seen = |seen: &RefCell<Vec<Cancelled>>| seen.borrow().iter().any(|s| s.is_same(cause));
    SEEN.try_with(is_seen).unwrap_or(false)
}

/// A cancel that something took in a delivery, until its effect is seen: a scope will end, a child
/// to which it was passed on will. Dropped before that, it is delivered again, by the task or by the
/// scope in it whose it is: a cancel must not get lost.
pub struct Taken {
    cause: Cancelled,
    /// What strikes in its place.
    instead: Option<Cancelled>,
    /// The number of the delivery.
    delivery: u64,
    /// None once it is settled.
    task: Option<TaskControl>,
}

impl Taken {
    /// Takes the cancel that is being delivered to the current task.
    #[must_use]
    pub fn new(cause: Cancelled) -> Self {
        mark_taken();
        Self {
            cause,
            instead: None,
            delivery: delivery(),
            task: TaskControl::current(),
        }
    }

    /// As [`new`](Self::new), with what was raised where the cancel struck: an await of a task that
    /// had ended cancelled. Whoever takes it ends with that, as in asyncio.
    #[must_use]
    pub fn raised(cause: Cancelled, instead: Option<Cancelled>) -> Self {
        let mut taken = Self::new(cause);
        taken.instead = instead;
        taken
    }

    /// Passes the cancel that is being delivered on, and keeps it in `passed`, unless it was passed
    /// on in this very delivery. `ask` says whether there was anybody to be asked; if not, the
    /// cancel is left to whoever is outside. `step` is what the cause says of it.
    pub fn pass_on(
        passed: &mut Option<Self>,
        step: CancelStep,
        cause: Cancelled,
        ask: impl FnOnce(&Cancelled) -> bool,
    ) {
        let again = passed.as_mut().is_some_and(Self::takes_again);
        if again {
            return;
        }
        let cause = cause.passed_on(step);
        if ask(&cause) {
            *passed = Some(Self::new(cause));
        }
    }

    /// The cancel.
    #[must_use]
    pub fn cause(&self) -> &Cancelled {
        &self.cause
    }

    /// A cancel is delivered to the one who took this. If that is the same delivery, which may come
    /// around twice, it is still taken. If it is a later one, that counts in its place from now on,
    /// whoever takes it.
    pub fn takes_again(&mut self) -> bool {
        let again = self.delivery == delivery();
        if again {
            mark_taken();
        } else {
            self.settle();
        }
        again
    }

    /// Its effect is seen.
    fn settle(&mut self) {
        self.task = None;
    }

    /// Its effect is seen: gives what strikes.
    #[must_use]
    pub fn settled(mut self) -> Cancelled {
        self.settle();
        self.instead.as_ref().unwrap_or(&self.cause).clone()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        if is_seen(&self.cause) {
            return;
        }
        let cause = self.cause.clone();
        if task.cancel_cause().is_some_and(|own| own.is_same(&cause)) {
            task.redeliver(cause);
        } else {
            strike_again(cause);
        }
    }
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken")
            .field("cause", &self.cause)
            .field("settled", &self.task.is_none())
            .finish()
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use weftwork_task_context::CancelSource;

    struct EndsScopes(mpsc::Sender<bool>);

    impl Drop for EndsScopes {
        fn drop(&mut self) {
            let cause = Cancelled::new(None, CancelSource::Outside);
            let seen = with_effect_seen([cause.clone()], || is_seen(&cause));
            self.0.send(seen || SEEN.try_with(|_| ()).is_ok()).unwrap();
        }
    }

    weftwork_std_or_loom::thread_local! {
        static KEPT: RefCell<Option<EndsScopes>> = RefCell::new(None)
    }

    /// The locals of a thread go in the reverse order of their first use.
    #[test]
    fn scopes_that_a_thread_keeps_to_its_end_may_be_dropped_there() {
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            KEPT.with(|kept| kept.replace(Some(EndsScopes(tell))));
            with_effect_seen([], || ());
        });
        thread.join().unwrap();
        assert_eq!(told.recv(), Ok(false), "the list should be gone");
    }
}
