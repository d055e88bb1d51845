//! Running a program: asyncio.run.

use crate::{Handle, Runtime, Task, TaskError};
use std::future::Future;
use std::panic::resume_unwind;
use weftwork_scheduler::BlockOnError;

/// Runs a future on a new runtime with one worker per core and ends the runtime: asyncio.run.
///
/// This thread becomes one of the workers meanwhile; the future need be neither `Send` nor
/// `'static`, and is a task. At the end every task left is cancelled and its clean-up awaited,
/// the blocking pool is shut down, and all threads are joined.
///
/// ```
/// assert_eq!(weftwork::run(async { 1 + 1 }), 2);
/// ```
///
/// # Panics
/// If the future panics (after that clean-up) or was cancelled, inside of a running runtime,
/// and if the system gives no thread.
#[doc(alias = "asyncio.run")]
#[doc(alias = "block_on")]
#[track_caller]
pub fn run<F: Future>(future: F) -> F::Output {
    match try_run(future) {
        Ok(value) => value,
        Err(TaskError::Panicked(payload)) => resume_unwind(payload),
        Err(TaskError::Cancelled(cause)) => panic!("the main task was {cause}"),
    }
}

/// As [`run`].
///
/// # Errors
/// How the future failed: its panic, or the cancel that ended it.
///
/// # Panics
/// Inside of a running runtime, and if the system gives no thread.
#[track_caller]
pub fn try_run<F: Future>(future: F) -> Result<F::Output, TaskError> {
    if weftwork_scheduler::is_running_here() {
        panic!("{}", crate::RuntimeError::Nested);
    }
    match Runtime::new() {
        Ok(runtime) => run_on(&runtime, future),
        Err(error) => panic!("no runtime: {error}"),
    }
}

/// Runs a future on a runtime and closes it.
#[track_caller]
pub(crate) fn run_on<F: Future>(runtime: &Runtime, future: F) -> Result<F::Output, TaskError> {
    let result = runtime.try_block_on(future);
    if let Err(error) = runtime.close() {
        panic!("{error}");
    }
    match result {
        Ok(value) => Ok(value),
        Err(BlockOnError::Task(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// Runs `work` on a thread where it may block.
///
/// ```
/// let n = weftwork::run(async { weftwork::spawn_blocking(|| 6 * 7).await });
/// assert_eq!(n, 42);
/// ```
///
/// # Panics
/// Outside of a runtime.
#[doc(alias = "to_thread")]
#[doc(alias = "run_in_executor")]
#[track_caller]
#[must_use = "dropping a task detaches it; call `detach` to say that this is meant"]
pub fn spawn_blocking<T, F>(work: F) -> Task<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Handle::current().spawn_blocking(work)
}
