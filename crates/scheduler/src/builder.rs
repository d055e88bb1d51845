//! How a runtime is made.

use crate::handle::RuntimeError;
use crate::hooks::TaskHook;
use crate::report::Report;
use crate::runtime::{BlockOnError, Runtime};
use crate::task::identity::introduce;
use crate::task::{TaskControl, TaskError};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

type ExceptionHandler = Arc<dyn Fn(&Report) + Send + Sync>;
pub(crate) type MainHook = Arc<dyn Fn(&TaskControl) -> Box<dyn Any> + Send + Sync>;

/// The environment variable that turns the debug mode on.
const DEBUG: &str = "WEFTWORK_DEBUG";
/// Each may take a seat, and there is memory for all of these.
const MOST_SPARES: usize = 1000;
/// In debug mode a poll that takes so long is reported: asyncio's `slow_callback_duration`.
const SLOW_POLL: Duration = Duration::from_millis(100);

/// What a runtime was told.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) thread_name: String,
    pub(crate) blocking_threads: usize,
    pub(crate) blocking_keep_alive: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) event_interval: u32,
    pub(crate) caller_runs_tasks: bool,
    pub(crate) start_paused: bool,
    pub(crate) blocked_after: Duration,
    pub(crate) max_spares: usize,
    pub(crate) slow_poll: Option<Duration>,
    pub(crate) debug: bool,
    pub(crate) exception_handler: Option<ExceptionHandler>,
    pub(crate) on_task_spawn: Option<TaskHook>,
    pub(crate) on_task_end: Option<TaskHook>,
    /// By name.
    pub(crate) main_hooks: BTreeMap<&'static str, MainHook>,
    /// One worker, one queue, first in first out: asyncio's order.
    pub(crate) fifo: bool,
}

impl Config {
    /// The configuration that nobody changed.
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers,
            thread_name: "weftwork".to_owned(),
            blocking_threads: 512,
            blocking_keep_alive: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(300),
            event_interval: 61,
            caller_runs_tasks: true,
            start_paused: false,
            blocked_after: Duration::from_millis(10),
            // In a model the threads are the model's own.
            max_spares: if cfg!(weftwork_loom) { 0 } else { 32 },
            slow_poll: None,
            debug: false,
            exception_handler: None,
            on_task_spawn: None,
            on_task_end: None,
            main_hooks: BTreeMap::new(),
            fifo: false,
        }
    }
}

/// Builds a [`Runtime`].
///
/// ```
/// let runtime = weftwork_scheduler::Runtime::builder().workers(2).build().unwrap();
/// assert_eq!(runtime.block_on(async { 1 + 1 }), 2);
/// ```
#[doc(alias = "EventLoopPolicy")]
#[must_use = "call `build`"]
pub struct Builder(Config);

impl Default for Builder {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let builder = Self(Config::new(workers));
        let debug = std::env::var_os(DEBUG).is_some_and(|value| !value.is_empty() && value != "0");
        builder.debug(debug)
    }
}

impl Builder {
    /// A builder with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many threads run tasks, the caller of `run` or `block_on` included. Default: the
    /// available parallelism.
    #[doc(alias = "worker_threads")]
    pub fn workers(mut self, workers: usize) -> Self {
        self.0.workers = workers;
        self
    }

    /// The name of the threads that the runtime starts; a number follows. Default `weftwork`.
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.0.thread_name = name.into();
        self
    }

    /// The most threads that `spawn_blocking` may use at a time. Default 512.
    #[doc(alias = "max_blocking_threads")]
    pub fn blocking_threads(mut self, most: usize) -> Self {
        self.0.blocking_threads = most;
        self
    }

    /// How long a thread of the blocking pool waits for its next job before it ends.
    /// Default 10 s.
    #[doc(alias = "thread_keep_alive")]
    pub fn blocking_keep_alive(mut self, time: Duration) -> Self {
        self.0.blocking_keep_alive = time;
        self
    }

    /// How long the end of the runtime waits for tasks that were cancelled and for blocking jobs.
    /// What has not ended by then is named on stderr and left behind. Default 300 s, as in asyncio
    /// (which gives only the jobs a limit).
    #[doc(alias = "shutdown_default_executor")]
    pub fn shutdown_timeout(mut self, time: Duration) -> Self {
        self.0.shutdown_timeout = time;
        self
    }

    /// After so many polls a busy worker looks at timers, I/O and submissions; where polls are long,
    /// earlier: after about 0.2 ms, or after one poll that takes longer. Default 61.
    pub fn event_interval(mut self, polls: u32) -> Self {
        self.0.event_interval = polls.max(1);
        self
    }

    /// Whether the thread in `run` or `block_on` runs other tasks while it waits. Default
    /// true; false keeps them off a main future that must not be held up.
    pub fn caller_runs_tasks(mut self, yes: bool) -> Self {
        self.0.caller_runs_tasks = yes;
        self
    }

    /// Whether the runtime's clock is paused from the start, for tests: time then passes only when
    /// everything is at rest, see [`Handle::pause_time`](crate::Handle::pause_time). Default false.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use weftwork_scheduler::{Handle, Runtime, Timer};
    ///
    /// let start = Instant::now();
    /// Runtime::builder().start_paused(true).run(async {
    ///     let day = Handle::current().time() + Duration::from_secs(86_400);
    ///     Timer::new(Some(day)).await;
    ///     assert_eq!(Handle::current().time(), day);
    /// });
    /// assert!(start.elapsed() < Duration::from_secs(60));
    /// ```
    pub fn start_paused(mut self, yes: bool) -> Self {
        self.0.start_paused = yes;
        self
    }

    /// After how long in one poll a worker counts as stuck (a blocking call, a lock, a long
    /// computation): it is noticed within this time, and within half of it where the system tells
    /// that it waits. Then the others get the tasks that are in its queue, and a spare worker runs
    /// them if nobody else can. Default 10 ms; less than 2 ms is taken for 2 ms; with `Duration::MAX`
    /// nothing is done about it.
    ///
    /// It costs nothing per task. Still, code that is known to block belongs into
    /// [`spawn_blocking`](crate::Handle::spawn_blocking): until the time is over nobody stands in, there
    /// is a limit of spares, and the task itself does not hear of timers and cancels while it blocks.
    /// If the system gives no thread for it, nobody stands in.
    /// `run_local` cannot be helped: nobody else may run its tasks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use weftwork_scheduler::{Runtime, spawn};
    ///
    /// Runtime::builder().workers(1).run(async {
    ///     let (tell, told) = std::sync::mpsc::channel();
    ///     spawn(async move { tell.send(5).unwrap() }).detach();
    ///     // Wrong: it blocks the one worker that there is. A spare runs the other task.
    ///     assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok(5));
    /// });
    /// ```
    #[doc(alias = "sysmon")]
    pub fn blocked_after(mut self, time: Duration) -> Self {
        self.0.blocked_after = time;
        self
    }

    /// The most spare workers that may stand in, at a time, for workers which are stuck; see
    /// [`blocked_after`](Self::blocked_after). For those that compute few do: as many as there are
    /// workers, or cores if these are fewer. A spare that is not needed any more ends after five
    /// seconds. Default 32, at most 1,000; with 0 nobody stands in.
    pub fn max_spares(mut self, most: usize) -> Self {
        self.0.max_spares = most;
        self
    }

    /// Reports each poll that takes this long, while it goes on, to the
    /// [exception handler](Self::exception_handler): the task with its name and the place where it was
    /// spawned, the thread, and what that is doing (in which system call it waits, whether it has a
    /// core; where the system tells). There is one report a second at most. Default: 100 ms in
    /// [debug mode](Self::debug), none otherwise.
    #[doc(alias = "slow_callback_duration")]
    pub fn slow_poll(mut self, time: Duration) -> Self {
        self.0.slow_poll = Some(time);
        self
    }

    /// Turns the debug mode on or off, in which polls that take long are
    /// [reported](Self::slow_poll). Default: on if the environment variable `WEFTWORK_DEBUG` is there
    /// and neither empty nor `0`.
    #[doc(alias = "set_debug")]
    #[doc(alias = "PYTHONASYNCIODEBUG")]
    pub fn debug(mut self, yes: bool) -> Self {
        self.0.debug = yes;
        self
    }

    /// Gets every panic, and every error handed in by [`Handle::report`](crate::Handle::report),
    /// that nobody else will see; and [slow polls](Self::slow_poll), on a thread for that alone.
    /// Default: it is printed to stderr.
    #[doc(alias = "set_exception_handler")]
    pub fn exception_handler(mut self, handler: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        self.0.exception_handler = Some(Arc::new(handler));
        self
    }

    /// Calls `hook` with every new task, main tasks included, where it is spawned: before the task
    /// starts, and before anybody else sees it. It may name it, count it, or cancel it, after which
    /// it never starts. A later call replaces the hook.
    ///
    /// It runs in every spawn, so it should be quick. Its panic goes to the exception handler, and
    /// the task is spawned all the same. Tasks that it spawns itself are not shown to it; what these spawn
    /// is, whether they start at once or later, so a hook that would go on so for ever has to look at what it is
    /// shown.
    ///
    /// asyncio's task factory can give tasks of a class of its own, too; here a wrapper of the
    /// future does that.
    ///
    /// ```
    /// use weftwork_scheduler::{Runtime, spawn};
    ///
    /// let name = |task: &weftwork_scheduler::TaskControl| {
    ///     task.set_name(format!("line {}", task.location().line()));
    /// };
    /// Runtime::builder().workers(2).on_task_spawn(name).run(async {
    ///     let line = line!() + 1;
    ///     let task = spawn(async {});
    ///     assert_eq!(task.name(), format!("line {line}"));
    ///     task.await;
    /// });
    /// ```
    #[doc(alias = "set_task_factory")]
    pub fn on_task_spawn(mut self, hook: impl Fn(&TaskControl) + Send + Sync + 'static) -> Self {
        self.0.on_task_spawn = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` with every task that has ended, main tasks included, on the thread where it
    /// did. What it returned may have been taken by then. A later call replaces the hook.
    ///
    /// It should be quick. Its panic goes to the exception handler.
    #[doc(alias = "on_task_terminate")]
    pub fn on_task_end(mut self, hook: impl Fn(&TaskControl) + Send + Sync + 'static) -> Self {
        self.0.on_task_end = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` with each main task, the future of a `run` or `block_on`, before its first
    /// poll; what it gives is dropped when the task has ended. A hook of the same name is
    /// replaced. It is for code that has to reach the main task from outside, as that which
    /// cancels it at a signal, and must not panic.
    pub fn main_hook(
        mut self,
        name: &'static str,
        hook: impl Fn(&TaskControl) -> Box<dyn Any> + Send + Sync + 'static,
    ) -> Self {
        self.0.main_hooks.insert(name, Arc::new(hook));
        self
    }

    /// Takes a [`main_hook`](Self::main_hook) back.
    pub fn without_main_hook(mut self, name: &'static str) -> Self {
        self.0.main_hooks.remove(name);
        self
    }

    /// One thread and asyncio's exact order; what `run_local` builds.
    pub(crate) fn fifo(mut self) -> Self {
        self.0.workers = 1;
        self.0.caller_runs_tasks = true;
        self.0.fifo = true;
        self
    }

    /// Makes the runtime and its threads, which wait until it is entered.
    ///
    /// # Errors
    /// `InvalidInput` for zero workers or zero blocking threads, for more than 1,000 spares, and where
    /// a time of zero would make every poll too long; otherwise what the system said when it would not
    /// give a thread or a descriptor.
    pub fn build(mut self) -> io::Result<Runtime> {
        if self.0.workers == 0 {
            return Err(invalid(
                "a runtime needs at least one worker: call `.workers(n)` with \
                n >= 1, or leave it out for one per core",
            ));
        }
        if self.0.blocking_threads == 0 {
            return Err(invalid(
                "the blocking pool needs at least one thread: call \
                `.blocking_threads(n)` with n >= 1, or leave it out for 512",
            ));
        }
        if self.0.blocked_after.is_zero() || self.0.slow_poll == Some(Duration::ZERO) {
            return Err(invalid(
                "no poll is that short: give `.blocked_after(time)` and `.slow_poll(time)` more than \
                zero, or leave them out for 10 ms and 100 ms",
            ));
        }
        if self.0.max_spares > MOST_SPARES {
            return Err(invalid(
                "so many spare workers would not help: call `.max_spares(n)` with n <= 1000, or leave \
                it out for 32",
            ));
        }
        if self.0.debug {
            self.0.slow_poll.get_or_insert(SLOW_POLL);
        }
        introduce();
        Runtime::with_config(self.0)
    }

    /// Makes the runtime, runs a future on it and closes it: `run` with these settings.
    ///
    /// ```
    /// let value = weftwork_scheduler::Runtime::builder().workers(2).run(async { 1 + 1 });
    /// assert_eq!(value, 2);
    /// ```
    ///
    /// # Panics
    /// If the future panics (after the clean-up) or was cancelled, inside of a running runtime,
    /// and where [`build`](Self::build) gives an error.
    #[doc(alias = "asyncio.run")]
    #[track_caller]
    pub fn run<F: Future>(self, future: F) -> F::Output {
        match self.try_run(future) {
            Ok(value) => value,
            Err(TaskError::Panicked(payload)) => resume_unwind(payload),
            Err(TaskError::Cancelled(cause)) => panic!("the main task was {cause}"),
        }
    }

    /// As [`run`](Self::run).
    ///
    /// # Errors
    /// How the future failed: its panic, or the cancel that ended it.
    ///
    /// # Panics
    /// Inside of a running runtime, and where [`build`](Self::build) gives an error.
    #[track_caller]
    pub fn try_run<F: Future>(self, future: F) -> Result<F::Output, TaskError> {
        assert!(!crate::is_running_here(), "{}", RuntimeError::Nested);
        let runtime = match self.build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("no runtime: {error}"),
        };
        let result = runtime.try_block_on(future);
        drop(runtime);
        match result {
            Ok(value) => Ok(value),
            Err(BlockOnError::Task(error)) => Err(error),
            Err(BlockOnError::Runtime(error)) => panic!("{error}"),
        }
    }
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.0.workers)
            .field("thread_name", &self.0.thread_name)
            .field("blocking_threads", &self.0.blocking_threads)
            .finish_non_exhaustive()
    }
}
