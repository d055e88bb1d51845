//! The packed state word of a task: every transition is a named function here.
//!
//! The diagram and the invariants stand in [`super`]. Edges (see `docs/verification.md`):
//! `T1` a wake releases what happened before it to the poll that it causes; `T2` the end of a
//! poll releases the future to the next poll; `T3` completion releases the output to whoever
//! joins; `T4` the joiner's waker is released to the completer; `T5` the last reference
//! acquires what all others did.

use std::fmt;
use weftwork_std_or_loom::atomic::AtomicUsize;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::edge;

/// Queued or being polled: one bit covers both, so that neither a spawn nor the start of a
/// poll needs a read-modify-write.
const ACTIVE: usize = 1;
/// Woken while `ACTIVE`: poll once more.
const NOTIFIED: usize = 1 << 1;
/// Ended; the output (or the error) is in place.
const COMPLETE: usize = 1 << 2;
/// A handle is interested in the output and owns it after completion.
const JOIN: usize = 1 << 3;
/// The handle has left a waker.
const JWAKER: usize = 1 << 4;
/// A cancel waits in the cold record.
const CANCEL: usize = 1 << 5;
/// Ended by a cancel; only with `COMPLETE`.
const CANCELLED: usize = 1 << 6;
/// Ended by a panic; only with `COMPLETE`.
const PANICKED: usize = 1 << 7;
/// Done callbacks own the output; only with `COMPLETE`.
const CALLBACKS: usize = 1 << 8;
/// There is a cold record, and somebody may wait in it.
const COLD: usize = 1 << 9;
/// The output has been taken or dropped; only with `COMPLETE`.
const TAKEN: usize = 1 << 10;
/// A cancelled await stands where the task's polls need not reach it; the poller's own note.
const RAISED: usize = 1 << 11;
/// One reference to the cell. Where a word has 32 bits there is room for 32,767 of them: more wakers,
/// handles and observers of one task than that end the process ([`State::add_ref`]).
const REF: usize = 1 << 16;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Value,
    Cancelled,
    Panicked,
}

/// A reading of the state word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(usize);

/// The state word.
pub(crate) struct State(AtomicUsize);

/// What a wake has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnWake {
    /// The task has ended; no reference was given up.
    Ended,
    /// It is active: the poll to come, or one more, will see it.
    Nothing,
    /// The task became active: the caller must put it into a run queue.
    Schedule,
}

/// What the end of a poll that was pending has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnPending {
    Idle,
    /// Woken or cancelled meanwhile: it is still active.
    Again,
}

/// What the completer knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Completing {
    /// Done callbacks are waiting: the output is theirs first.
    pub(crate) callbacks: bool,
    /// The output has been dropped, nobody wanted it.
    pub(crate) dropped: bool,
    /// The cold record is locked.
    pub(crate) locked: bool,
}

/// What the completer has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnComplete {
    /// Complete, and the runtime's reference is given up.
    Released,
    /// Complete; the caller still has the runtime's reference and owns the joiner's waker
    /// if there is one.
    Keeps { join_waker: bool },
    /// Nobody wants the output: drop it and call again with `dropped`.
    DropOutput,
    /// There is a cold record: lock it and call again.
    LockCold,
}

/// What the handle that goes has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDropHandle {
    /// Its reference is given up; `true`: it was the last one.
    Released(bool),
    /// The output is the handle's to drop, and it still has its reference.
    DropOutput,
    /// The waker in the slot is the handle's to drop, and it still has its reference.
    DropWaker,
}

impl Snapshot {
    #[inline]
    pub(crate) fn is_complete(self) -> bool {
        self.0 & COMPLETE != 0
    }

    /// Complete, and no callback owns the output any more.
    #[inline]
    pub(crate) fn is_resolved(self) -> bool {
        self.0 & (COMPLETE | CALLBACKS) == COMPLETE
    }

    #[inline]
    pub(crate) fn is_taken(self) -> bool {
        self.0 & TAKEN != 0
    }

    #[inline]
    pub(crate) fn has_handle(self) -> bool {
        self.0 & JOIN != 0
    }

    #[inline]
    pub(crate) fn has_join_waker(self) -> bool {
        self.0 & JWAKER != 0
    }

    #[inline]
    pub(crate) fn has_cancel(self) -> bool {
        self.0 & CANCEL != 0
    }

    #[inline]
    pub(crate) fn has_raised(self) -> bool {
        self.0 & RAISED != 0
    }

    #[inline]
    pub(crate) fn has_cold(self) -> bool {
        self.0 & COLD != 0
    }

    #[inline]
    pub(crate) fn end(self) -> Option<End> {
        match self.0 & (COMPLETE | CANCELLED | PANICKED) {
            COMPLETE => Some(End::Value),
            state if state & CANCELLED != 0 => Some(End::Cancelled),
            state if state & PANICKED != 0 => Some(End::Panicked),
            _ => None,
        }
    }

    #[inline]
    fn refs(self) -> usize {
        self.0 / REF
    }
}

impl End {
    #[inline]
    fn bits(self) -> usize {
        match self {
            Self::Value => 0,
            Self::Cancelled => CANCELLED,
            Self::Panicked => PANICKED,
        }
    }
}

impl State {
    /// A spawned task: active, one reference for the runtime, one for its handle. `joined`:
    /// somebody is in the joiner's slot already.
    #[inline]
    pub(crate) fn spawned(joined: bool) -> Self {
        let joiner = if joined { JWAKER } else { 0 };
        Self(AtomicUsize::new(ACTIVE | JOIN | joiner | (2 * REF)))
    }

    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(edge!(T3, Acquire)))
    }

    /// Woken. The word is written even if nothing changes, so that what the waker did is
    /// released to the poll that clears `NOTIFIED` (a mere load would let both sides miss
    /// each other).
    #[inline]
    pub(crate) fn on_wake(&self) -> OnWake {
        self.activate(NOTIFIED, 0)
    }

    /// As [`on_wake`](Self::on_wake), by somebody who gives a reference up with it. It is not the
    /// last one: the runtime has one until the task is complete.
    #[inline]
    pub(crate) fn on_wake_and_drop(&self) -> OnWake {
        self.activate(NOTIFIED, REF)
    }

    /// Cancelled: as a wake, and the poll will look into the cold record.
    pub(crate) fn on_cancel(&self) -> OnWake {
        self.activate(NOTIFIED | CANCEL, 0)
    }

    #[inline]
    fn activate(&self, flags: usize, given_up: usize) -> OnWake {
        let mut seen = self.0.load(Relaxed);
        loop {
            if seen & COMPLETE != 0 {
                return OnWake::Ended;
            }
            let (next, todo) = if seen & ACTIVE != 0 {
                (seen | flags, OnWake::Nothing)
            } else {
                (seen | ACTIVE | (flags & !NOTIFIED), OnWake::Schedule)
            };
            match self
                .0
                .compare_exchange_weak(seen, next - given_up, edge!(T1, AcqRel), Relaxed)
            {
                Ok(_) => return todo,
                Err(now) => seen = now,
            }
        }
    }

    /// The start of a poll: takes `NOTIFIED` and `CANCEL`; true if there is a cancel.
    #[inline]
    pub(crate) fn begin_poll(&self) -> bool {
        let seen = self.0.load(edge!(T2, Acquire));
        if seen & (NOTIFIED | CANCEL) == 0 {
            return false;
        }
        let seen = self.0.fetch_and(!(NOTIFIED | CANCEL), edge!(T1, AcqRel));
        seen & CANCEL != 0
    }

    /// Notes for the end of the poll whether a cancelled await is hidden. By the poller only, so
    /// that nothing is to be ordered.
    pub(crate) fn note_raised(&self, raised: bool) {
        if raised {
            self.0.fetch_or(RAISED, Relaxed);
        } else {
            self.0.fetch_and(!RAISED, Relaxed);
        }
    }

    /// The end of a poll that was pending.
    #[inline]
    pub(crate) fn end_poll(&self) -> OnPending {
        let mut seen = self.0.load(Relaxed);
        loop {
            if seen & (NOTIFIED | CANCEL) != 0 {
                return OnPending::Again;
            }
            match self
                .0
                .compare_exchange_weak(seen, seen & !ACTIVE, edge!(T2, Release), Relaxed)
            {
                Ok(_) => return OnPending::Idle,
                Err(now) => seen = now,
            }
        }
    }

    /// True if the runtime's reference is the only one and no handle is left: the cell is
    /// exclusively the caller's.
    #[inline]
    pub(crate) fn is_exclusive(&self) -> bool {
        let seen = Snapshot(self.0.load(edge!(T5, Acquire)));
        seen.refs() == 1 && !seen.has_handle()
    }

    /// The task has ended and its output is in place. Gives up the runtime's reference where nothing is left to do;
    /// the handle still has one then.
    #[inline]
    pub(crate) fn complete(&self, end: End, how: Completing) -> OnComplete {
        let Completing {
            callbacks,
            dropped,
            locked,
        } = how;
        let mut seen = self.0.load(Relaxed);
        loop {
            if seen & COLD != 0 && !locked {
                return OnComplete::LockCold;
            }
            if seen & JOIN == 0 && !callbacks && !dropped {
                return OnComplete::DropOutput;
            }
            let owned = if callbacks { CALLBACKS } else { 0 };
            let taken = if dropped { TAKEN } else { 0 };
            let done =
                (seen & !(ACTIVE | NOTIFIED | CANCEL)) | COMPLETE | end.bits() | owned | taken;
            let join_waker = seen & JWAKER != 0;
            let keeps = callbacks || dropped || join_waker || seen & COLD != 0;
            let next = if keeps { done } else { done - REF };
            match self
                .0
                .compare_exchange_weak(seen, next, edge!(T3, AcqRel), Relaxed)
            {
                Ok(_) if keeps => return OnComplete::Keeps { join_waker },
                Ok(_) => return OnComplete::Released,
                Err(now) => seen = now,
            }
        }
    }

    /// A callback is added to a completed task: the output is the callbacks' again.
    pub(crate) fn lend_to_callbacks(&self) {
        self.0.fetch_or(CALLBACKS, edge!(T3, AcqRel));
    }

    /// The last callback has run; returns the word before.
    pub(crate) fn callbacks_done(&self) -> Snapshot {
        Snapshot(self.0.fetch_and(!CALLBACKS, edge!(T3, AcqRel)))
    }

    /// The handle has taken the output out of the cell.
    #[inline]
    pub(crate) fn set_taken(&self) {
        let seen = self.0.load(edge!(T5, Acquire));
        if Snapshot(seen).refs() == 1 {
            // A completed task's last reference cannot be added to by anybody else.
            self.0.store(seen | TAKEN, Relaxed);
        } else {
            self.0.fetch_or(TAKEN, Relaxed);
        }
    }

    /// There is a cold record now; returns the word before. A read-modify-write, so that
    /// either the completer sees the record or the caller sees the completion.
    pub(crate) fn set_cold(&self) -> Snapshot {
        Snapshot(self.0.fetch_or(COLD, edge!(T4, AcqRel)))
    }

    /// The handle has written its waker. False: complete meanwhile, the slot is the
    /// handle's again.
    #[inline]
    pub(crate) fn set_join_waker(&self) -> bool {
        self.change_join_waker(|seen| seen | JWAKER)
    }

    /// The handle wants the waker slot back. False: complete meanwhile, the waker is the
    /// completer's.
    pub(crate) fn unset_join_waker(&self) -> bool {
        self.change_join_waker(|seen| seen & !JWAKER)
    }

    fn change_join_waker(&self, change: impl Fn(usize) -> usize) -> bool {
        let mut seen = self.0.load(Relaxed);
        loop {
            if seen & COMPLETE != 0 {
                return false;
            }
            match self
                .0
                .compare_exchange_weak(seen, change(seen), edge!(T4, AcqRel), Relaxed)
            {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// The handle goes, and with it its reference if there is nothing for it to do.
    #[inline]
    pub(crate) fn drop_handle(&self) -> OnDropHandle {
        let mut seen = self.0.load(edge!(T5, Acquire));
        loop {
            let now = Snapshot(seen);
            let (next, todo) = if now.is_resolved() && !now.is_taken() {
                (seen & !JOIN, OnDropHandle::DropOutput)
            } else if seen & (COMPLETE | JWAKER) == JWAKER {
                (seen & !(JOIN | JWAKER), OnDropHandle::DropWaker)
            } else if now.refs() == 1 {
                return OnDropHandle::Released(true);
            } else {
                ((seen & !JOIN) - REF, OnDropHandle::Released(false))
            };
            match self
                .0
                .compare_exchange_weak(seen, next, edge!(T5, AcqRel), edge!(T5, Acquire))
            {
                Ok(_) => return todo,
                Err(now) => seen = now,
            }
        }
    }

    /// One more reference.
    #[inline]
    pub(crate) fn add_ref(&self) {
        // A new reference is made from an existing one: Relaxed, as in Arc.
        let seen = self.0.fetch_add(REF, Relaxed);
        if seen > isize::MAX as usize {
            // As Arc: only leaked references can get here, and going on would free too early.
            std::process::abort();
        }
    }

    /// One more reference, unless the task has completed or is about to be freed.
    pub(crate) fn try_add_ref(&self) -> bool {
        let mut seen = self.0.load(Relaxed);
        loop {
            if seen & COMPLETE != 0 || Snapshot(seen).refs() == 0 {
                return false;
            }
            match self
                .0
                .compare_exchange_weak(seen, seen + REF, edge!(T5, Acquire), Relaxed)
            {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// One reference less; true if it was the last one.
    #[inline]
    pub(crate) fn drop_ref(&self) -> bool {
        let seen = Snapshot(self.0.fetch_sub(REF, edge!(T5, AcqRel)));
        seen.refs() == 1
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            "ACTIVE",
            "NOTIFIED",
            "COMPLETE",
            "JOIN",
            "JWAKER",
            "CANCEL",
            "CANCELLED",
            "PANICKED",
            "CALLBACKS",
            "COLD",
            "TAKEN",
            "RAISED",
        ];
        let mut set = f.debug_set();
        for (bit, name) in names.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                set.entry(&format_args!("{name}"));
            }
        }
        set.entry(&format_args!("refs={}", self.refs())).finish()
    }
}
