//! The callback lane: callbacks of one runtime run one after another, first in first out.
//!
//! On several workers the lane is a task of its own that nobody sees: a job wakes it, one of
//! its polls runs one round of jobs. On a single-threaded runtime (`run_local`) each job
//! is queued among the tasks instead, so that callbacks and tasks keep asyncio's order.

use crate::shared::Shared;
use crate::task::run::swallow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use weftwork_std_or_loom::Lock;
use weftwork_std_or_loom::atomic::AtomicU64;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_task_context::{ThreadKind, outside, set_thread_kind};

/// One callback.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// What panicked, in words.
pub(crate) const DROPPED: &str = "the drop of a callback that never ran";

/// So many callbacks in one poll of the lane; then the tasks of its worker have a turn.
const BUDGET: usize = 128;

/// The lane.
pub(crate) struct Lane {
    state: Lock<State>,
    /// How many callbacks have run.
    ran: AtomicU64,
}

struct State {
    jobs: VecDeque<Job>,
    /// The lane's task, while it waits for jobs.
    waker: Option<Waker>,
    started: bool,
    closed: bool,
    /// How many callbacks were scheduled.
    scheduled: u64,
}

impl Lane {
    pub(crate) fn new() -> Self {
        let state = State {
            jobs: VecDeque::new(),
            waker: None,
            started: false,
            closed: false,
            scheduled: 0,
        };
        Self {
            state: Lock::new(state),
            ran: AtomicU64::new(0),
        }
    }

    /// Schedules a callback. After the end of the runtime it is dropped.
    pub(crate) fn call(&self, shared: &Shared, job: Job) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            swallow(DROPPED, || drop(job));
            return;
        }
        state.scheduled += 1;
        if shared.config.fifo {
            drop(state);
            shared.spawn_hidden(single(shared.weak(), job));
            return;
        }
        state.jobs.push_back(job);
        let start = !mem::replace(&mut state.started, true);
        let waker = state.waker.take();
        drop(state);
        if start {
            shared.spawn_hidden(lane(shared.weak()));
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// How many callbacks were scheduled up to now.
    pub(crate) fn scheduled(&self) -> u64 {
        self.state.lock().scheduled
    }

    /// True once the first `count` callbacks have run.
    pub(crate) fn has_run(&self, count: u64) -> bool {
        self.ran.load(Relaxed) >= count
    }

    /// Drops all jobs that have not run, and takes no more. The lane's task is woken to end.
    pub(crate) fn close(&self) {
        let (jobs, waker) = {
            let mut state = self.state.lock();
            state.closed = true;
            (mem::take(&mut state.jobs), state.waker.take())
        };
        drop_unrun(jobs);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn run(&self, job: Job) {
        run_job(job);
        self.ran.fetch_add(1, Relaxed);
    }
}

/// A job among the tasks of a single-threaded runtime.
async fn single(shared: Weak<Shared>, job: Job) {
    if let Some(shared) = shared.upgrade() {
        shared.lane.run(job);
    }
}

/// What the lane's task has taken over. It may be dropped with jobs in it, at the end of the runtime:
/// the panic of one must not meet that of another.
#[derive(Default)]
struct Round(VecDeque<Job>);

impl Drop for Round {
    fn drop(&mut self) {
        drop_unrun(mem::take(&mut self.0));
    }
}

fn drop_unrun(jobs: VecDeque<Job>) {
    for job in jobs {
        swallow(DROPPED, || drop(job));
    }
}

/// The lane's task.
async fn lane(shared: Weak<Shared>) {
    let mut round = Round::default();
    poll_fn(move |cx| {
        let round = &mut round.0;
        let Some(shared) = shared.upgrade() else {
            return Poll::Ready(());
        };
        if round.is_empty() {
            let mut state = shared.lane.state.lock();
            if state.closed {
                return Poll::Ready(());
            }
            mem::swap(round, &mut state.jobs);
            if round.is_empty() {
                state.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        for _ in 0..BUDGET.min(round.len()) {
            if let Some(job) = round.pop_front() {
                shared.lane.run(job);
            }
        }
        shared.lane_ran();
        // A callback that was scheduled meanwhile belongs to the next round.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs one callback as a callback sees the world: no current task, no blocking.
fn run_job(job: Job) {
    let kind = set_thread_kind(ThreadKind::Lane);
    outside(|| swallow("a callback", job));
    set_thread_kind(kind);
}

/// A scheduled callback.
#[doc(alias = "TimerHandle")]
#[derive(Clone)]
pub struct CallHandle(Arc<Call>);

struct Call {
    job: Lock<Slot>,
    /// When it is due, for `call_later` and `call_at`.
    when: Option<std::time::Instant>,
}

enum Slot {
    Waiting(Job),
    Run,
    Cancelled,
}

impl CallHandle {
    pub(crate) fn new(job: Job, when: Option<std::time::Instant>) -> Self {
        Self(Arc::new(Call {
            job: Lock::new(Slot::Waiting(job)),
            when,
        }))
    }

    /// What the lane runs for this handle.
    pub(crate) fn job(&self) -> Job {
        let call = Arc::clone(&self.0);
        Box::new(move || {
            let slot = {
                let mut slot = call.job.lock();
                match *slot {
                    Slot::Cancelled => return,
                    _ => mem::replace(&mut *slot, Slot::Run),
                }
            };
            if let Slot::Waiting(job) = slot {
                job();
            }
        })
    }

    /// Keeps the callback from running, unless it is running or has run.
    pub fn cancel(&self) {
        let job = {
            let mut slot = self.0.job.lock();
            match *slot {
                Slot::Run => return,
                _ => mem::replace(&mut *slot, Slot::Cancelled),
            }
        };
        drop(job);
    }

    /// True if it was cancelled before it ran.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        matches!(*self.0.job.lock(), Slot::Cancelled)
    }

    /// When it is due; none for `call_soon`.
    #[must_use]
    pub fn when(&self) -> Option<std::time::Instant> {
        self.0.when
    }
}

impl std::fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match *self.0.job.lock() {
            Slot::Waiting(_) => "waiting",
            Slot::Run => "run",
            Slot::Cancelled => "cancelled",
        };
        f.debug_struct("CallHandle")
            .field("state", &state)
            .field("when", &self.0.when)
            .finish()
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;
    use crate::builder::Config;
    use crate::task::run::{Turn, abandon, run};
    use weftwork_std_or_loom::atomic::AtomicUsize;
    use weftwork_task_context::{CancelSource, Cancelled};

    struct PanicsAtItsDrop(Arc<AtomicUsize>);

    impl Drop for PanicsAtItsDrop {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
            panic!("a drop");
        }
    }

    /// Two panics at a time would end the process.
    #[test]
    fn a_round_that_is_left_in_the_middle_drops_one_callback_after_another() {
        let shared = Shared::new(Config::new(1)).unwrap();
        let drops = Arc::new(AtomicUsize::new(0));
        for _ in 0..BUDGET {
            shared.lane.call(&shared, Box::new(|| ()));
        }
        for _ in 0..3 {
            let kept = PanicsAtItsDrop(Arc::clone(&drops));
            shared.lane.call(&shared, Box::new(move || drop(kept)));
        }
        let lane = shared.injector.steal().expect("it was submitted");
        let Turn::Again(lane) = run(lane, &shared, None) else {
            panic!("there are more callbacks than for one poll");
        };
        assert_eq!(drops.load(Relaxed), 0);
        let cause = Cancelled::new(None, CancelSource::Shutdown);
        abandon(lane, cause, &shared, None);
        assert_eq!(drops.load(Relaxed), 3);
    }
}
