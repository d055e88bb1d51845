//! A count of tasks that one awaiter waits for: it is woken once, by the last of them, or by
//! one that failed.
//!
//! Each task carries the group in the slot of its joiner, so a group costs one allocation and
//! each of its tasks one read-modify-write, and an awaiter of n tasks is not woken n times.
//!
//! # Invariants
//! 1. `word` holds, from below: whether some task failed, the tasks that are left, the
//!    references. A task that is left has a reference.
//! 2. A task gives up both in one step, unless it has to wake the awaiter: then it keeps its
//!    reference until it has.

use super::state::End;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::Waker;
use weftwork_std_or_loom::atomic::AtomicU64;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::{Lock, edge};

/// Some task failed.
const FAILED: u64 = 1;
/// One task that is left.
const LEFT: u64 = 1 << 1;
/// One reference.
const REF: u64 = 1 << 32;
/// As many tasks as a group can have.
const MOST: u64 = (REF / LEFT) - 1;

/// Tasks that one awaiter waits for. A counted reference.
pub struct Group(NonNull<Inner>);

/// A task's membership in a group, as it lies in the slot of its joiner.
pub(super) struct Member(Group);

struct Inner {
    word: AtomicU64,
    awaiter: Lock<Option<Waker>>,
}

/// One reading of a group's word. A poll acts on one reading: two could differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Tasks that have not ended.
    pub left: usize,
    /// Some task was cancelled or panicked.
    pub failed: bool,
}

// SAFETY: what is inside is an atomic and a lock, and the references are counted.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

impl Group {
    /// A group without tasks.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner {
            word: AtomicU64::new(REF),
            awaiter: Lock::new(None),
        };
        Self(NonNull::from(Box::leak(Box::new(inner))))
    }

    /// A group that cannot end before [`settle`](Self::settle): it seems to have more tasks
    /// than any, so that tasks can be made members without a count each.
    pub(crate) fn unsettled() -> Self {
        let group = Self::new();
        group.inner().word.store(REF + MOST * (REF + LEFT), Relaxed);
        group
    }

    /// The unsettled group got `count` members.
    pub(crate) fn settle(&self, count: usize) {
        let surplus = MOST - count_of(count);
        let word = &self.inner().word;
        // As a task's end: what the others left is acquired for whoever frees the group.
        word.fetch_sub(surplus * (REF + LEFT), edge!(G1, AcqRel));
    }

    /// One more member. The group must not have ended.
    pub(super) fn join(&self) -> Member {
        // A new reference is made from an existing one: Relaxed, as in Arc.
        let before = self.inner().word.fetch_add(REF + LEFT, Relaxed);
        assert!(left(before) < MOST, "a group of more than {MOST} tasks");
        Member(Self(self.0))
    }

    /// A member of an unsettled group, which has counted it already.
    pub(super) fn member(&self) -> Member {
        Member(Self(self.0))
    }

    fn inner(&self) -> &Inner {
        // SAFETY: this reference is counted.
        unsafe { self.0.as_ref() }
    }

    /// Leaves the awaiter's waker, then reads the word.
    pub fn register(&self, waker: &Waker) -> Progress {
        let known = |old: &Waker| old.will_wake(waker);
        if !self.inner().awaiter.lock().as_ref().is_some_and(known) {
            // To clone and to drop a waker is user code, so not under the lock.
            let new = waker.clone();
            let old = self.inner().awaiter.lock().replace(new);
            drop(old);
        }
        self.progress()
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        // Pairs with `Member::ended`: what the tasks left is seen.
        let word = self.inner().word.load(edge!(G1, Acquire));
        Progress {
            left: usize::try_from(left(word)).unwrap_or(usize::MAX),
            failed: word & FAILED != 0,
        }
    }

    /// A task that had ended before it could join has failed.
    pub fn failed_before(&self) {
        self.inner().word.fetch_or(FAILED, Relaxed);
    }
}

fn left(word: u64) -> u64 {
    (word % REF) / LEFT
}

fn count_of(count: usize) -> u64 {
    u64::try_from(count)
        .ok()
        .filter(|count| *count <= MOST)
        .unwrap_or_else(|| panic!("a group of more than {MOST} tasks"))
}

impl Member {
    /// The address, as a joiner keeps it.
    pub(super) fn into_raw(self) -> NonNull<()> {
        ManuallyDrop::new(self).0.0.cast()
    }

    /// Takes back what [`into_raw`](Self::into_raw) gave.
    ///
    /// # Safety
    /// Once for each.
    pub(super) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(Group(raw.cast()))
    }

    /// The task is none any more, or did not become one after all.
    pub(super) fn withdraw(self) {
        self.0.inner().word.fetch_sub(LEFT, Relaxed);
    }

    /// The task has ended.
    pub(super) fn ended(self, end: End) {
        let failed = if end == End::Value { 0 } else { FAILED };
        let word = &self.0.inner().word;
        let mut seen = word.load(Relaxed);
        loop {
            let wakes = failed != 0 || left(seen) == 1;
            let reference = if wakes { 0 } else { REF };
            let next = (seen - LEFT - reference) | failed;
            match word.compare_exchange_weak(seen, next, edge!(G1, AcqRel), Relaxed) {
                Ok(_) if wakes => break,
                Ok(_) => {
                    // The reference went with the count (invariant 2).
                    std::mem::forget(self);
                    return;
                }
                Err(now) => seen = now,
            }
        }
        let awaiter = self.0.inner().awaiter.lock().take();
        if let Some(awaiter) = awaiter {
            super::cancel::wake_all([awaiter]);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let before = self.inner().word.fetch_sub(REF, edge!(G1, AcqRel));
        if before / REF == 1 {
            // SAFETY: it was the last reference; `new` leaked a box.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Group").field(&self.progress()).finish()
    }
}
