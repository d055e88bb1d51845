//! A count of tasks that one awaiter waits for: it is woken once, by the last of them, or by
//! one that failed.
//!
//! Each task carries the group in the slot of its joiner, so a group costs one allocation and
//! each of its tasks one subtraction, and an awaiter of n tasks is not woken n times.

use super::state::End;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use weftwork_std_or_loom::atomic::AtomicUsize;
use weftwork_std_or_loom::{Mutex, edge};

/// The lowest bit of the word: some task failed. The rest counts the tasks that are left.
const FAILED: usize = 1;
const ONE: usize = 2;

/// Tasks that one awaiter waits for.
pub struct Group {
    word: AtomicUsize,
    awaiter: Mutex<Option<Waker>>,
}

/// One reading of a group's word. A poll acts on one reading: two could differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Tasks that have not ended.
    pub left: usize,
    /// Some task was cancelled or panicked.
    pub failed: bool,
}

impl Group {
    /// A group that will get `count` tasks by [`Task::join_group`](super::Task::join_group),
    /// each of which counts down.
    #[must_use]
    pub fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            word: AtomicUsize::new(count * ONE),
            awaiter: Mutex::new(None),
        })
    }

    /// Leaves the awaiter's waker, then reads the word.
    pub fn register(&self, waker: &Waker) -> Progress {
        let old = {
            let mut awaiter = self.awaiter.lock();
            match &*awaiter {
                Some(old) if old.will_wake(waker) => None,
                _ => awaiter.replace(waker.clone()),
            }
        };
        drop(old);
        self.progress()
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        // Pairs with `ended`: what the tasks left is seen.
        let word = self.word.load(edge!(G1, Acquire));
        Progress {
            left: word / ONE,
            failed: word & FAILED != 0,
        }
    }

    /// A task of the group has ended.
    pub(super) fn ended(&self, end: End) {
        let failed = end != End::Value;
        if failed {
            self.word.fetch_or(FAILED, edge!(G1, Release));
        }
        let before = self.word.fetch_sub(ONE, edge!(G1, AcqRel));
        if failed || before / ONE == 1 {
            let awaiter = self.awaiter.lock().take();
            if let Some(awaiter) = awaiter {
                super::cancel::wake_all([awaiter]);
            }
        }
    }

    /// A task that had ended before it could join.
    pub fn ended_before(&self, failed: bool) {
        self.ended(if failed { End::Cancelled } else { End::Value });
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Group").field(&self.progress()).finish()
    }
}
