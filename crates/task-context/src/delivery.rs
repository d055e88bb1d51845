//! One delivery of a cancel: all the polls that it takes, and who declined in them.

use crate::delivering;
use std::cell::Cell;
use std::task::{Context, Waker};

weftwork_std_or_loom::thread_local! {
    static NUMBER: Cell<u64> = Cell::new(0)
}

// Apart, because it has a destructor and is touched by cancels only.
weftwork_std_or_loom::thread_local! {
    static DECLINED: Cell<Vec<Waker>> = Cell::new(Vec::new())
}

/// A delivery that is under way on this thread. They nest: what it knows is put back when it ends,
/// also by unwinding.
#[derive(Debug)]
pub struct Delivery {
    number_before: u64,
    declined_before: Vec<Waker>,
}

impl Delivery {
    /// Begins one, with a number that no other has.
    #[must_use]
    pub fn begin(number: u64) -> Self {
        Self {
            number_before: NUMBER.with(|current| current.replace(number)),
            declined_before: DECLINED.with(Cell::take),
        }
    }

    /// Takes the wakers of the leaves that declined in this delivery.
    #[must_use]
    pub fn take_declined(&self) -> Vec<Waker> {
        DECLINED.with(Cell::take)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        NUMBER.with(|current| current.set(self.number_before));
        let left = DECLINED.with(|list| list.replace(std::mem::take(&mut self.declined_before)));
        drop(left);
    }
}

/// The number of the delivery that is under way. Something that is polled several times in one
/// knows by it that it has heard of the cancel.
#[must_use]
pub fn delivery() -> u64 {
    NUMBER.with(Cell::get)
}

/// True while a cancel is being delivered, for a leaf that answers `Pending` then and is to be
/// polled again afterwards: whoever delivers calls its waker once the delivery is over. A
/// combinator that polls only what was woken would not come back to it otherwise.
#[inline]
#[must_use]
pub fn declines(cx: &Context<'_>) -> bool {
    let declines = delivering();
    if declines {
        decline(cx.waker());
    }
    declines
}

#[cold]
fn decline(waker: &Waker) {
    // The clone is user code: if it panics, the list is where it was.
    let waker = waker.clone();
    let mut declined = DECLINED.with(Cell::take);
    let known = declined.last().is_some_and(|last| last.will_wake(&waker));
    let spare = if known {
        Some(waker)
    } else {
        declined.push(waker);
        None
    };
    DECLINED.with(|list| list.set(declined));
    drop(spare);
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::ptr;
    use std::task::{RawWaker, RawWakerVTable};

    static PANICS: RawWakerVTable =
        RawWakerVTable::new(|_| panic!("clone"), |_| (), |_| (), |_| ());

    #[test]
    fn a_waker_whose_clone_panics_costs_the_others_nothing() {
        let delivery = Delivery::begin(1);
        decline(Waker::noop());
        // SAFETY: its functions do not look at the data.
        let bad = unsafe { Waker::from_raw(RawWaker::new(ptr::null(), &PANICS)) };
        assert!(catch_unwind(AssertUnwindSafe(|| decline(&bad))).is_err());
        assert_eq!(delivery.take_declined().len(), 1);
    }
}
