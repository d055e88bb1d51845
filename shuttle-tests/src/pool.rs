//! A scheduler with workers that work until they are told to end.

use crate::parts::Flag;
use shuttle::thread::{self, JoinHandle};
use std::future::Future;
use weftwork_scheduler::Handle;
use weftwork_scheduler::model::Scheduler;

/// Starts threads, which are told their numbers.
pub fn threads<F>(count: usize, body: F) -> Vec<JoinHandle<()>>
where
    F: Fn(usize) + Clone + Send + 'static,
{
    let start = |n| {
        let body = body.clone();
        thread::spawn(move || body(n))
    };
    (0..count).map(start).collect()
}

/// Workers, each on a thread, and a free seat for the thread of the scenario.
pub struct Pool {
    scheduler: Scheduler,
    leave: Flag,
    workers: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    /// So many workers, and real time (of which none passes).
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self::on(Scheduler::new(workers + 1), workers)
    }

    /// So many workers, and a clock that moves on when all are at rest.
    #[must_use]
    pub fn paused(workers: usize) -> Self {
        Self::on(Scheduler::paused(workers + 1), workers)
    }

    fn on(scheduler: Scheduler, workers: usize) -> Self {
        let leave = Flag::default();
        let (inner, until) = (scheduler.clone(), leave.clone());
        let workers = threads(workers, move |_| inner.work_until(|| until.is_set()));
        Self {
            scheduler,
            leave,
            workers,
        }
    }

    /// Spawns, calls, looks.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.scheduler.handle()
    }

    /// The scheduler itself.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// This thread runs a main future to its end, and is a worker meanwhile.
    ///
    /// # Panics
    /// When the future did not end with a value.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let ended = self.scheduler.block_on(future);
        ended.expect("it ends with a value")
    }

    /// Ends the runtime: all tasks, then its workers, then what came late. What other threads do
    /// meanwhile may be in its last throes still.
    ///
    /// # Panics
    /// When a worker panics.
    pub fn close(self) -> Handle {
        self.scheduler.close();
        self.leave.set();
        self.scheduler.call_all();
        for worker in self.workers {
            worker.join().expect("a worker does not panic");
        }
        self.scheduler.end();
        self.scheduler.handle()
    }
}

/// Waits for the ends of threads.
///
/// # Panics
/// When one has panicked.
pub fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("it does not panic");
    }
}
