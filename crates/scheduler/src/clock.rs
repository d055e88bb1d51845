//! The runtime's clock: the real time, or a virtual one that moves only when it is told to and
//! when everything is at rest.
//!
//! At rest is a runtime in which every thread sleeps and none was called, no task is queued, no
//! main future was woken and no blocking job waits or runs. Whoever falls asleep while the clock
//! stands still is counted under a lock, and tells the one on the driver; that one looks, under
//! the same lock, whether all are counted. So whatever a sleeper did before is seen by the look,
//! and a look that came too early is followed by another one. Whoever comes to run the runtime does so
//! under that lock too: not between a look and the step of the clock that follows from it. Threads that are no part of the
//! runtime are not waited for: what they do comes at whatever time the clock then has.

use crate::context;
use crate::shared::Shared;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork_io_driver::Reactor;
use weftwork_std_or_loom::atomic::AtomicU64;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::{Lock, Mutex, MutexGuard, fence_edge};

/// The word of a clock that nobody ever paused.
const REAL: u64 = 0;
/// In the word: the clock stands still, and the other bits are the time. Without it they are
/// what is added to the real time, with a sign.
const PAUSED: u64 = 1;
/// The word of a clock that is being paused for the first time, by whoever has the lock. (It would
/// take 146 years off the real time.)
const STOPPING: u64 = 1 << 63;
/// Further than this (about 146 years) a virtual clock does not go: what is due later never comes.
const END: u64 = 1 << 62;

/// A clock.
pub(crate) struct Clock {
    origin: Instant,
    /// One word, so that a look at a real clock is one load.
    word: AtomicU64,
    /// Changes of the word are made under it, and looks at a virtual time. Nothing else is locked
    /// while it is.
    changes: Lock<()>,
    /// How many threads sleep that fell asleep while the clock stood still.
    resting: Mutex<usize>,
    reactor: Arc<Reactor>,
}

/// A thread is counted as asleep while this lives.
pub(crate) struct Resting<'a>(&'a Clock);

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        *self.0.resting.lock() -= 1;
    }
}

impl Clock {
    /// A clock, and whom to call when somebody falls asleep while it stands still.
    pub(crate) fn new(paused: bool, reactor: Arc<Reactor>) -> Self {
        Self {
            origin: Instant::now(),
            word: AtomicU64::new(if paused { PAUSED } else { REAL }),
            changes: Lock::new(()),
            resting: Mutex::new(0),
            reactor,
        }
    }

    #[inline]
    pub(crate) fn is_paused(&self) -> bool {
        self.word.load(Relaxed) & PAUSED != 0
    }

    #[inline]
    fn is_real(&self) -> bool {
        self.word.load(Relaxed) == REAL
    }

    /// Nanoseconds of real time since the clock was made.
    #[inline]
    pub(crate) fn real(&self) -> u64 {
        if cfg!(weftwork_loom) {
            // There is no time in a model, and what is done twice is the same both times.
            return 0;
        }
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The time of this clock, for somebody who has just looked at the real time. In this order: see
    /// [`pause`](Self::pause).
    #[inline]
    pub(crate) fn at(&self, real: u64) -> u64 {
        self.look(|| real, || self.real())
    }

    /// The time of this clock, where `seen` gives the real time of a moment ago, and `real` that of now.
    #[inline]
    pub(crate) fn look(&self, seen: impl FnOnce() -> u64, real: impl FnOnce() -> u64) -> u64 {
        let seen = seen();
        if self.is_real() {
            seen
        } else {
            self.virtual_time(real)
        }
    }

    /// Under the lock, for the real time and the word belong together: a look at one before a change
    /// and at the other after it would give a time that the clock never had, and later looks would
    /// go back.
    #[cold]
    fn virtual_time(&self, real: impl FnOnce() -> u64) -> u64 {
        let _lock = self.changes.lock();
        self.locked_now(real)
    }

    /// As [`now`](Self::now), for whoever has the lock.
    fn locked_now(&self, real: impl FnOnce() -> u64) -> u64 {
        let word = self.word.load(Relaxed);
        if word & PAUSED != 0 {
            word >> 1
        } else {
            real().saturating_add_signed(word.cast_signed() >> 1)
        }
    }

    /// Nanoseconds since the clock was made.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.at(self.real())
    }

    /// The time as an instant.
    #[inline]
    pub(crate) fn instant(&self) -> Instant {
        let now = Instant::now();
        if self.is_real() {
            return now;
        }
        self.instant_of(self.virtual_time(|| self.real()))
    }

    fn instant_of(&self, nanos: u64) -> Instant {
        // Within `END`, which every system's instants can say.
        let instant = self.origin.checked_add(Duration::from_nanos(nanos));
        instant.unwrap_or(self.origin)
    }

    /// An instant as nanoseconds since the clock was made, rounded up by nothing: the clock is
    /// exact.
    pub(crate) fn nanos(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The clock stands still from here on. False: it did already.
    pub(crate) fn pause(&self) -> bool {
        self.stop(|| self.real())
    }

    /// A real clock is looked at without the lock: first at the real time, then at the word. So the
    /// word changes before the time is taken at which it stops: whoever still finds it real has an
    /// earlier one.
    pub(crate) fn stop(&self, real: impl FnOnce() -> u64) -> bool {
        let _lock = self.changes.lock();
        if self.is_paused() {
            return false;
        }
        let now = if self.is_real() {
            self.word.store(STOPPING, Relaxed);
            // The word is there for all before the time is taken. The other side is the system's: who
            // has read its clock loads afterwards, for a reading ends with a load that may repeat it.
            fence_edge!(C1, SeqCst);
            real()
        } else {
            self.locked_now(real)
        };
        self.set(now);
        true
    }

    /// The clock goes on from where it stands, as fast as the real time.
    pub(crate) fn resume(&self) {
        let _lock = self.changes.lock();
        if self.is_paused() {
            let real = self.real();
            let ahead = self.locked_now(|| real).cast_signed() - real.cast_signed();
            // Ahead by nothing would be the word of a real clock, at which others look without the lock.
            let ahead = if ahead == 0 { 1 } else { ahead };
            self.word.store((ahead << 1).cast_unsigned(), Relaxed);
        }
        self.reactor.notify();
    }

    /// Moves a clock that stands still; false: it does not.
    pub(crate) fn advance(&self, by: Duration) -> bool {
        let _lock = self.changes.lock();
        if !self.is_paused() {
            return false;
        }
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.set(self.locked_now(|| self.real()).saturating_add(by));
        true
    }

    fn set(&self, now: u64) {
        self.word.store(now.min(END) << 1 | PAUSED, Relaxed);
    }

    /// This thread falls asleep; none if the clock does not stand still.
    #[inline]
    pub(crate) fn rest(&self) -> Option<Resting<'_>> {
        if !self.is_paused() {
            return None;
        }
        *self.resting.lock() += 1;
        Some(Resting(self))
    }

    /// This thread comes to run the runtime: while it has this, nobody finds that all are at rest.
    pub(crate) fn arrival(&self) -> MutexGuard<'_, usize> {
        self.resting.lock()
    }

    /// Somebody fell asleep, left or ended a job: whoever is on the driver looks once more
    /// whether all are at rest.
    pub(crate) fn tell(&self) {
        if self.is_paused() {
            self.reactor.notify();
        }
    }

    /// Moves the clock on to the next deadline if the whole runtime is at rest. Whoever asks is
    /// counted as asleep.
    pub(crate) fn jump(&self, shared: &Shared, next: impl FnOnce() -> Option<u64>) {
        let resting = self.resting.lock();
        // First the jobs: one that ends at this moment has queued by then what it wakes.
        if !self.is_paused() || shared.blocking.is_busy() || !shared.is_at_rest(*resting) {
            return;
        }
        let Some(next) = next().filter(|next| *next < END) else {
            return;
        };
        let _lock = self.changes.lock();
        // Somebody outside may have resumed it meanwhile.
        if self.is_paused() {
            self.set(next.max(self.locked_now(|| self.real())));
        }
    }
}

/// True if this thread is a worker whose runtime goes by the real time.
pub(crate) fn is_real() -> bool {
    context::with_worker(|worker| {
        worker.is_some_and(|worker| worker.shared().driver.clock().is_real())
    })
}

/// The time of this thread's runtime; the real time outside of one.
#[must_use]
pub fn now() -> Instant {
    let here = context::with_worker(|worker| Some(worker?.shared().driver.clock().instant()));
    here.or_else(|| Some(context::current()?.time()))
        .unwrap_or_else(Instant::now)
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;

    fn clock(paused: bool) -> Clock {
        Clock::new(paused, Arc::new(Reactor::new().unwrap()))
    }

    #[test]
    fn it_stands_still_until_it_is_moved_and_never_goes_back() {
        let clock = clock(true);
        let start = clock.instant();
        assert_eq!(clock.now(), 0);
        assert!(clock.advance(Duration::from_nanos(7)) && !clock.pause());
        assert_eq!(clock.now(), 7);
        assert_eq!(clock.instant() - start, Duration::from_nanos(7));
        clock.resume();
        assert!(!clock.advance(Duration::from_nanos(7)));
        let resumed = clock.now();
        assert!(resumed >= 7, "{resumed}");
        assert!(clock.pause());
        assert!(clock.now() >= resumed);
    }

    #[test]
    fn real_time_that_passes_while_it_stands_still_is_left_out() {
        let clock = clock(true);
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(clock.now(), 0);
        let before = clock.real();
        clock.resume();
        let gone = clock.now();
        assert!(gone <= clock.real() - before, "{gone}");
    }

    /// One thread pauses and resumes it, the other one looks.
    #[test]
    fn it_never_goes_back_for_another_thread() {
        let clock = clock(true);
        clock.resume();
        std::thread::scope(|scope| {
            let changes = scope.spawn(|| {
                for _ in 0..20_000 {
                    clock.pause();
                    clock.advance(Duration::from_nanos(1));
                    clock.resume();
                }
            });
            let mut last = 0;
            while !changes.is_finished() {
                last = never_back(last, clock.now());
            }
        });
    }

    /// As above, where nobody has paused it before.
    #[test]
    fn it_does_not_go_back_for_another_thread_when_it_is_first_paused() {
        let reactor = Arc::new(Reactor::new().unwrap());
        let clocks: Vec<_> = (0..1000)
            .map(|_| Clock::new(false, Arc::clone(&reactor)))
            .collect();
        let looked_at = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let looks = scope.spawn(|| {
                for (n, clock) in (1..).zip(&clocks) {
                    let (mut last, mut instant) = (0, clock.origin);
                    while last == 0 || !clock.is_paused() {
                        last = never_back(last, clock.now());
                        instant = never_back(instant, clock.instant());
                        looked_at.store(n, Relaxed);
                    }
                    never_back(last, clock.now());
                    never_back(instant, clock.instant());
                }
            });
            for (n, clock) in (1..).zip(&clocks) {
                while looked_at.load(Relaxed) < n && !looks.is_finished() {
                    std::thread::yield_now();
                }
                assert!(clock.pause());
            }
        });
    }

    fn never_back<T: PartialOrd + std::fmt::Debug + Copy>(last: T, now: T) -> T {
        assert!(now >= last, "{now:?} after {last:?}");
        now
    }

    #[test]
    fn it_does_not_wrap_at_the_end() {
        let clock = clock(true);
        assert!(clock.advance(Duration::MAX) && clock.advance(Duration::MAX));
        assert_eq!(clock.now(), END);
        clock.resume();
        assert!(clock.now() >= END);
    }
}
