//! The driver: reactor, timer wheel and clock. One worker at a time waits on it.

use crate::callbacks::DROPPED;
use crate::clock::Clock;
use crate::sched::Parker;
use crate::shared::Shared;
use crate::task::run::swallow;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;
use std::{io, mem};
use weftwork_io_driver::Reactor;
use weftwork_std_or_loom::Lock;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::atomic::{AtomicU64, AtomicUsize};
use weftwork_timer_wheel::{Key, Wheel};

/// A busy worker asks the reactor for events at most this often.
const POLL_INTERVAL: u64 = 50_000;

/// A wait for timers takes so long at least (nanoseconds): where they are dense it ends for several of
/// them. The system itself takes as long to wake a thread up.
const SLACK: u64 = 25_000;

/// Nobody has the turn.
const NOBODY: usize = usize::MAX;
/// Whoever drives a main future on a thread that is no worker.
pub(crate) const NO_WORKER: usize = usize::MAX - 1;

/// The right to wait on the reactor. It orders nothing: reactor and timers have their own locks.
/// Who gives it back and does not come again at once calls [`Shared::see_to_driver`].
struct Turn<'a>(&'a AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(NOBODY, Relaxed);
    }
}

/// What a sleep came to.
#[derive(Default)]
pub(crate) struct Slept {
    pub(crate) wakers: Vec<Waker>,
    /// It was on the driver, where nobody is now.
    pub(crate) on_driver: bool,
}

/// What to do when a time has come.
pub(crate) enum Due {
    Wake(Waker),
    Call(Box<dyn FnOnce() + Send>),
}

/// Drops what will not be done any more.
pub(crate) fn drop_due(due: Due) {
    let what = match &due {
        Due::Wake(_) => "the drop of a waker",
        Due::Call(_) => DROPPED,
    };
    swallow(what, || drop(due));
}

/// The driver.
pub(crate) struct Driver {
    reactor: Arc<Reactor>,
    /// The worker that waits on the reactor.
    holder: AtomicUsize,
    timers: Lock<Timers>,
    /// The time of the earliest timer, a hint for busy workers; `u64::MAX` for none.
    next: AtomicU64,
    /// When the reactor was asked last, in real time.
    polled: AtomicU64,
    clock: Arc<Clock>,
}

struct Timers {
    wheel: Wheel<Due>,
    /// The reactor is being waited on until this time; 0: it is not. Only who waits changes it:
    /// timers are looked at by others meanwhile.
    waiting_until: u64,
    /// The runtime has ended: no timer goes off any more.
    closed: bool,
}

impl Driver {
    pub(crate) fn new(paused: bool) -> io::Result<Self> {
        let reactor = Arc::new(Reactor::new()?);
        Ok(Self {
            clock: Arc::new(Clock::new(paused, Arc::clone(&reactor))),
            reactor,
            holder: AtomicUsize::new(NOBODY),
            timers: Lock::new(Timers {
                wheel: Wheel::new(),
                waiting_until: 0,
                closed: false,
            }),
            next: AtomicU64::new(u64::MAX),
            polled: AtomicU64::new(0),
        })
    }

    pub(crate) fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    pub(crate) fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// Sets a timer. It goes off at `deadline` or as soon after it as somebody looks.
    ///
    /// # Errors
    /// After the end of the runtime what it would have done comes back.
    pub(crate) fn insert(&self, deadline: u64, due: Due) -> Result<Key, Due> {
        let (key, early) = {
            let mut timers = self.timers.lock();
            if timers.closed {
                return Err(due);
            }
            let key = timers.wheel.insert(deadline, due);
            if deadline < self.next.load(Relaxed) {
                self.next.store(deadline, Relaxed);
            }
            (key, deadline < timers.waiting_until)
        };
        if early {
            self.reactor.notify();
        }
        Ok(key)
    }

    /// Takes a timer back; what it would have done comes back if it had not gone off.
    pub(crate) fn remove(&self, key: Key) -> Option<Due> {
        self.timers.lock().wheel.remove(key)
    }

    /// Changes whom a timer wakes; false if it has gone off.
    pub(crate) fn set_waker(&self, key: Key, waker: &Waker) -> bool {
        match self.timers.lock().wheel.get_mut(key) {
            None => return false,
            Some(Due::Wake(old)) if old.will_wake(waker) => return true,
            Some(_) => {}
        }
        // To clone a waker is user code, so not under the lock.
        let new = Due::Wake(waker.clone());
        let old = match self.timers.lock().wheel.get_mut(key) {
            None => return false,
            Some(due) => mem::replace(due, new),
        };
        drop(old);
        true
    }

    /// How many sources are registered.
    fn has_sources(&self) -> bool {
        !self.reactor.is_empty()
    }

    /// True if somebody has to look: a timer is due, or I/O may come.
    pub(crate) fn wants_somebody(&self) -> bool {
        self.has_sources() || self.next.load(Relaxed) <= self.clock.now()
    }

    /// The worker that waits on the reactor; none if nobody does, or a thread that is no worker.
    pub(crate) fn holder(&self) -> Option<usize> {
        Some(self.holder.load(Relaxed)).filter(|holder| *holder < NO_WORKER)
    }

    /// True if nobody waits on the reactor.
    pub(crate) fn is_unattended(&self) -> bool {
        self.holder.load(Relaxed) == NOBODY
    }

    fn try_take(&self, who: usize) -> Option<Turn<'_>> {
        let taken = self.is_unattended()
            && self
                .holder
                .compare_exchange(NOBODY, who, Relaxed, Relaxed)
                .is_ok();
        taken.then(|| Turn(&self.holder))
    }

    /// A busy worker's look: timers that are due, and now and then the reactor. `real` is the
    /// real time.
    pub(crate) fn poll(&self, shared: &Shared, worker: usize, real: u64) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let since = real - self.polled.load(Relaxed).min(real);
        if self.has_sources()
            && since > POLL_INTERVAL
            && let Some(_turn) = self.try_take(worker)
        {
            self.polled.store(real, Relaxed);
            self.wait(Some(Duration::ZERO), &mut wakers);
        }
        if self.next.load(Relaxed) <= self.clock.at(real) {
            self.fire(shared, &mut wakers);
        }
        wakers
    }

    /// The sleep of a worker (or of [`NO_WORKER`]): on the reactor if nobody else waits on it,
    /// otherwise on its thread.
    pub(crate) fn park(
        &self,
        shared: &Shared,
        who: usize,
        parker: &Parker,
        limit: Option<Duration>,
    ) -> Slept {
        let mut wakers = Vec::new();
        let resting = self.clock.rest();
        let turn = if resting.is_some() || self.is_needed_within(limit) {
            self.try_take(who)
        } else {
            None
        };
        let Some(turn) = turn else {
            self.clock.tell();
            parker.park(limit);
            return Slept::default();
        };
        if resting.is_some() {
            self.jump(shared, &mut wakers);
        }
        let timeout = self.plan(limit);
        if wakers.is_empty() && timeout != Some(Duration::ZERO) {
            parker.park_on_driver(|| self.wait(timeout, &mut wakers));
        }
        self.timers.lock().waiting_until = 0;
        self.fire(shared, &mut wakers);
        // With wakers in hand it is not at rest: before somebody else can have the turn.
        drop(resting);
        drop(turn);
        Slept {
            wakers,
            on_driver: true,
        }
    }

    /// Moves a clock that stands still on to the next timer, unless somebody has something to
    /// do: what I/O has to tell comes first.
    fn jump(&self, shared: &Shared, wakers: &mut Vec<Waker>) {
        if self.has_sources() {
            self.wait(Some(Duration::ZERO), wakers);
        }
        if wakers.is_empty() {
            self.clock
                .jump(shared, || self.timers.lock().wheel.next_deadline());
        }
    }

    /// False if a sleep of this length can do without the reactor, whose wait costs several
    /// system calls.
    fn is_needed_within(&self, limit: Option<Duration>) -> bool {
        limit.is_none_or(|limit| {
            let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            self.has_sources() || self.next.load(Relaxed) <= self.clock.now().saturating_add(nanos)
        })
    }

    /// How long to wait: to the next timer or the limit, but for `SLACK`. From here on an earlier timer ends
    /// the wait; while the clock stands still any timer does that is not due yet.
    fn plan(&self, limit: Option<Duration>) -> Option<Duration> {
        let mut timers = self.timers.lock();
        let now = self.clock.now();
        let next = timers.wheel.next_deadline();
        let Some(next) = next.filter(|next| *next <= now || !self.clock.is_paused()) else {
            timers.waiting_until = u64::MAX;
            return limit;
        };
        timers.waiting_until = next;
        let left = match next.saturating_sub(now) {
            0 => Duration::ZERO,
            left => Duration::from_nanos(left.max(SLACK)),
        };
        Some(limit.map_or(left, |limit| limit.min(left)))
    }

    /// The end of the runtime: drops all timers and takes no more, and fails whatever still
    /// waits for I/O. Gives the wakers of those.
    pub(crate) fn close(&self) -> Vec<Waker> {
        let mut due = Vec::new();
        {
            let mut timers = self.timers.lock();
            timers.closed = true;
            timers.wheel.advance(u64::MAX, &mut due);
        }
        for due in due {
            drop_due(due);
        }
        let mut wakers = Vec::new();
        self.reactor.close(&mut wakers);
        wakers
    }

    fn wait(&self, timeout: Option<Duration>, wakers: &mut Vec<Waker>) {
        if let Err(error) = self.reactor.wait(timeout, wakers) {
            // The poller's descriptor is dead. Nothing that waits for I/O may hang.
            self.reactor.fail_all(&error, wakers);
        }
    }

    /// Moves a clock that stands still and lets all timers go off that are due then; none if it
    /// does not stand still.
    pub(crate) fn advance(&self, shared: &Shared, by: Duration) -> Option<Vec<Waker>> {
        let mut wakers = Vec::new();
        self.clock.advance(by).then(|| {
            self.fire(shared, &mut wakers);
            wakers
        })
    }

    /// Lets all timers go off that are due.
    fn fire(&self, shared: &Shared, wakers: &mut Vec<Waker>) {
        let mut due = Vec::new();
        {
            let mut timers = self.timers.lock();
            let now = self.clock.now();
            timers.wheel.advance(now, &mut due);
            let next = timers.wheel.next_deadline().unwrap_or(u64::MAX);
            self.next.store(next, Relaxed);
        }
        for due in due {
            match due {
                Due::Wake(waker) => wakers.push(waker),
                Due::Call(job) => shared.lane.call(shared, job),
            }
        }
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::Due;
    use crate::builder::Config;
    use crate::sched::Parker;
    use crate::shared::Shared;
    use std::sync::{Arc, mpsc};
    use std::task::Waker;
    use std::time::Duration;
    use weftwork_std_or_loom::atomic::Ordering::Relaxed;

    /// Its hint may be out of date, and then its look comes after the other's plan.
    #[test]
    fn the_look_of_a_busy_worker_does_not_hide_the_one_who_waits() {
        let shared = Shared::new(Config::new(2)).unwrap();
        let (done, is_done) = mpsc::channel();
        let waiting = Arc::clone(&shared);
        let waiter = std::thread::spawn(move || {
            let parker = Parker::new();
            parker.adopt();
            let park = || waiting.driver.park(&waiting, 0, &parker, None);
            while park().wakers.is_empty() {}
            done.send(()).unwrap();
        });
        let driver = &shared.driver;
        while driver.timers.lock().waiting_until == 0 {
            std::thread::yield_now();
        }
        driver.next.store(0, Relaxed);
        assert!(driver.poll(&shared, 1, driver.clock().real()).is_empty());
        let soon = driver.clock().now() + 1_000_000;
        assert!(
            driver
                .insert(soon, Due::Wake(Waker::noop().clone()))
                .is_ok()
        );
        is_done
            .recv_timeout(Duration::from_secs(20))
            .expect("the one who waits hears of the timer");
        waiter.join().unwrap();
    }
}
