//! Who searches and who sleeps.
//!
//! The protocol, as in the sleep module of rayon and in zap (kprotty): a producer pushes,
//! passes a fence and looks for a sleeper; a worker announces its sleep, passes a fence and
//! looks for work. Whichever fence comes first, one of the two sees the other (edge `I1`).
//! While somebody searches, a producer wakes nobody; the last searcher that finds work wakes
//! the next one. So a burst of spawns costs one wake-up, not one each.
//!
//! One sleeper waits on the driver, the others on their threads, and none of these looks after
//! timers and I/O. So the one on the driver is woken last, and whoever leaves the driver for
//! something else sees to it that somebody comes to it (`Shared::see_to_driver`).
//!
//! A worker that has nothing to do is *drowsy* at first: it looks again after a short while,
//! and sleeps deeply only after a few such looks. It is the drowsy one that notices a task
//! left in a LIFO slot by a worker that computes on, and a driver that nobody waits on;
//! producers of such work wake a deep sleeper only if nobody is drowsy or searching.
//!
//! Where little comes at a time, a worker is awake for some microseconds only, and none would be
//! drowsy for long: each event on the driver would wake a deep sleeper, in vain. So one sleeper
//! stays drowsy as long as it sees at each look that polls were made: it *watches*.

use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::atomic::{AtomicBool, AtomicIsize, AtomicU64, AtomicUsize};
use weftwork_std_or_loom::fence_edge;

/// The sleepers and searchers of a scheduler.
pub(crate) struct Idle {
    /// Signed, because a worker that was claimed may stop searching before it was counted:
    /// then nobody has relied on it.
    searching: AtomicIsize,
    /// Sleepers that will look again by themselves soon.
    drowsy: AtomicUsize,
    /// One of them watches.
    watched: AtomicBool,
    /// One bit a worker: it sleeps and may be claimed.
    sleepers: Box<[AtomicU64]>,
}

impl Idle {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            searching: AtomicIsize::new(0),
            drowsy: AtomicUsize::new(0),
            watched: AtomicBool::new(false),
            sleepers: (0..workers.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
        }
    }

    /// Work was pushed where every searcher looks: claims a sleeper unless somebody searches.
    /// The claimed worker is counted as searching; the caller unparks it. `last` (asked
    /// only if somebody sleeps) is taken only if there is no other.
    #[inline]
    pub(crate) fn claim_for_work(&self, last: impl FnOnce() -> Option<usize>) -> Option<usize> {
        // Between the push and the look at the sleepers; pairs with `announce`.
        fence_edge!(I1, SeqCst);
        if self.searching.load(Relaxed) > 0 {
            return None;
        }
        self.claim(self.first_asleep()?, last)
    }

    /// Work was put where only a patient look finds it: claims a sleeper unless somebody
    /// will look soon.
    #[inline]
    pub(crate) fn claim_for_look(&self, last: impl FnOnce() -> Option<usize>) -> Option<usize> {
        // As above; pairs with `announce`.
        fence_edge!(I1, SeqCst);
        if self.searching.load(Relaxed) > 0 || self.drowsy.load(Relaxed) > 0 {
            return None;
        }
        self.claim(self.first_asleep()?, last)
    }

    /// The first word in which somebody sleeps, and what it says.
    #[inline]
    fn first_asleep(&self) -> Option<(usize, u64)> {
        let words = self.sleepers.iter().map(|word| word.load(Relaxed));
        words.enumerate().find(|(_, seen)| *seen != 0)
    }

    #[cold]
    fn claim(
        &self,
        (first, mut seen): (usize, u64),
        last: impl FnOnce() -> Option<usize>,
    ) -> Option<usize> {
        let last = last();
        for n in first..self.sleepers.len() {
            if n > first {
                seen = self.sleepers[n].load(Relaxed);
            }
            loop {
                let others = match last {
                    Some(worker) if worker / 64 == n => seen & !bit(worker),
                    _ => seen,
                };
                if others == 0 {
                    break;
                }
                let worker = 64 * n + others.trailing_zeros() as usize;
                match self.try_claim(worker) {
                    Ok(()) => return Some(worker),
                    Err(now) => seen = now,
                }
            }
        }
        last.filter(|worker| self.claim_worker(*worker))
    }

    /// Claims this worker if it sleeps.
    pub(crate) fn claim_worker(&self, worker: usize) -> bool {
        let asleep = self.sleepers[worker / 64].load(Relaxed) & bit(worker) != 0;
        asleep && self.try_claim(worker).is_ok()
    }

    /// Claims this worker; if it does not sleep, gives those of its word that do.
    fn try_claim(&self, worker: usize) -> Result<(), u64> {
        let seen = self.sleepers[worker / 64].fetch_and(!bit(worker), Relaxed);
        if seen & bit(worker) == 0 {
            return Err(seen);
        }
        // Not before: a failed claim would seem to be a searcher, on whom a producer relies.
        self.searching.fetch_add(1, Relaxed);
        Ok(())
    }

    /// A worker asks to be the one that watches.
    pub(crate) fn start_watch(&self) -> bool {
        !self.watched.load(Relaxed) && !self.watched.swap(true, Relaxed)
    }

    pub(crate) fn stop_watch(&self) {
        self.watched.store(false, Relaxed);
    }

    /// How many workers sleep.
    pub(crate) fn sleeping(&self) -> usize {
        self.sleepers
            .iter()
            .map(|word| word.load(Relaxed).count_ones() as usize)
            .sum()
    }

    /// A worker without work asks to search; at most half of the workers do at a time.
    pub(crate) fn start_search(&self, workers: usize) -> bool {
        if 2 * self.searching.load(Relaxed) >= workers.cast_signed() {
            return false;
        }
        self.searching.fetch_add(1, Relaxed);
        true
    }

    /// A searcher ends its search; true if it was the last one. It must then look for work once
    /// more: while it searched, producers woke nobody.
    pub(crate) fn stop_search(&self) -> bool {
        // Less than one: some claimed worker that stopped has not been counted yet, and this one
        // may be the last.
        let last = self.searching.fetch_sub(1, Relaxed) <= 1;
        if last {
            // Between the end of the search and the look at the work; pairs with
            // `claim_for_work`.
            fence_edge!(I1, SeqCst);
        }
        last
    }

    /// A worker is about to sleep. Afterwards it must look at all work once more.
    pub(crate) fn announce(&self, worker: usize, searching: bool, drowsy: bool) {
        if searching {
            self.searching.fetch_sub(1, Relaxed);
        }
        if drowsy {
            self.drowsy.fetch_add(1, Relaxed);
        }
        self.sleepers[worker / 64].fetch_or(bit(worker), Relaxed);
        // Between the announcement and the look at the work; pairs with `claim_for_work`.
        fence_edge!(I1, SeqCst);
    }

    /// A worker does not sleep any more. True: somebody had claimed it, and it is counted as
    /// searching.
    pub(crate) fn withdraw(&self, worker: usize, drowsy: bool) -> bool {
        if drowsy {
            self.drowsy.fetch_sub(1, Relaxed);
        }
        self.sleepers[worker / 64].fetch_and(!bit(worker), Relaxed) & bit(worker) == 0
    }
}

fn bit(worker: usize) -> u64 {
    1 << (worker % 64)
}
