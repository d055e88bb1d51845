//! The stack of cancel scopes during a poll; only its top is ever looked at.

use crate::Cancelled;
use std::cell::Cell;

/// What the innermost scope's poll has heard so far. Eight bytes, copied in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    mode: Mode,
    /// A raise in this frame must not wake its task (the scope polls again by itself).
    pub quiet: bool,
    /// Something in this scope took the delivered cancel.
    pub taken: bool,
    /// Something in this scope would take a cancel, if one were delivered.
    pub interest: bool,
    /// How many things in this scope are still handling a cancel, saturating.
    pub busy: u8,
    /// How many cancelled awaits were met, saturating: one collection of tasks may hold very
    /// many of them.
    pub hits: u32,
}

/// What a poll is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// There is no scope: no weftwork task is being polled.
    #[default]
    Outside,
    /// A plain poll of a weftwork task.
    Plain,
    /// A poll that delivers a cancel.
    Delivering,
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
    static FRAME: Cell<Frame> = Cell::new(Frame {
        mode: Mode::Outside,
        quiet: false,
        taken: false,
        interest: false,
        busy: 0,
        hits: 0,
    })
}

// Apart from the frame, because these have a destructor and are touched by cancels only.
weftwork_std_or_loom::thread_local! {
    static CAUSES: Causes = Causes { delivered: Cell::new(None), hit: Cell::new(None) }
}

struct Causes {
    /// The cause that the top frame delivers; some if and only if that is `Delivering`.
    delivered: Cell<Option<Cancelled>>,
    /// The cause of the top frame's first hit; some if and only if `FRAME.hits > 0`.
    hit: Cell<Option<Cancelled>>,
}

/// Runs `f` (one poll) in a new frame that delivers `deliver`, and says what was heard.
///
/// `quiet` is for a scope that polls again by itself: a cancelled await then wakes nobody.
/// The frame before is back when `f` returns or unwinds.
#[inline]
pub fn with_frame<R>(
    deliver: Option<&Cancelled>,
    quiet: bool,
    f: impl FnOnce() -> R,
) -> (R, Outcome) {
    let frame = Frame {
        mode: if deliver.is_some() {
            Mode::Delivering
        } else {
            Mode::Plain
        },
        quiet,
        ..Frame::default()
    };
    let before = FRAME.with(|top| top.replace(frame));
    if before.has_cause() || frame.has_cause() {
        return with_causes(before, deliver, f);
    }
    // Nothing but the eight bytes of a frame moves where no cancel is about.
    let restore = Restore(before);
    let value = f();
    let frame = FRAME.with(Cell::get);
    let hit = if frame.hits > 0 { take_hit() } else { None };
    drop(restore);
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

/// Puts the frame before back, whose causes have not moved.
struct Restore(Frame);

impl Drop for Restore {
    #[inline]
    fn drop(&mut self) {
        let left = FRAME.with(|top| top.replace(self.0));
        if left.hits > 0 && self.0.hits == 0 {
            // An unwinding poll has left its hit.
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

impl Frame {
    /// True if something of this frame lies in `CAUSES`.
    #[inline]
    fn has_cause(self) -> bool {
        self.mode == Mode::Delivering || self.hits > 0
    }

    /// This frame, with what an earlier poll of the same delivery has heard: who took it, and
    /// would take it, does not depend on the poll.
    #[must_use]
    pub fn with_marks_of(mut self, earlier: Self) -> Self {
        self.taken |= earlier.taken;
        self.interest |= earlier.interest;
        self
    }
}

/// True while a scope is being polled, that is inside a weftwork task.
#[inline]
#[must_use]
pub fn is_active() -> bool {
    FRAME.with(Cell::get).mode != Mode::Outside
}

/// True while a cancel is being delivered: a leaf then returns `Pending` even if it has a
/// value, hands on what it had been given, and does not wake itself.
#[inline]
#[must_use]
pub fn delivering() -> bool {
    FRAME.with(Cell::get).mode == Mode::Delivering
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
    update(|frame| frame.taken = true);
}

/// Says that a cancel, if one were delivered, would find a taker here.
#[inline]
pub fn mark_interest() {
    update(|frame| frame.interest = true);
}

/// Says that `count` things are still handling a cancel.
pub fn mark_busy(count: u8) {
    update(|frame| frame.busy = frame.busy.saturating_add(count));
}

/// Says "the await here is cancelled"; returns the frame with this hit counted.
pub fn hit(cause: &Cancelled) -> Frame {
    if FRAME.with(Cell::get).hits == 0 {
        CAUSES.with(|causes| causes.hit.set(Some(cause.clone())));
    }
    update(|frame| frame.hits = frame.hits.saturating_add(1));
    FRAME.with(Cell::get)
}

#[inline]
fn update(change: impl FnOnce(&mut Frame)) {
    let mut frame = FRAME.with(Cell::get);
    change(&mut frame);
    FRAME.with(|top| top.set(frame));
}
