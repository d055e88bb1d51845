//! The end of a runtime: every task is cancelled and waited for, then everything else.

use crate::report;
use crate::runtime::serve;
use crate::sched::Worker;
use crate::shared::Shared;
use crate::task::cancel::wake_all;
use crate::task::run::abandon;
use std::cell::Cell;
use std::mem;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use weftwork_task_context::{CancelSource, Cancelled};

/// What runs when the time is over has so much longer before it is given up: it may be about to end.
const GRACE: Duration = Duration::from_millis(100);

/// Whoever works until the last task has ended looks at the clock every so many looks at the tasks.
/// It looks at them every few milliseconds at least.
const LOOKS_PER_CLOCK: u32 = 16;

/// Whoever waits for other threads looks again after this time; after double of it the next time,
/// up to `LONGEST_NAP`.
const FIRST_NAP: Duration = Duration::from_micros(20);
const LONGEST_NAP: Duration = Duration::from_millis(5);

/// Ends a runtime that takes no more tasks. `here`: its tasks may run on this thread only.
pub(crate) fn close(shared: &Arc<Shared>, mut threads: Vec<JoinHandle<()>>, here: bool) {
    let deadline = Deadline::after(shared.config.shutdown_timeout);
    shared.call_all_workers();
    if here || !end_tasks_elsewhere(shared, &mut threads, &deadline) {
        shared.with_seat(|worker| end_tasks_here(worker, &deadline));
    }
    let jobs = shared.blocking.close(deadline.left());
    let tasks = shared.tasks();
    shared.life.retire();
    shared.call_all_workers();
    threads.extend(shared.monitor.iter().flat_map(|it| it.close(shared)));
    let stuck = join_all(threads, &deadline);
    if !(tasks.is_empty() && jobs.is_empty() && stuck.is_empty()) {
        report::held(&tasks, &jobs, &stuck, shared.config.shutdown_timeout);
    }
    drop(tasks);
    end(shared);
    if !shared.registry.is_empty() {
        // A task that has not ended leads to the runtime (invariant 5 of `task`), and whoever holds it
        // up may come back at any time.
        mem::forget(Arc::clone(shared));
    }
}

/// The last step: callbacks and timers are dropped, and nobody looks at the queues any more.
pub(crate) fn end(shared: &Arc<Shared>) {
    shared.with_seat(|_worker| {
        shared.lane.close();
        wake_all(shared.driver.close());
        // The worker ends what is left when it retires.
        shared.life.end();
    });
}

/// Ends what tasks are left after the end of the runtime, without polling them. Each worker that retires
/// then does it: one that was stuck in a task comes back to it late.
#[cold]
pub(crate) fn end_the_rest(worker: &Worker) {
    let shared = worker.shared();
    // Not the cause that they have had: a task is asked by the same one once.
    let cause = Cancelled::new(None, CancelSource::Shutdown);
    for task in shared.tasks() {
        // Whatever it waits for, it is queued from here on.
        task.cancel_for(cause.clone());
    }
    let drain = || {
        while let Some(task) = worker.drain() {
            abandon(task, cause.clone(), shared, Some(worker));
        }
    };
    drain();
    if shared.config.fifo {
        // Another thread may be about to queue a task that it has woken. If the future is not `Send`,
        // nobody else can end it.
        wait_until(&Deadline::after(GRACE), || {
            drain();
            shared.registry.is_empty()
        });
    }
}

/// Cancels all tasks and waits for them and for the callbacks that were scheduled before. The
/// workers' threads run them, so that a task which holds its thread up does not hold up this one. A
/// runtime that lives on its caller's thread gets a thread for it; false if none can be had.
fn end_tasks_elsewhere(
    shared: &Arc<Shared>,
    threads: &mut Vec<JoinHandle<()>>,
    deadline: &Deadline,
) -> bool {
    let end = End::of(shared);
    if end.is_reached() {
        return true;
    }
    if threads.is_empty() {
        let Some(seat) = shared.take_seat() else {
            return false;
        };
        let name = format!("{}-closer", shared.config.thread_name);
        let worker = Arc::clone(shared);
        match thread::Builder::new()
            .name(name)
            .spawn(move || serve(&worker, seat))
        {
            Ok(thread) => threads.push(thread),
            Err(_) => return false,
        }
    }
    shared.cancel_all();
    wait_until(deadline, || end.is_reached());
    true
}

/// Cancels all tasks, and works until they have ended and the callbacks that were scheduled before
/// have run, or the time is over.
pub(crate) fn end_tasks_here(worker: &Worker, deadline: &Deadline) {
    let shared = worker.shared();
    shared.life.set_closer(worker.index());
    let end = End::of(shared);
    shared.cancel_all();
    let (looks, is_over) = (Cell::new(0_u32), Cell::new(false));
    worker.work(&|| {
        looks.set(looks.get().wrapping_add(1));
        if looks.get().is_multiple_of(LOOKS_PER_CLOCK) {
            is_over.set(deadline.is_over());
        }
        end.is_reached() || is_over.get()
    });
}

/// What the end of a runtime waits for: all tasks, and the callbacks that were scheduled before.
struct End<'a> {
    shared: &'a Shared,
    callbacks: u64,
    /// No task has been seen before this place in the registry.
    first: Cell<u32>,
}

impl<'a> End<'a> {
    fn of(shared: &'a Shared) -> Self {
        Self {
            shared,
            callbacks: shared.lane.scheduled(),
            first: Cell::new(0),
        }
    }

    fn is_reached(&self) -> bool {
        let is_empty = || self.shared.registry.is_empty_from(&self.first);
        if !self.shared.lane.has_run(self.callbacks) || !is_empty() {
            return false;
        }
        // A task that has ended since may have filled a place behind, in a spawn that raced with the
        // closing: once more from the start.
        self.first.set(0);
        is_empty()
    }
}

/// Waits for the ends of the workers' threads, which contain every panic of user code; gives the
/// names of those that are stuck. They are left behind.
fn join_all(threads: Vec<JoinHandle<()>>, deadline: &Deadline) -> Vec<String> {
    let deadline = Deadline::after(deadline.left().max(GRACE));
    wait_until(&deadline, || threads.iter().all(JoinHandle::is_finished));
    let (ended, stuck): (Vec<_>, Vec<_>) = threads.into_iter().partition(JoinHandle::is_finished);
    for thread in ended {
        let _ = thread.join();
    }
    let name = |thread: JoinHandle<()>| thread.thread().name().unwrap_or("unnamed").to_owned();
    stuck.into_iter().map(name).collect()
}

/// Blocks this thread until something is so, or the time is over.
fn wait_until(deadline: &Deadline, mut is_so: impl FnMut() -> bool) {
    let mut nap = FIRST_NAP;
    while !is_so() && !deadline.is_over() {
        thread::sleep(nap.min(deadline.left()));
        nap = LONGEST_NAP.min(2 * nap);
    }
}

/// The time that the end of a runtime has.
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now().checked_add(time))
    }

    fn left(&self) -> Duration {
        let left = |at: Instant| at.saturating_duration_since(Instant::now());
        self.0.map_or(Duration::MAX, left)
    }

    fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}
