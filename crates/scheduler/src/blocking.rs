//! The pool of threads for code that blocks.
//!
//! Jobs go through a crossbeam channel. The pool grows when a job comes and no thread waits,
//! and a thread that has waited in vain for a while ends. When the system gives no thread,
//! the job waits for one that is there; if there is none, it is refused and comes back.

use crate::builder::Config;
use crate::clock::Clock;
use crate::context;
use crate::report::{self, Report};
use crate::task::Payload;
use crate::task::cancel::WAKER;
use crate::task::contain;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use weftwork_std_or_loom::{Condvar, Mutex};
use weftwork_task_context::{ThreadKind, holds_back, set_thread_kind, spend_call};

/// It gets the configuration, for the exception handler.
type Job = Box<dyn FnOnce(&Config) + Send>;
type Place = &'static Location<'static>;

/// The pool.
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    ended: Condvar,
    config: Config,
    clock: Arc<Clock>,
}

struct State {
    /// None once the pool is closed.
    sender: Option<Sender<(Job, Place)>>,
    receiver: Receiver<(Job, Place)>,
    threads: usize,
    /// Threads that wait for a job, less the jobs that are on their way to one.
    idle: usize,
    /// Jobs for which there was no thread: the next ones to be free take them.
    waiting: usize,
    /// Jobs that were taken and have not ended.
    jobs: usize,
    started: u64,
    running: HashMap<u64, Place>,
    handles: HashMap<u64, JoinHandle<()>>,
    /// The thread that ended last. It joins the one that ended before it, and so on.
    ended: Option<JoinHandle<()>>,
}

/// Why a job was not taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlockingRefusal {
    /// The runtime is closed.
    Closed,
    /// There is no thread, and the system would not give one.
    NoThread(io::Error),
}

impl std::fmt::Display for BlockingRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("the runtime is closed: it takes no more blocking jobs"),
            Self::NoThread(error) => write!(
                f,
                "no thread for a blocking job ({error}): raise the limit of threads of this \
                 process (`ulimit -u`, the pids controller of its cgroup) or run fewer"
            ),
        }
    }
}

impl std::error::Error for BlockingRefusal {}

impl Pool {
    pub(crate) fn new(config: &Config, clock: Arc<Clock>) -> Self {
        let (sender, receiver) = unbounded();
        let state = State {
            sender: Some(sender),
            receiver,
            threads: 0,
            idle: 0,
            waiting: 0,
            jobs: 0,
            started: 0,
            running: HashMap::new(),
            handles: HashMap::new(),
            ended: None,
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            ended: Condvar::new(),
            config: config.clone(),
            clock,
        }))
    }

    /// Runs `work` on a thread of the pool, in a copy of the caller's context; the future gives
    /// what it returned.
    ///
    /// If the job is refused, `work` comes back.
    pub(crate) fn submit<T, F>(
        &self,
        work: F,
        place: Place,
    ) -> Result<Blocking<T>, (BlockingRefusal, F)>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let slot = Arc::new(Slot(Mutex::new(Stage::Waiting(None))));
        let mut context = crate::locals::Context::current();
        let mut state = self.0.state.lock();
        let Some(sender) = state.sender.clone() else {
            drop(state);
            return Err((BlockingRefusal::Closed, work));
        };
        if let Err(error) = self.0.secure_thread(&mut state) {
            drop(state);
            return Err((BlockingRefusal::NoThread(error), work));
        }
        let job: Job = {
            let slot = Arc::clone(&slot);
            Box::new(move |config| slot.run(|| context.run(work), config))
        };
        state.jobs += 1;
        // The receiver is in the state: it is there.
        let _ = sender.send((job, place));
        drop(state);
        Ok(Blocking(slot))
    }

    /// Takes no more jobs and waits until all threads have ended, at most for `timeout`.
    /// Gives the places of the jobs that still run then.
    pub(crate) fn close(&self, timeout: Duration) -> Vec<Place> {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.0.state.lock();
        state.sender = None;
        while state.threads > 0 {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match left {
                Some(Duration::ZERO) => break,
                Some(left) => state = self.0.ended.wait_timeout(state, left),
                None => state = self.0.ended.wait(state),
            }
        }
        let held = state.running.values().copied().collect();
        let ended = state.ended.take();
        drop(state);
        join(ended);
        held
    }

    /// What its threads know it by.
    pub(crate) fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    /// True while a job waits or runs.
    pub(crate) fn is_busy(&self) -> bool {
        self.0.state.lock().jobs > 0
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.0.state.lock().threads
    }
}

impl Inner {
    /// Sees to it that some thread will take the next job.
    fn secure_thread(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        if state.idle > 0 {
            state.idle -= 1;
            return Ok(());
        }
        if state.threads >= self.config.blocking_threads {
            state.waiting += 1;
            return Ok(());
        }
        let pool = Arc::clone(self);
        let receiver = state.receiver.clone();
        let number = state.started;
        let name = format!("{}-blocking-{number}", self.config.thread_name);
        match std::thread::Builder::new()
            .name(name)
            .spawn(move || pool.serve(number, &receiver))
        {
            Ok(thread) => {
                state.started += 1;
                state.handles.insert(number, thread);
                state.threads += 1;
                Ok(())
            }
            // The job waits for a thread that is there.
            Err(_) if state.threads > 0 => {
                state.waiting += 1;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// A thread of the pool; there is a job for it already.
    fn serve(&self, thread: u64, jobs: &Receiver<(Job, Place)>) {
        set_thread_kind(ThreadKind::Blocking);
        context::join_pool(std::ptr::from_ref(self).cast());
        while let Some((job, place)) = self.next(thread, jobs) {
            let number = {
                let mut state = self.state.lock();
                state.started += 1;
                let number = state.started;
                state.running.insert(number, place);
                number
            };
            // The job keeps its panic for the task that waits for it.
            job(&self.config);
            let mut state = self.state.lock();
            state.jobs -= 1;
            state.running.remove(&number);
            if state.waiting > 0 {
                state.waiting -= 1;
            } else {
                state.idle += 1;
            }
            drop(state);
            self.clock.tell();
        }
        self.ended.notify_all();
    }

    /// The next job; none if this thread is to end, and then it is not counted any more.
    ///
    /// For each job in the channel that is not `waiting` one thread is here without being
    /// counted as idle. It does not matter which one gets which job.
    fn next(&self, thread: u64, jobs: &Receiver<(Job, Place)>) -> Option<(Job, Place)> {
        loop {
            let closed = match jobs.recv_timeout(self.config.blocking_keep_alive) {
                Ok(job) => return Some(job),
                Err(error) => error == RecvTimeoutError::Disconnected,
            };
            let mut state = self.state.lock();
            // Unless it is the end, a job may be on its way to this thread.
            if closed || state.idle > 0 {
                state.idle = state.idle.saturating_sub(1);
                state.threads -= 1;
                let own = state.handles.remove(&thread);
                let before = std::mem::replace(&mut state.ended, own);
                drop(state);
                join(before);
                return None;
            }
        }
    }
}

/// Waits for the very end of a thread, its destructors included.
fn join(thread: Option<JoinHandle<()>>) {
    if let Some(thread) = thread {
        // A thread of the pool contains every panic of user code.
        let _ = thread.join();
    }
}

/// What a job and its future share.
struct Slot<T>(Mutex<Stage<T>>);

enum Stage<T> {
    Waiting(Option<Waker>),
    Done(Result<T, Payload>),
    /// The future is gone: a job that has not started never runs.
    Abandoned,
    /// The future is gone, and the job runs all the same.
    Detached,
}

impl<T> Slot<T> {
    fn run(&self, work: impl FnOnce() -> T, config: &Config) {
        if matches!(*self.0.lock(), Stage::Abandoned) {
            return guarded(config, "the drop of a blocking job", || drop(work));
        }
        let result = contain(work);
        let mut stage = self.0.lock();
        if let Stage::Waiting(waker) = &mut *stage {
            let waker = waker.take();
            *stage = Stage::Done(result);
            drop(stage);
            if let Some(waker) = waker {
                guarded(config, WAKER, || waker.wake());
            }
        } else {
            drop(stage);
            match result {
                Ok(value) => guarded(config, "the drop of a blocking job's result", || {
                    drop(value)
                }),
                // Its task was cancelled: nobody else will see it.
                Err(payload) => report(config, payload, "a blocking job"),
            }
        }
    }
}

/// Runs user code on a thread of the pool.
fn guarded(config: &Config, what: &'static str, f: impl FnOnce()) {
    contain(f).unwrap_or_else(|payload| report(config, payload, what));
}

fn report(config: &Config, payload: Payload, what: &'static str) {
    report::deliver(Some(config), Report::without_task(payload, what));
}

/// What a blocking job will return, made by [`Handle::try_blocking`](crate::Handle::try_blocking).
///
/// Dropped before the job starts, the job never runs; one that runs runs on, and what it returns
/// is dropped. A panic of the job goes on in the awaiter.
#[must_use = "dropped before the job starts, the job never runs"]
pub struct Blocking<T>(Arc<Slot<T>>);

impl<T> Blocking<T> {
    /// Leaves the job to itself: it runs, also if it has not started, and what it returns is
    /// dropped.
    pub fn detach(self) {
        self.leave(Stage::Detached);
    }

    fn leave(&self, stage: Stage<T>) {
        let mut current = self.0.0.lock();
        if matches!(*current, Stage::Detached) {
            return;
        }
        let old = std::mem::replace(&mut *current, stage);
        drop(current);
        drop(old);
    }
}

impl<T> Future for Blocking<T> {
    type Output = T;

    /// # Panics
    /// With the panic of the job, and after its end.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if holds_back(cx) {
            return Poll::Pending;
        }
        // To clone and to drop a waker is user code, so not under the lock.
        let new = cx.waker().clone();
        let mut stage = self.0.0.lock();
        match std::mem::replace(&mut *stage, Stage::Abandoned) {
            Stage::Done(result) => {
                drop(stage);
                spend_call();
                Poll::Ready(result.unwrap_or_else(|payload| resume_unwind(payload)))
            }
            Stage::Waiting(old) => {
                *stage = Stage::Waiting(Some(new));
                drop(stage);
                drop(old);
                Poll::Pending
            }
            Stage::Abandoned | Stage::Detached => {
                panic!("a blocking job was polled after its end")
            }
        }
    }
}

impl<T> std::fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blocking")
    }
}

impl<T> Drop for Blocking<T> {
    fn drop(&mut self) {
        self.leave(Stage::Abandoned);
    }
}
