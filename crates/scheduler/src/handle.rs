//! A handle to a runtime: spawn, call, look, from any thread.

use crate::blocking::{Blocking, BlockingRefusal};
use crate::callbacks::CallHandle;
use crate::context;
use crate::driver::{Due, drop_due};
use crate::locals::in_copy;
use crate::report::{self, Report};
use crate::sched::Worker;
use crate::shared::{Origin, Shared};
use crate::task::cancel::wake_all;
use crate::task::{Task, TaskControl};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork_io_driver::Reactor;

/// A handle to a runtime. Cheap to clone; does not keep the runtime running.
#[doc(alias = "AbstractEventLoop")]
#[doc(alias = "get_running_loop")]
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

/// Why an operation needs a runtime that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeError {
    /// There is no runtime on this thread.
    NoRuntime,
    /// The runtime is closed.
    Closed,
    /// The runtime is running, and this needs it at rest.
    Running,
    /// The runtime was stopped before the future had ended.
    Stopped,
    /// `run` or `block_on` was called by a task or callback.
    Nested,
    /// A single-threaded runtime belongs to the thread that made it.
    OtherThread,
    /// The runtime was made by the process that this one was forked from, and its threads are there: it cannot
    /// be entered or closed. What is spawned here with a handle of it is run by nobody.
    Forked,
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRuntime => {
                "no weftwork runtime on this thread: call this inside `weftwork::run`, or enter \
                 one with `Handle::enter`"
            }
            Self::Closed => "the runtime is closed: make a new one",
            Self::Running => {
                "the runtime is running: let `block_on` and `run_forever` return first"
            }
            Self::Stopped => "the runtime was stopped before the future had ended",
            Self::Nested => {
                "run() cannot be called from a running event loop: await the future instead, or \
                 spawn it"
            }
            Self::OtherThread => {
                "a single-threaded runtime is entered and closed by the thread that made it: make \
                 it there, and give other threads its handle"
            }
            Self::Forked => {
                "the runtime belongs to the process that this one was forked from, where its threads \
                 are: make a new one after the fork"
            }
        })
    }
}

impl std::error::Error for RuntimeError {}

/// A spawn that the runtime refused. The future comes back.
pub struct SpawnError<F> {
    reason: RuntimeError,
    future: F,
}

impl<F> SpawnError<F> {
    pub(crate) fn new(reason: RuntimeError, future: F) -> Self {
        Self { reason, future }
    }

    /// Why it was refused.
    pub fn reason(&self) -> RuntimeError {
        self.reason
    }

    /// The future that was to be spawned.
    pub fn into_future(self) -> F {
        self.future
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl<F> std::error::Error for SpawnError<F> {}

/// The runtime of this thread is another one while this lives.
#[must_use = "the runtime is left when this is dropped"]
pub struct EnterGuard<'a> {
    before: Option<Handle>,
    /// Bound to its thread.
    handle: PhantomData<(&'a Handle, *const ())>,
}

impl Drop for EnterGuard<'_> {
    fn drop(&mut self) {
        drop(context::replace(self.before.take()));
    }
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnterGuard")
    }
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(crate) fn of_worker(worker: &Worker) -> Self {
        Self(Arc::clone(worker.shared_arc()))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// The runtime of this thread.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[doc(alias = "get_event_loop")]
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// The runtime of this thread.
    ///
    /// # Errors
    /// [`RuntimeError::NoRuntime`] outside of a runtime.
    pub fn try_current() -> Result<Self, RuntimeError> {
        context::current().ok_or(RuntimeError::NoRuntime)
    }

    /// Makes this the runtime of the calling thread until the guard is dropped.
    #[doc(alias = "set_event_loop")]
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard {
            before: context::replace(Some(self.clone())),
            handle: PhantomData,
        }
    }

    /// Spawns a task, from any thread. On a closed runtime the task is cancelled.
    #[doc(alias = "create_task")]
    #[doc(alias = "run_coroutine_threadsafe")]
    #[track_caller]
    #[must_use = "dropping a task detaches it; call `detach` to say that this is meant"]
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self.try_spawn(future) {
            Ok(task) => task,
            Err(error) => {
                Task::cancelled_at_birth(&self.0, error.into_future(), Location::caller())
            }
        }
    }

    /// Spawns a task.
    ///
    /// # Errors
    /// [`RuntimeError::Closed`], with the future, once the runtime is closing.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.try_spawn_from(future, Origin::at(Location::caller()))
    }

    pub(crate) fn try_spawn_from<F>(
        &self,
        future: F,
        origin: Origin<'_>,
    ) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // SAFETY: the future is Send.
        unsafe { self.0.try_spawn(future, origin) }
            .map_err(|future| SpawnError::new(RuntimeError::Closed, future))
    }

    /// Runs `work` on a thread where it may block, in a copy of the caller's
    /// [`Context`](crate::Context). Cancelling the task before the job has
    /// started keeps it from running; a job that runs runs on.
    ///
    /// If the job is refused (no thread to be had, runtime closed), the task panics with the
    /// reason; [`try_spawn_blocking`](Self::try_spawn_blocking) gives `work` back.
    #[doc(alias = "to_thread")]
    #[doc(alias = "run_in_executor")]
    #[track_caller]
    #[must_use = "dropping a task detaches it; call `detach` to say that this is meant"]
    pub fn spawn_blocking<T, F>(&self, work: F) -> Task<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.0.blocking.submit(work, Location::caller()) {
            Ok(job) => self.spawn(job),
            Err((refusal, _work)) => self.spawn(async move { panic!("{refusal}") }),
        }
    }

    /// As [`spawn_blocking`](Self::spawn_blocking).
    ///
    /// # Errors
    /// Why the job was refused, and `work`.
    #[track_caller]
    pub fn try_spawn_blocking<T, F>(&self, work: F) -> Result<Task<T>, (BlockingRefusal, F)>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let job = self.0.blocking.submit(work, Location::caller())?;
        Ok(self.spawn(job))
    }

    /// As [`try_spawn_blocking`](Self::try_spawn_blocking), without a task: the job is awaited by
    /// whoever holds the future, and a cancel of the awaiter does not reach it. `place` names the
    /// job where it holds up the end of the runtime.
    ///
    /// # Errors
    /// Why the job was refused, and `work`.
    pub fn try_blocking<T, F>(
        &self,
        work: F,
        place: &'static Location<'static>,
    ) -> Result<Blocking<T>, (BlockingRefusal, F)>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.0.blocking.submit(work, place)
    }

    /// Schedules a callback on the lane: callbacks of one runtime run one after another, in
    /// the order in which they were scheduled. From any thread.
    ///
    /// It runs in a copy of the caller's [`Context`](crate::Context), that is with the task locals
    /// of this moment; so do those of [`call_later`](Self::call_later) and
    /// [`call_at`](Self::call_at).
    #[doc(alias = "call_soon_threadsafe")]
    pub fn call_soon(&self, f: impl FnOnce() + Send + 'static) -> CallHandle {
        let handle = CallHandle::new(Box::new(in_copy(f)), None);
        self.0.lane.call(&self.0, handle.job());
        handle
    }

    /// Schedules a callback after a delay.
    pub fn call_later(&self, delay: Duration, f: impl FnOnce() + Send + 'static) -> CallHandle {
        match self.time().checked_add(delay) {
            Some(at) => self.call_at(at, f),
            None => self.schedule_call(u64::MAX, CallHandle::new(Box::new(in_copy(f)), None)),
        }
    }

    /// Schedules a callback for an instant. Callbacks that are due at the same instant run in
    /// the order in which they were scheduled.
    pub fn call_at(&self, at: Instant, f: impl FnOnce() + Send + 'static) -> CallHandle {
        let nanos = self.0.driver.clock().nanos(at);
        self.schedule_call(nanos, CallHandle::new(Box::new(in_copy(f)), Some(at)))
    }

    fn schedule_call(&self, nanos: u64, handle: CallHandle) -> CallHandle {
        if let Err(due) = self.0.driver.insert(nanos, Due::Call(handle.job())) {
            // As for `call_soon`: after the end of the runtime it never runs.
            drop_due(due);
        }
        handle
    }

    /// The runtime's time: monotonic, and virtual if its clock is or was
    /// [paused](Self::pause_time).
    #[doc(alias = "loop.time")]
    #[must_use]
    pub fn time(&self) -> Instant {
        self.0.driver.clock().instant()
    }

    /// Stops the runtime's clock, from any thread; a second call does nothing.
    ///
    /// From here on time passes only by [`advance_time`](Self::advance_time) and when the runtime
    /// is at rest: all its threads sleep, no task is ready, no blocking job waits or runs, and no
    /// I/O has come. Then the clock jumps to the next deadline, and no real time is lost. Limits
    /// of real threads (`blocking_wait`, the end of the blocking pool) stay real.
    #[doc(alias = "tokio::time::pause")]
    pub fn pause_time(&self) {
        if self.0.driver.clock().pause() {
            // Whoever sleeps was not counted, and may wait for a real time.
            self.0.entries.call_all(&self.0);
            self.0.call_all_workers();
            self.0.driver.reactor().notify();
        }
    }

    /// Lets the clock go on from where it stands, as fast as real time, from any thread.
    #[doc(alias = "tokio::time::resume")]
    pub fn resume_time(&self) {
        self.0.driver.clock().resume();
    }

    /// Moves a paused clock on by a duration, from any thread, and lets every timer go off that is
    /// due then, in order; whoever it wakes sees the new time.
    ///
    /// # Panics
    /// If the clock is not paused.
    #[doc(alias = "tokio::time::advance")]
    #[track_caller]
    pub fn advance_time(&self, by: Duration) {
        let Some(wakers) = self.0.driver.advance(&self.0, by) else {
            panic!("the runtime's clock is not paused: call `time::pause()` before `advance`");
        };
        wake_all(wakers);
    }

    /// All tasks that have not ended.
    #[must_use]
    pub fn all_tasks(&self) -> Vec<TaskControl> {
        let mut tasks = self.0.tasks();
        tasks.sort_by_key(TaskControl::id);
        tasks
    }

    /// Lets `run_forever` and `block_on` return once the current round of callbacks has ended.
    /// If nobody runs the runtime, the next entry returns after one round, as in asyncio.
    pub fn stop(&self) {
        self.0.life.stop();
        self.0.entries.call_all(&self.0);
        self.0.call_all_workers();
    }

    /// True while some thread is in `run`, `block_on` or `run_forever`.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.is_running()
    }

    /// True once the runtime takes no more tasks.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.life.is_closing()
    }

    /// How many threads the blocking pool has now.
    #[must_use]
    pub fn blocking_threads(&self) -> usize {
        self.0.blocking.threads()
    }

    /// How many spare threads there are now, at work or in reserve, that stand in for workers which are
    /// stuck in one poll. See [`Builder::max_spares`](crate::Builder::max_spares).
    #[must_use]
    pub fn spare_workers(&self) -> usize {
        let monitor = self.0.monitor.as_ref();
        monitor.map_or(0, |monitor| monitor.spares().threads())
    }

    /// How many tasks wait that were submitted from outside of the workers.
    #[must_use]
    pub fn injected(&self) -> usize {
        self.0.injector.len()
    }

    /// Hands an error that nobody else will see to the exception handler: what failed, in
    /// general words, and what happened.
    #[doc(alias = "call_exception_handler")]
    pub fn report(&self, context: &'static str, error: impl Into<String>) {
        let report = Report::of_error(error.into(), context);
        report::deliver(Some(&self.0.config), report);
    }

    /// The reactor, for I/O objects.
    #[must_use]
    pub fn reactor(&self) -> &Arc<Reactor> {
        self.0.driver.reactor()
    }
}

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("workers", &self.0.config.workers)
            .field("running", &self.is_running())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// Spawns a task on the runtime of this thread.
///
/// # Panics
/// Outside of a runtime.
#[doc(alias = "create_task")]
#[doc(alias = "ensure_future")]
#[inline]
#[track_caller]
#[must_use = "dropping a task detaches it; call `detach` to say that this is meant"]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let location = Location::caller();
    let spawned = context::with_worker(|worker| match worker {
        // SAFETY: the future is Send.
        Some(worker) => unsafe { worker.shared().try_spawn(future, Origin::at(location)) },
        None => Err(future),
    });
    match spawned {
        Ok(task) => task,
        Err(future) => Handle::current().spawn(future),
    }
}

/// Spawns a task on the runtime of this thread.
///
/// # Errors
/// With the future: [`RuntimeError::NoRuntime`] outside of a runtime,
/// [`RuntimeError::Closed`] once it is closing.
#[track_caller]
pub fn try_spawn<F>(future: F) -> Result<Task<F::Output>, SpawnError<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match Handle::try_current() {
        Ok(handle) => handle.try_spawn(future),
        Err(reason) => Err(SpawnError::new(reason, future)),
    }
}
