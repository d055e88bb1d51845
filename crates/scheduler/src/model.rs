//! What the models in `loom-tests` need of the inside; there in model builds only.
//!
//! No logic of its own: a model that passes must have run the code that programs run.

use crate::builder::Config;
use crate::clock::Clock;
use crate::driver::Due;
use crate::handle::Handle;
use crate::sched::{Idle, LifoSlot, Parker};
use crate::shared::Shared;
use crate::task::ResultError;
use crate::task::run::{Turn, run};
use crate::{closing, drive};
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;
use weftwork_io_driver::Reactor;
use weftwork_std_or_loom::atomic::AtomicU64;
use weftwork_std_or_loom::{EXHAUSTIVE, Mutex, edge, thread};

/// A busy worker looks around after so many polls, where not every interleaving is tried.
const OFTEN: u32 = 5;

/// A scheduler without threads: the model's threads are the workers.
#[derive(Clone)]
pub struct Scheduler(Arc<Shared>);

impl Scheduler {
    /// A scheduler with so many seats for workers.
    pub fn new(workers: usize) -> Self {
        Self::with(workers, false)
    }

    /// As [`new`](Self::new), with a clock that stands still and moves on when all are at rest.
    pub fn paused(workers: usize) -> Self {
        Self::with(workers, true)
    }

    fn with(workers: usize, start_paused: bool) -> Self {
        let config = Config::new(workers);
        let event_interval = if EXHAUSTIVE {
            config.event_interval
        } else {
            OFTEN
        };
        let config = Config {
            start_paused,
            event_interval,
            ..config
        };
        Self(Shared::new(config).expect("a model needs nothing of the system"))
    }

    /// Spawns, calls, looks.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.0))
    }

    /// Polls the tasks that were submitted from outside, on this thread, which is no worker,
    /// until none is left; says how many polls there were.
    pub fn poll_all(&self) -> usize {
        let mut polls = 0;
        while let Some(task) = self.0.injector.steal() {
            polls += 1;
            if let Turn::Again(task) = run(task, &self.0, None) {
                self.0.inject(task);
            }
        }
        polls
    }

    /// This thread is a worker until `stop` says so. Whoever changes what it says calls
    /// [`call_all`](Self::call_all).
    pub fn work_until(&self, stop: impl Fn() -> bool) {
        self.0.with_seat(|worker| worker.work(&stop));
    }

    /// Wakes the workers that sleep.
    pub fn call_all(&self) {
        self.0.call_all_workers();
    }

    /// Sets a timer that is due at once and calls this where it goes off.
    pub fn set_timer(&self, then: impl FnOnce() + Send + Sync + 'static) {
        let due = Due::Wake(Waker::from(Arc::new(Ring(Mutex::new(Some(Box::new(
            then,
        )))))));
        let set = self.0.driver.insert(0, due);
        assert!(set.is_ok(), "the runtime is open");
    }

    /// A scheduler whose workers a monitor looks after, which is a thread of the model.
    pub fn with_monitor(workers: usize) -> Self {
        let mut config = Config::new(workers);
        config.slow_poll = Some(Duration::MAX);
        Self(Shared::new(config).expect("a model needs nothing of the system"))
    }

    /// This thread is the monitor, and rests until it finds a worker awake.
    pub fn rest_until_somebody_is_awake(&self) {
        let monitor = self.0.monitor.as_ref().expect("it was made with one");
        monitor.adopt();
        while monitor.rest(0, None) {}
    }

    /// This thread runs a main future to its end, as `block_on`.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, ResultError> {
        let visit = self.0.life.enter().expect("it is open");
        let driven = drive::drive(&self.0, visit, future, Location::caller());
        self.0.life.leave();
        driven.expect("nobody stops it")
    }

    /// This thread is the worker that closes it, as `close`.
    pub fn close(&self) {
        self.0.life.begin_closing().expect("nobody runs it");
        let never = closing::Deadline::after(Duration::MAX);
        self.0
            .with_seat(|worker| closing::end_tasks_here(worker, &never));
    }

    /// The last step of the end, when the other workers have gone, as `close`.
    pub fn end(&self) {
        closing::end(&self.0);
    }
}

/// A waker that calls something, once.
struct Ring(Mutex<Option<Box<dyn FnOnce() + Send + Sync>>>);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let then = self.0.lock().take();
        if let Some(then) = then {
            then();
        }
    }
}

/// One LIFO slot.
#[derive(Clone)]
pub struct Slot(Arc<LifoSlot>);

impl Slot {
    /// An empty slot.
    pub fn new() -> Self {
        Self(Arc::new(LifoSlot::new()))
    }

    /// As the slot's worker: puts in the tasks that were submitted to the scheduler, one after
    /// another, and polls those which the slot drives out.
    pub fn put_all(&self, from: &Scheduler) {
        while let Some(task) = from.0.injector.steal() {
            if let Some(before) = self.0.put(task) {
                run(before, &from.0, None);
            }
        }
    }

    /// As anybody: takes the task out and polls it.
    pub fn take_and_poll(&self, on: &Scheduler) -> bool {
        let task = self.0.take();
        task.map(|task| run(task, &on.0, None)).is_some()
    }
}

/// One place to sleep.
pub struct Sleeper {
    parker: Parker,
    reactor: Reactor,
}

impl Sleeper {
    /// A place where this thread or another one will sleep.
    pub fn new() -> Self {
        let reactor = Reactor::new().expect("a model needs nothing of the system");
        let parker = Parker::new();
        Self { parker, reactor }
    }

    /// Sleeps on the thread.
    pub fn park(&self) {
        self.parker.adopt();
        self.parker.park(None);
    }

    /// Sleeps in the driver.
    pub fn park_on_driver(&self) {
        let mut wakers = Vec::new();
        self.parker.park_on_driver(|| {
            self.reactor
                .wait(None, &mut wakers)
                .expect("a model's reactor does not fail");
        });
    }

    /// Wakes it.
    pub fn unpark(&self) {
        self.parker.unpark(&self.reactor);
    }
}

/// Two workers that sleep, and what they announce.
pub struct Sleepers {
    idle: Idle,
    places: [Sleeper; 2],
}

impl Sleepers {
    /// Nobody sleeps.
    pub fn new() -> Self {
        Self {
            idle: Idle::new(2),
            places: [Sleeper::new(), Sleeper::new()],
        }
    }

    /// This worker asks to watch.
    pub fn start_watch(&self) -> bool {
        self.idle.start_watch()
    }

    /// It does not watch any more.
    pub fn stop_watch(&self) {
        self.idle.stop_watch();
    }

    /// This worker takes a nap, in which producers rely on its next look.
    pub fn nap(&self, worker: usize) {
        self.idle.announce(worker, false, true);
        thread::yield_now();
        self.wake(worker, true);
    }

    /// This worker sleeps deeply, unless it sees something to do.
    pub fn sleep_unless(&self, worker: usize, look: impl FnOnce() -> bool) {
        self.idle.announce(worker, false, false);
        if !look() {
            self.places[worker].park();
        }
        self.wake(worker, false);
    }

    fn wake(&self, worker: usize, drowsy: bool) {
        if self.idle.withdraw(worker, drowsy) {
            self.idle.stop_search();
        }
    }

    /// Something was put where only a patient look finds it.
    pub fn notify_look(&self) {
        if let Some(worker) = self.idle.claim_for_look(|| None) {
            self.places[worker].unpark();
        }
    }
}

/// A clock whose real time is a number that grows with each look at it. A look at it comes before the
/// loads behind it, and orders nothing else, as with the system's.
#[derive(Clone)]
pub struct TickingClock(Arc<(Clock, AtomicU64)>);

impl TickingClock {
    /// A clock that goes.
    pub fn new() -> Self {
        let reactor = Reactor::new().expect("a model needs nothing of the system");
        let clock = Clock::new(false, Arc::new(reactor));
        Self(Arc::new((clock, AtomicU64::new(1))))
    }

    fn real(&self) -> u64 {
        self.0.1.fetch_add(1, edge!(C1, Acquire))
    }

    /// Its time.
    pub fn now(&self) -> u64 {
        self.0.0.look(|| self.real(), || self.real())
    }

    /// Pauses it.
    pub fn pause(&self) {
        self.0.0.stop(|| self.real());
    }

    /// True if it is seen to stand still.
    pub fn is_paused(&self) -> bool {
        self.0.0.is_paused()
    }
}
