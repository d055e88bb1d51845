//! The monitor: notices a worker that is stuck in one poll, and has a spare stand in for it.
//!
//! `docs/blocked-workers.md` says how it knows, what it does and what it costs. It has a thread of its
//! own, which rests while no worker is awake: an idle runtime makes no system calls.

mod awake;
mod reporter;
mod spares;
mod tally;
mod watch;

use crate::builder::Config;
use crate::sched::Parker;
use crate::shared::Shared;
use awake::Awake;
pub(crate) use spares::Spares;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use weftwork_std_or_loom::Mutex;
use weftwork_std_or_loom::atomic::AtomicBool;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;

/// It looks at a worker so many times before the worker counts as stuck.
const LOOKS: u32 = 5;
/// Polls are reported that last an eighth longer than they may, or less.
const SLOW_LOOKS: u32 = 8;
/// It looks at the workers this often at most.
const SHORTEST_NAP: Duration = Duration::from_millis(1);
/// Who wants to wait so long wants nothing to be done.
const NEVER: Duration = Duration::from_secs(3600 * 24 * 365);

/// What the monitor shares with the workers that it looks after.
pub(crate) struct Monitor {
    awake: Awake,
    /// Where its thread sleeps.
    parker: Parker,
    closed: AtomicBool,
    spares: Spares,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The thread that calls the exception handler, or that did so last.
    teller: Mutex<Option<JoinHandle<()>>>,
}

impl Monitor {
    /// None if there is nothing that it would do.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let is_wanted = most_spares(config) > 0 || config.slow_poll.is_some();
        is_wanted.then(|| Self {
            awake: Awake::new(),
            parker: Parker::new(),
            closed: AtomicBool::new(false),
            spares: Spares::new(config),
            thread: Mutex::new(None),
            teller: Mutex::new(None),
        })
    }

    /// Starts its thread. A system that gives none would give none to a spare either: then the runtime
    /// does without.
    pub(crate) fn start(&self, shared: &Arc<Shared>) {
        let name = format!("{}-monitor", shared.config.thread_name);
        let shared = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || watch::run(&shared));
        *self.thread.lock() = thread.ok();
    }

    /// A worker is awake from here on.
    pub(crate) fn woke(&self, shared: &Shared) {
        if self.awake.add() {
            self.parker.unpark(shared.driver.reactor());
        }
    }

    /// A worker is not awake from here on.
    pub(crate) fn falls_asleep(&self) {
        self.awake.remove();
    }

    /// This thread is the one that rests.
    pub(crate) fn adopt(&self) {
        self.parker.adopt();
    }

    /// Rests until somebody wakes up, or for `limit`; false if not so many are awake, or more.
    pub(crate) fn rest(&self, awake: usize, limit: Option<Duration>) -> bool {
        let rests = self.awake.begin_rest(awake);
        if rests {
            self.parker.park(limit);
            self.awake.end_rest();
        }
        rests
    }

    pub(crate) fn spares(&self) -> &Spares {
        &self.spares
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    /// Ends it: no spare comes any more. Gives the threads that are about to end.
    pub(crate) fn close(&self, shared: &Shared) -> Vec<JoinHandle<()>> {
        self.closed.store(true, Relaxed);
        self.parker.unpark(shared.driver.reactor());
        let mut threads = self.spares.close();
        threads.extend(self.thread.lock().take());
        threads.extend(self.teller.lock().take());
        threads
    }
}

/// How many spares may stand in for workers at a time.
pub(crate) fn most_spares(config: &Config) -> usize {
    // Nobody else may run the tasks of a single-threaded runtime.
    if config.fifo || config.blocked_after >= NEVER {
        0
    } else {
        config.max_spares
    }
}

/// How long it sleeps between two looks.
fn nap(config: &Config) -> Duration {
    let blocked = (most_spares(config) > 0).then(|| config.blocked_after / LOOKS);
    let slow = config.slow_poll.map(|slow| slow / SLOW_LOOKS);
    let shortest = blocked.into_iter().chain(slow).min();
    shortest.unwrap_or(NEVER).max(SHORTEST_NAP)
}
