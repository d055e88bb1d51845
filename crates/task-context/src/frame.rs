//! The stack of cancel scopes during a poll; only its top is ever looked at.

use crate::Cancelled;
use std::cell::Cell;
use std::fmt;

/// What the innermost scope's poll has heard so far. One word: it is copied in and out with
/// every poll, and a struct of small fields would be copied piece by piece.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame(u64);

/// A weftwork task is being polled; without it there is no scope.
const ACTIVE: u64 = 1;
/// The poll delivers a cancel; only with `ACTIVE`.
const DELIVERING: u64 = 1 << 1;
const TAKEN: u64 = 1 << 2;
const INTEREST: u64 = 1 << 3;
/// From here on: how many things are busy, in eight bits.
const BUSY_SHIFT: u32 = 8;
/// From here on: how many hits, in 32 bits.
const HITS_SHIFT: u32 = 32;

impl Frame {
    const OUTSIDE: Self = Self(0);

    fn of_a_poll(delivers: bool) -> Self {
        Self(ACTIVE | if delivers { DELIVERING } else { 0 })
    }

    /// Something in this scope took the delivered cancel.
    #[must_use]
    pub fn taken(self) -> bool {
        self.0 & TAKEN != 0
    }

    /// Something in this scope would take a cancel, if one were delivered.
    #[inline]
    #[must_use]
    pub fn interest(self) -> bool {
        self.0 & INTEREST != 0
    }

    /// How many things in this scope are still handling a cancel, saturating.
    #[must_use]
    pub fn busy(self) -> u8 {
        self.0.to_le_bytes()[(BUSY_SHIFT / 8) as usize]
    }

    /// How many cancelled awaits were met, saturating: one collection of tasks may hold very
    /// many of them.
    #[inline]
    #[must_use]
    pub fn hits(self) -> u32 {
        (self.0 >> HITS_SHIFT) as u32
    }

    /// This frame, with what an earlier poll for the same purpose has heard.
    #[must_use]
    pub fn joined_with(self, earlier: Self) -> Self {
        let hits = u64::from(self.hits().max(earlier.hits()));
        let marks = self.0 | (earlier.0 & (TAKEN | INTEREST));
        Self(marks & u64::from(u32::MAX) | hits << HITS_SHIFT).with_busy(earlier.busy())
    }

    fn with_busy(self, count: u8) -> Self {
        let busy = u64::from(self.busy().saturating_add(count));
        Self(self.0 & !(0xff << BUSY_SHIFT) | busy << BUSY_SHIFT)
    }

    fn with_a_hit(self) -> Self {
        let hits = u64::from(self.hits().saturating_add(1));
        Self(self.0 & u64::from(u32::MAX) | hits << HITS_SHIFT)
    }

    /// True if something of this frame lies in `CAUSES`.
    #[inline]
    fn has_cause(self) -> bool {
        self.0 & DELIVERING != 0 || self.hits() > 0
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::OUTSIDE
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("active", &(self.0 & ACTIVE != 0))
            .field("delivering", &(self.0 & DELIVERING != 0))
            .field("taken", &self.taken())
            .field("interest", &self.interest())
            .field("busy", &self.busy())
            .field("hits", &self.hits())
            .finish()
    }
}

/// What a scope's poll heard: the frame, and the first cancelled await that it met.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The frame as the poll left it.
    pub frame: Frame,
    /// The cause of the first cancelled await.
    pub hit: Option<Cancelled>,
}

weftwork_std_or_loom::thread_local! {
    static FRAME: Cell<Frame> = Cell::new(Frame::OUTSIDE)
}

// Apart from the frame, because these have a destructor and are touched by cancels only.
weftwork_std_or_loom::thread_local! {
    static CAUSES: Causes = Causes { delivered: Cell::new(None), hit: Cell::new(None) }
}

struct Causes {
    /// The cause that the top frame delivers; some if and only if that delivers.
    delivered: Cell<Option<Cancelled>>,
    /// The cause of the top frame's first hit; some if and only if that has hits.
    hit: Cell<Option<Cancelled>>,
}

/// Runs `f` (one poll) in a new frame that delivers `deliver`, and says what was heard.
///
/// The frame before is back when `f` returns or unwinds.
#[inline]
pub fn with_frame<R>(deliver: Option<&Cancelled>, f: impl FnOnce() -> R) -> (R, Outcome) {
    in_frame(Frame::of_a_poll(deliver.is_some()), deliver, f)
}

/// Runs `f` apart from every scope: what it meets is no news to the poll that is under way on this
/// thread, and no cancel is delivered to it.
///
/// The frame before is back when `f` returns or unwinds.
pub fn apart<R>(f: impl FnOnce() -> R) -> R {
    in_frame(Frame::OUTSIDE, None, f).0
}

#[inline]
fn in_frame<R>(frame: Frame, deliver: Option<&Cancelled>, f: impl FnOnce() -> R) -> (R, Outcome) {
    let before = FRAME.with(|top| top.replace(frame));
    if before.has_cause() || frame.has_cause() {
        return with_causes(before, deliver, f);
    }
    // Nothing but the word of a frame moves where no cancel is about.
    let restore = Restore(before);
    let value = f();
    let frame = FRAME.with(|top| top.replace(before));
    std::mem::forget(restore);
    let hit = if frame.hits() > 0 { take_hit() } else { None };
    (value, Outcome { frame, hit })
}

/// As [`with_frame`], where the frame before or the new one has a cause.
#[cold]
fn with_causes<R>(
    before: Frame,
    deliver: Option<&Cancelled>,
    f: impl FnOnce() -> R,
) -> (R, Outcome) {
    let restore_frame = Restore(before);
    let restore = RestoreCauses(CAUSES.with(|causes| {
        (
            causes.delivered.replace(deliver.cloned()),
            causes.hit.take(),
        )
    }));
    let value = f();
    let frame = FRAME.with(Cell::get);
    let hit = take_hit();
    drop(restore);
    drop(restore_frame);
    (value, Outcome { frame, hit })
}

#[cold]
fn take_hit() -> Option<Cancelled> {
    CAUSES.with(|causes| causes.hit.take())
}

/// Puts the frame before back if a poll unwinds; its causes have not moved.
struct Restore(Frame);

impl Drop for Restore {
    fn drop(&mut self) {
        let left = FRAME.with(|top| top.replace(self.0));
        if left.hits() > 0 && self.0.hits() == 0 {
            take_hit();
        }
    }
}

/// Puts the causes of the frame before back.
struct RestoreCauses((Option<Cancelled>, Option<Cancelled>));

impl Drop for RestoreCauses {
    fn drop(&mut self) {
        let (delivered, hit) = std::mem::take(&mut self.0);
        CAUSES.with(|causes| {
            causes.delivered.set(delivered);
            causes.hit.set(hit);
        });
    }
}

/// True while a scope is being polled, that is inside a weftwork task.
#[inline]
#[must_use]
pub fn is_active() -> bool {
    FRAME.with(Cell::get).0 & ACTIVE != 0
}

/// True while a cancel is being delivered: a leaf then returns `Pending` even if it has a
/// value, changes nothing, and does not wake itself. What it had been given stays its own, and goes
/// on to the next waiter if it is dropped.
#[inline]
#[must_use]
pub fn delivering() -> bool {
    FRAME.with(Cell::get).0 & DELIVERING != 0
}

/// The cancel that is being delivered.
#[must_use]
pub fn delivered() -> Option<Cancelled> {
    if !delivering() {
        return None;
    }
    CAUSES.with(|causes| {
        let cause = causes.delivered.take();
        causes.delivered.set(cause.clone());
        cause
    })
}

/// Says that the delivered cancel has found its taker.
pub fn mark_taken() {
    update(|frame| Frame(frame.0 | TAKEN));
}

/// Says that a cancel, if one were delivered, would find a taker here.
#[inline]
pub fn mark_interest() {
    update(|frame| Frame(frame.0 | INTEREST));
}

/// Says that `count` things are still handling a cancel.
pub fn mark_busy(count: u8) {
    update(|frame| frame.with_busy(count));
}

/// Says "the await here is cancelled"; returns the frame with this hit counted.
pub fn hit(cause: &Cancelled) -> Frame {
    if FRAME.with(Cell::get).hits() == 0 {
        CAUSES.with(|causes| causes.hit.set(Some(cause.clone())));
    }
    update(Frame::with_a_hit);
    FRAME.with(Cell::get)
}

#[inline]
fn update(change: impl FnOnce(Frame) -> Frame) {
    FRAME.with(|top| top.set(change(top.get())));
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;
    use crate::{CancelSource, enter_task, leave_task, outside, take_woken, task, wake_polled};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn cause() -> Cancelled {
        Cancelled::new(None, CancelSource::Outside)
    }

    /// Also where the poll around it delivers a cancel and has met one, and where it unwinds.
    #[test]
    fn what_runs_apart_hears_nothing_and_is_not_heard() {
        let (around, inside) = (cause(), cause());
        let ((), heard) = with_frame(Some(&around), || {
            hit(&around);
            apart(|| {
                assert!(!is_active() && delivered().is_none());
                hit(&inside);
                mark_taken();
            });
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                apart(|| panic!("{}", hit(&inside).hits()))
            }));
            assert!(unwound.is_err());
            assert!(delivered().is_some_and(|cause| cause.is_same(&around)));
        });
        assert!(heard.frame.hits() == 1 && !heard.frame.taken());
        assert!(heard.hit.is_some_and(|cause| cause.is_same(&around)));
    }

    #[test]
    fn the_polled_task_is_back_when_what_ran_outside_unwinds() {
        let here = std::ptr::from_ref(&0_u64).cast();
        let before = enter_task(here);
        assert!(wake_polled(here));
        let unwound = catch_unwind(|| outside(|| assert!(!task().is_null(), "outside")));
        assert!(unwound.is_err());
        assert!(task() == here && take_woken());
        leave_task(before);
    }
}
