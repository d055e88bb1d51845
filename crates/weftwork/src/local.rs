//! One thread, futures and outputs that need not be `Send`, asyncio's exact order.
//!
//! Inside [`run_local`] everything that is ready runs first in, first out on the calling
//! thread: tasks, wakes, callbacks. [`spawn`](crate::spawn), [`gather`](crate::gather()) and all
//! else work there too.

use crate::ensure::{ensure_local, is_task};
use crate::gather::Gather;
use crate::run::run_on;
use crate::wait::Wait;
use crate::{Runtime, TaskError};
use std::future::Future;
use std::panic::resume_unwind;

pub use crate::buffered::local_buffered as buffered;
pub use crate::race::local_race as race;
pub use crate::task_group::{LocalTaskGroup as TaskGroup, local_task_group as task_group};
pub use weftwork_scheduler::local::spawn;

/// As [`run`](crate::run) on this thread alone, in asyncio's exact order.
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use weftwork::{local, run_local};
///
/// let order = Rc::new(RefCell::new(Vec::new()));
/// run_local(async {
///     let tasks = ["a", "b"].map(|name| {
///         let order = Rc::clone(&order);
///         async move { order.borrow_mut().push(name) }
///     });
///     local::gather(tasks).await;
/// });
/// assert_eq!(*order.borrow(), ["a", "b"]);
/// ```
///
/// # Panics
/// As for [`run`](crate::run).
#[doc(alias = "LocalSet")]
#[track_caller]
pub fn run_local<F: Future>(future: F) -> F::Output {
    let runtime = weftwork_scheduler::local::runtime(Runtime::builder());
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
    match run_on(&runtime, future) {
        Ok(value) => value,
        Err(TaskError::Panicked(payload)) => resume_unwind(payload),
        Err(TaskError::Cancelled(cause)) => panic!("the main task was {cause}"),
    }
}

/// [`gather`](crate::gather()) for futures that need not be `Send`.
///
/// # Panics
/// Outside of [`run_local`].
#[track_caller]
pub fn gather<I>(futures: I) -> Gather<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + 'static,
    <I::Item as Future>::Output: 'static,
{
    if is_task::<I::Item>() {
        return Gather::new(futures.into_iter().map(ensure_local).collect());
    }
    Gather::spawned(weftwork_scheduler::spawn_local_group(futures))
}

/// [`wait`](crate::wait()) for futures that need not be `Send`.
///
/// # Panics
/// Outside of [`run_local`].
#[track_caller]
pub fn wait<I>(futures: I) -> Wait<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + 'static,
    <I::Item as Future>::Output: 'static,
{
    let mut tasks = Vec::new();
    for future in futures {
        tasks.push(ensure_local(future));
    }
    Wait::new(tasks)
}
