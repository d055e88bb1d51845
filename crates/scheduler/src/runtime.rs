//! The runtime: entering it, freezing it, closing it.

use crate::builder::{Builder, Config};
use crate::closing;
use crate::context;
use crate::drive::{add, drive, wait};
use crate::entry::Entry;
use crate::handle::{Handle, RuntimeError};
use crate::home::Home;
use crate::life::Visit;
use crate::sched::Seat;
use crate::shared::Shared;
use crate::task::{ResultError, TaskError};
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::mem::ManuallyDrop;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use weftwork_std_or_loom::Mutex;

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
    home: Home,
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
        let home = Home::here(config.fifo);
        let runtime = Self {
            home,
            shared: Shared::new(config)?,
            threads: Mutex::new(Vec::new()),
        };
        for n in 0..threads {
            let shared = Arc::clone(&runtime.shared);
            // Its own for good, so that no thread in `block_on` can take it.
            let seat = shared.take_seat().ok_or(io::ErrorKind::OutOfMemory)?;
            let name = format!("{}-{n}", shared.config.thread_name);
            let thread = std::thread::Builder::new()
                .name(name)
                .spawn(move || serve(&shared, seat))?;
            runtime.threads.lock().push(thread);
        }
        if let Some(monitor) = &runtime.shared.monitor {
            monitor.start(&runtime.shared);
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
        let result = drive(&self.shared, entered.visit, future, location);
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
        let is_stopped = || shared.life.is_stopped(entered.visit);
        let mark = Cell::new(None);
        let is_over = || is_stopped() && shared.lane.has_run(mark_of(&mark, shared));
        let entry = Entry::resting();
        add(&entry, shared);
        while !is_over() {
            wait(&entry, shared, None, is_over);
        }
        shared.entries.remove(&entry);
        drop(entered);
        Ok(())
    }

    /// Ends the runtime: cancels every task, waits until their clean-up has ended, shuts the
    /// blocking pool down, joins all threads. Closing twice is fine.
    ///
    /// It takes [`shutdown_timeout`](crate::Builder::shutdown_timeout) at most, and a tenth of a
    /// second: then it names on stderr what did not end, with the place in the program that started
    /// it, drops the futures of those tasks and leaves the threads behind that are stuck. This
    /// thread polls none of the tasks; only those of a single-threaded runtime run here, and one
    /// that blocks its thread for ever is waited for.
    ///
    /// # Errors
    /// [`RuntimeError::Running`] while some thread runs it, and from its own tasks and blocking
    /// jobs; [`RuntimeError::OtherThread`] for a single-threaded runtime that another thread made;
    /// [`RuntimeError::Forked`] in a fork of its process, where dropping it does nothing.
    pub fn close(&self) -> Result<(), RuntimeError> {
        self.home.check()?;
        if context::is_inside(&self.shared) {
            // It would wait for itself.
            return Err(RuntimeError::Running);
        }
        match self.shared.life.begin_closing() {
            Ok(()) => {}
            Err(true) => return Err(RuntimeError::Running),
            Err(false) => return Ok(()),
        }
        let threads = std::mem::take(&mut *self.threads.lock());
        closing::close(&self.shared, threads, self.home.is_one_thread());
        Ok(())
    }

    fn enter(&self) -> Result<Entered<'_>, RuntimeError> {
        self.home.check()?;
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
pub(crate) fn serve(shared: &Arc<Shared>, mut seat: Seat) {
    while shared.life.wait_to_run() {
        (seat, ()) = shared.on_seat(seat, |worker| worker.work(&|| !shared.is_running()));
    }
    shared.give_seat(seat);
}

/// Someone who runs the runtime.
struct Entered<'a> {
    shared: &'a Shared,
    visit: Visit,
}

impl<'a> Entered<'a> {
    fn new(shared: &'a Shared) -> Result<Self, RuntimeError> {
        if crate::is_running_here() {
            return Err(RuntimeError::Nested);
        }
        let visit = shared.life.enter();
        Ok(Self {
            shared,
            visit: visit.map_err(|_closed| RuntimeError::Closed)?,
        })
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

impl Drop for Runtime {
    fn drop(&mut self) {
        match self.close() {
            // Its futures may be dropped by its own thread only: they are leaked, and what
            // they point to with them.
            Err(RuntimeError::OtherThread) => std::mem::forget(Arc::clone(&self.shared)),
            // What its threads were at stands still for ever, in the middle.
            Err(RuntimeError::Forked) => std::mem::forget(Arc::clone(&self.shared)),
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
