//! A seat: the place of one worker, with all that others may touch of it.
//!
//! There is one [`Seat`] for each [`Remote`], it cannot be copied, and a worker has it as long as it
//! works: so there are never two workers on one seat. A worker that is stuck keeps its own, and whoever
//! stands in for it takes another one.

use super::{LifoSlot, LocalQueue, Parker, Stealer};
use crate::task::cell::Header;
use crate::task::refs::Runnable;
use crossbeam_utils::CachePadded;
use std::ptr::null_mut;
use std::sync::Arc;
// std: hints for observers, which nothing is published by.
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed};
use weftwork_io_driver::thread::ThreadNumber;

/// Nobody is there.
const EMPTY: u32 = 0;
/// Its worker is about to sleep, or sleeps.
const ASLEEP: u32 = 1;
/// Its worker looks for work, or polls.
const AWAKE: u32 = 2;

/// Its worker is no spare.
const REGULAR: u32 = 0;
/// Its worker is a spare.
const SPARE: u32 = 1;
/// Its worker is a spare that is not needed any more.
const DISMISSED: u32 = 2;

/// What others may touch of a worker.
pub(crate) struct Remote {
    pub(super) stealer: Stealer,
    pub(super) lifo: LifoSlot,
    pub(crate) parker: Parker,
    /// Counts the polls, so that an observer sees whether the worker makes progress.
    ticks: AtomicU32,
    /// Counts the sleeps: whoever has slept between two looks was not in one poll.
    sleeps: AtomicU32,
    /// The task that is being polled, to compare with; null outside of a poll.
    polled: AtomicPtr<Header>,
    presence: AtomicU32,
    /// The number of its thread.
    thread: AtomicU32,
    /// Whether its worker is a spare.
    spare: AtomicU32,
}

/// What a worker is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Empty,
    Asleep,
    Awake,
}

/// How far a worker has come. Two that are equal are from within one poll, if it was awake at both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    ticks: u32,
    sleeps: u32,
}

/// The owner's side of a [`Remote`]; it waits among the free seats while nobody works there.
pub(crate) struct Seat {
    index: usize,
    pub(super) queue: LocalQueue,
    remote: Arc<CachePadded<Remote>>,
}

impl Seat {
    /// The seat with this number.
    pub(crate) fn new(index: usize) -> Self {
        let queue = LocalQueue::new();
        let remote = Remote {
            stealer: queue.stealer(),
            lifo: LifoSlot::new(),
            parker: Parker::new(),
            ticks: AtomicU32::new(0),
            sleeps: AtomicU32::new(0),
            polled: AtomicPtr::new(null_mut()),
            presence: AtomicU32::new(EMPTY),
            thread: AtomicU32::new(0),
            spare: AtomicU32::new(REGULAR),
        };
        Self {
            index,
            queue,
            remote: Arc::new(CachePadded::new(remote)),
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn shared_side(&self) -> Arc<CachePadded<Remote>> {
        Arc::clone(&self.remote)
    }

    #[inline]
    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Takes the next task out of the queue of a seat that nobody works on.
    pub(crate) fn pop(&self) -> Option<Runnable> {
        self.queue.pop()
    }
}

impl Remote {
    /// True if there is no task in queue and slot.
    pub(crate) fn is_empty(&self) -> bool {
        self.stealer.is_empty() && self.lifo.look().is_null()
    }

    /// Takes the task that its worker would poll next, for somebody else: of one that is stuck.
    pub(crate) fn take_over(&self) -> Option<Runnable> {
        self.lifo.take().or_else(|| self.stealer.steal())
    }

    /// A poll of this task begins.
    #[inline]
    pub(super) fn begin_poll(&self, task: &Runnable) {
        count(&self.ticks);
        self.polled.store(task.0.as_ptr(), Relaxed);
    }

    /// The poll has ended.
    #[inline]
    pub(super) fn end_poll(&self) {
        self.polled.store(null_mut(), Relaxed);
    }

    /// Goes on with a poll within which another one has begun and ended.
    pub(super) fn resume_poll(&self, task: *mut Header) {
        self.polled.store(task, Relaxed);
    }

    /// How many polls there were.
    pub(crate) fn ticks(&self) -> u32 {
        self.ticks.load(Relaxed)
    }

    /// How far its worker has come.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            ticks: self.ticks.load(Relaxed),
            sleeps: self.sleeps.load(Relaxed),
        }
    }

    pub(crate) fn polled(&self) -> *mut Header {
        self.polled.load(Relaxed)
    }

    /// True if its worker has come no further, and does not sleep.
    pub(crate) fn is_still_in(&self, poll: Progress) -> bool {
        self.presence() == Presence::Awake && self.progress() == poll
    }

    /// This thread is its worker from here on. `number`: whether others will ask for the thread.
    pub(super) fn adopt(&self, number: bool) {
        self.parker.adopt();
        if number {
            let thread = ThreadNumber::current().as_raw();
            self.thread.store(thread, Relaxed);
        }
        count(&self.sleeps);
        self.presence.store(AWAKE, Relaxed);
    }

    pub(super) fn set_asleep(&self) {
        self.presence.store(ASLEEP, Relaxed);
    }

    pub(super) fn set_awake(&self) {
        count(&self.sleeps);
        self.presence.store(AWAKE, Relaxed);
    }

    pub(super) fn set_empty(&self) {
        self.presence.store(EMPTY, Relaxed);
    }

    pub(crate) fn presence(&self) -> Presence {
        match self.presence.load(Relaxed) {
            EMPTY => Presence::Empty,
            ASLEEP => Presence::Asleep,
            _ => Presence::Awake,
        }
    }

    /// The thread of its worker, or of the last one.
    pub(crate) fn thread(&self) -> ThreadNumber {
        ThreadNumber::from_raw(self.thread.load(Relaxed))
    }

    /// A spare is on its way to it.
    pub(crate) fn expect_spare(&self) {
        self.spare.store(SPARE, Relaxed);
        self.set_asleep();
    }

    /// Its worker, a spare, is to leave.
    pub(crate) fn dismiss(&self) {
        self.spare.store(DISMISSED, Relaxed);
    }

    /// The spare has left, or does not come.
    pub(crate) fn forget_spare(&self) {
        self.set_empty();
        self.spare.store(REGULAR, Relaxed);
    }

    pub(crate) fn has_spare(&self) -> bool {
        self.spare.load(Relaxed) != REGULAR
    }

    pub(crate) fn is_dismissed(&self) -> bool {
        self.spare.load(Relaxed) == DISMISSED
    }
}

/// One more. Its worker alone counts, hence no read-modify-write.
#[inline]
fn count(counter: &AtomicU32) {
    counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;

    /// An observer that saw the worker awake twice knows whether it has slept in between; but a sleep
    /// is no poll, which whoever watches looks for.
    #[test]
    fn a_sleep_is_progress_and_no_poll() {
        let seat = Seat::new(0);
        let remote = seat.remote();
        remote.adopt(false);
        let (before, polls) = (remote.progress(), remote.ticks());
        assert!(remote.is_still_in(before));
        remote.set_asleep();
        assert!(!remote.is_still_in(before));
        remote.set_awake();
        assert!(!remote.is_still_in(before));
        assert_eq!(remote.ticks(), polls);
    }

    /// Who takes the seat next is another one.
    #[test]
    fn two_workers_on_a_seat_one_after_another_are_told_apart() {
        let seat = Seat::new(0);
        let remote = seat.remote();
        remote.adopt(false);
        let first = remote.progress();
        remote.set_empty();
        remote.adopt(false);
        assert!(!remote.is_still_in(first));
    }
}
