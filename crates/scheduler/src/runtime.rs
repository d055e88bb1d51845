//! The runtime: entering it, freezing it, closing it.

use crate::builder::{Builder, Config};
use crate::context;
use crate::entry::{Entry, Place};
use crate::handle::{Handle, RuntimeError};
use crate::sched::Worker;
use crate::shared::Shared;
use crate::task::cell::{Birth, allocate};
use crate::task::refs::Runnable;
use crate::task::run::{Turn, abandon, run};
use crate::task::{ResultError, Task, TaskError};
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::mem::ManuallyDrop;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::thread::{JoinHandle, ThreadId};
use weftwork_std_or_loom::Mutex;
use weftwork_task_context::{CancelSource, Cancelled, ThreadKind, set_thread_kind};

/// A runtime: workers, timers, I/O, callbacks.
///
/// It runs only while some thread is in [`block_on`](Self::block_on) or
/// [`run_forever`](Self::run_forever), as asyncio's loop: tasks may be spawned before and wait,
/// and between two entries everything is frozen. The entering thread is one of the workers.
///
/// Dropping it closes it: all tasks are cancelled and waited for. A task or blocking job of its
/// own that drops it does not wait: another thread closes it.
#[doc(alias = "AbstractEventLoop")]
#[doc(alias = "new_event_loop")]
#[doc(alias = "Runner")]
pub struct Runtime {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// The one thread that may enter, close and drop a single-threaded runtime: the futures of
    /// its tasks need not be `Send`.
    home: Option<ThreadId>,
}

/// Why `try_block_on` has no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlockOnError {
    /// The runtime could not be entered, or was stopped.
    Runtime(RuntimeError),
    /// The future was cancelled or panicked.
    Task(TaskError),
}

impl fmt::Display for BlockOnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runtime(error) => fmt::Display::fmt(error, f),
            Self::Task(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for BlockOnError {}

impl Runtime {
    /// A runtime with one worker per core, the calling thread of `block_on` included.
    ///
    /// # Errors
    /// As for [`Builder::build`].
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// Settings for a new runtime.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn with_config(config: Config) -> io::Result<Self> {
        let threads = config.workers - usize::from(config.caller_runs_tasks);
        let home = config.fifo.then(|| std::thread::current().id());
        let runtime = Self {
            home,
            shared: Shared::new(config)?,
            threads: Mutex::new(Vec::new()),
        };
        runtime.shared.reserve_seats(threads);
        for n in 0..threads {
            let shared = Arc::clone(&runtime.shared);
            let name = format!("{}-{n}", shared.config.thread_name);
            let thread = std::thread::Builder::new()
                .name(name)
                .spawn(move || serve(&shared))?;
            runtime.threads.lock().push(thread);
        }
        Ok(runtime)
    }

    /// A handle, for any thread.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }

    /// Runs a future to its end; this thread is a worker meanwhile. The future need be
    /// neither `Send` nor `'static`, and it is a task.
    ///
    /// # Panics
    /// If the future panics (its panic goes on here), was cancelled, if the runtime is closed
    /// or stopped before the end, or inside of a running runtime.
    #[doc(alias = "run_until_complete")]
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self.try_block_on(future) {
            Ok(value) => value,
            Err(BlockOnError::Task(TaskError::Panicked(payload))) => resume_unwind(payload),
            Err(BlockOnError::Task(TaskError::Cancelled(cause))) => {
                panic!("the main task was {cause}")
            }
            Err(BlockOnError::Runtime(error)) => panic!("{error}"),
        }
    }

    /// As [`block_on`](Self::block_on).
    ///
    /// # Errors
    /// How the future failed, or why the runtime could not run it.
    #[track_caller]
    pub fn try_block_on<F: Future>(&self, future: F) -> Result<F::Output, BlockOnError> {
        let location = Location::caller();
        let entered = self.enter().map_err(BlockOnError::Runtime)?;
        let result = drive(&self.shared, future, location);
        drop(entered);
        match result {
            Some(Ok(value)) => Ok(value),
            Some(Err(ResultError::Cancelled(cause))) => {
                Err(BlockOnError::Task(TaskError::Cancelled(cause)))
            }
            Some(Err(ResultError::Panicked(payload))) => {
                Err(BlockOnError::Task(TaskError::Panicked(payload)))
            }
            Some(Err(_)) | None => Err(BlockOnError::Runtime(RuntimeError::Stopped)),
        }
    }

    /// Runs until [`Handle::stop`] is called.
    ///
    /// # Errors
    /// [`RuntimeError`] if the runtime is closed, or inside of a running one.
    pub fn run_forever(&self) -> Result<(), RuntimeError> {
        let entered = self.enter()?;
        let shared = &self.shared;
        let mark = Cell::new(None);
        let stop = || shared.life.is_stopping() && shared.lane.has_run(mark_of(&mark, shared));
        let ran = shared.with_seat(|worker| worker.work(&stop));
        if ran.is_none() {
            // All seats are taken: others run it, and this thread waits for the stop or a seat.
            let entry = Entry::new(std::ptr::null(), Place::thread());
            shared.entries.add(&entry);
            while !stop() {
                entry.wait(shared, &stop);
            }
            shared.leave_entry(&entry);
        }
        drop(entered);
        Ok(())
    }

    /// Ends the runtime: cancels every task, waits until their clean-up has ended, shuts the
    /// blocking pool down, joins all threads. Closing twice is fine.
    ///
    /// # Errors
    /// [`RuntimeError::Running`] while some thread runs it, and from its own tasks and blocking
    /// jobs; [`RuntimeError::OtherThread`] for a
    /// single-threaded runtime that another thread made.
    pub fn close(&self) -> Result<(), RuntimeError> {
        self.check_home()?;
        if context::is_inside(&self.shared) {
            // It would wait for itself.
            return Err(RuntimeError::Running);
        }
        match self.shared.life.begin_closing() {
            Ok(()) => {}
            Err(true) => return Err(RuntimeError::Running),
            Err(false) => return Ok(()),
        }
        let shared = &self.shared;
        shared.call_all_workers();
        shared.with_seat(end_all_tasks);
        let held = shared.blocking.close(shared.config.shutdown_timeout);
        if !held.is_empty() {
            crate::report::held(&held, shared.config.shutdown_timeout);
        }
        shared.life.retire();
        shared.call_all_workers();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // A worker contains every panic of user code.
            let _ = thread.join();
        }
        shared.with_seat(|worker| {
            shared.lane.close();
            shared.driver.close();
            shared.life.end();
            while let Some(task) = worker.drain() {
                let cause = Cancelled::new(None, CancelSource::Shutdown);
                abandon(task, cause, shared, Some(worker));
            }
        });
        Ok(())
    }

    fn check_home(&self) -> Result<(), RuntimeError> {
        match self.home {
            Some(home) if home != std::thread::current().id() => Err(RuntimeError::OtherThread),
            _ => Ok(()),
        }
    }

    fn enter(&self) -> Result<Entered<'_>, RuntimeError> {
        self.check_home()?;
        Entered::new(&self.shared)
    }

    /// True while some thread runs it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared.is_running()
    }

    /// True once it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.life.is_closing()
    }
}

impl Runtime {
    /// Closes it on another thread, because this one would wait for itself.
    fn close_elsewhere(&mut self) {
        let runtime = ManuallyDrop::new(Self {
            shared: Arc::clone(&self.shared),
            threads: Mutex::new(std::mem::take(&mut *self.threads.lock())),
            home: self.home,
        });
        let closer = std::thread::Builder::new()
            .name(format!("{}-closer", self.shared.config.thread_name))
            .spawn(move || drop(ManuallyDrop::into_inner(runtime)));
        if let Err(error) = closer {
            crate::report::not_closed(&error);
        }
    }
}

/// The end of the current round of callbacks, from the first look after `stop` on.
fn mark_of(mark: &Cell<Option<u64>>, shared: &Shared) -> u64 {
    mark.get().unwrap_or_else(|| {
        let scheduled = shared.lane.scheduled();
        mark.set(Some(scheduled));
        scheduled
    })
}

/// A thread of the runtime.
fn serve(shared: &Arc<Shared>) {
    while shared.life.wait_to_run() {
        // There is one: a seat is reserved for each thread of the runtime.
        if let Some(seat) = shared.take_own_seat() {
            let worker = Worker::new(Arc::clone(shared), seat);
            context::be_worker(&worker, || worker.work(&|| !shared.is_running()));
        }
    }
}

/// Cancels every task and works until all have ended and the callbacks that were scheduled
/// before have run.
pub(crate) fn end_all_tasks(worker: &Worker) {
    let shared = worker.shared();
    shared.life.set_closer(worker.index());
    let cause = Cancelled::new(None, CancelSource::Shutdown);
    for task in shared.tasks() {
        task.cancel_for(cause.clone());
    }
    let (first, callbacks) = (Cell::new(0), Cell::new(None));
    worker.work(&|| {
        shared.registry.is_empty_from(&first) && shared.lane.has_run(mark_of(&callbacks, shared))
    });
}

/// Someone who runs the runtime.
struct Entered<'a> {
    shared: &'a Shared,
}

impl<'a> Entered<'a> {
    fn new(shared: &'a Shared) -> Result<Self, RuntimeError> {
        if crate::is_running_here() {
            return Err(RuntimeError::Nested);
        }
        shared
            .life
            .enter()
            .map_err(|_closed| RuntimeError::Closed)?;
        Ok(Self { shared })
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if self.shared.life.leave() {
            // Nobody runs it: the workers freeze.
            self.shared.call_all_workers();
        }
    }
}

/// What came of a main future; none if the runtime was stopped before its end.
pub(crate) type Driven<T> = Option<Result<T, ResultError>>;

/// Runs a main future to its end on this thread.
///
/// It returns only once the future is gone, so that the future may borrow.
pub(crate) fn drive<F: Future>(
    shared: &Arc<Shared>,
    future: F,
    location: &'static Location<'static>,
) -> Driven<F::Output> {
    if shared.config.caller_runs_tasks
        && let Some(seat) = shared.take_seat()
    {
        let worker = Worker::new(Arc::clone(shared), seat);
        return context::be_worker(&worker, || {
            if shared.config.fifo {
                drive_in_queue(&worker, future, location)
            } else {
                let place = Place::Worker(worker.index());
                drive_pinned(shared, Some(&worker), place, future, location)
            }
        });
    }
    let kind = set_thread_kind(ThreadKind::Worker);
    let handle = Handle::new(Arc::clone(shared));
    let guard = handle.enter();
    let driven = drive_pinned(shared, None, Place::thread(), future, location);
    drop(guard);
    set_thread_kind(kind);
    driven
}

/// A main future that only this thread polls, woken through an [`Entry`].
fn drive_pinned<F: Future>(
    shared: &Arc<Shared>,
    worker: Option<&Worker>,
    place: Place,
    future: F,
    location: &'static Location<'static>,
) -> Driven<F::Output> {
    let birth = Birth {
        shared: Arc::as_ptr(shared),
        id: shared.take_ids(1),
        slot: shared.registry.place(),
        location,
        group: None,
    };
    let main = allocate::<F, true>(future, birth);
    shared.registry.insert(main);
    // SAFETY: the new cell has one reference for its handle.
    let mut task = unsafe { Task::<F::Output>::new(main) };
    let entry = Entry::new(main.as_ptr(), place);
    shared.entries.add(&entry);
    let mut stopped = false;
    while !task.done() {
        if entry.take() {
            if stopped {
                let cause = Cancelled::new(None, CancelSource::Shutdown);
                abandon(Runnable(main), cause, shared, worker);
            } else if let Turn::Again(_) = run(Runnable(main), shared, worker) {
                entry.put();
                // A main future that wakes itself leaves the others a turn.
                if let Some(worker) = worker {
                    worker.work_once();
                }
            }
        } else if shared.life.is_stopping() && !stopped {
            stopped = true;
            task.control()
                .cancel_for(Cancelled::new(None, CancelSource::Shutdown));
        } else {
            let stop = || entry.is_notified() || (shared.life.is_stopping() && !stopped);
            match worker {
                Some(worker) => worker.work(&stop),
                None => entry.wait(shared, &stop),
            }
        }
    }
    shared.leave_entry(&entry);
    finish_main(&mut task, stopped)
}

/// A main future of a single-threaded runtime: it queues among the tasks, in asyncio's order.
fn drive_in_queue<F: Future>(
    worker: &Worker,
    future: F,
    location: &'static Location<'static>,
) -> Driven<F::Output> {
    let shared = worker.shared_arc();
    let slot = shared.registry.place_for(&mut worker.free_places());
    let birth = Birth {
        shared: Arc::as_ptr(shared),
        id: worker.next_id(),
        slot,
        location,
        group: None,
    };
    let main = allocate::<F, false>(future, birth);
    shared.registry.insert(main);
    // SAFETY: the new cell has one reference for its handle.
    let mut task = unsafe { Task::<F::Output>::new(main) };
    worker.push_back(Runnable(main));
    worker.work(&|| task.done() || shared.life.is_stopping());
    let stopped = !task.done();
    if stopped {
        task.control()
            .cancel_for(Cancelled::new(None, CancelSource::Shutdown));
        worker.work(&|| task.done());
    }
    finish_main(&mut task, stopped)
}

fn finish_main<T>(task: &mut Task<T>, stopped: bool) -> Driven<T> {
    match task.result() {
        Err(ResultError::Cancelled(_)) if stopped => None,
        result => Some(result),
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        match self.close() {
            // Its futures may be dropped by its own thread only: they are leaked, and what
            // they point to with them.
            Err(RuntimeError::OtherThread) => std::mem::forget(Arc::clone(&self.shared)),
            // Nobody is in `block_on`, which borrows it: the last owner is one of its own tasks
            // that is being polled still, or a blocking job.
            Err(RuntimeError::Running) => self.close_elsewhere(),
            _ => {}
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("workers", &self.shared.config.workers)
            .field("running", &self.is_running())
            .field("closed", &self.is_closed())
            .finish()
    }
}
