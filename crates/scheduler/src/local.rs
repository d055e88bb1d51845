//! One thread, futures that need not be `Send`, asyncio's exact order.

use crate::builder::Builder;
use crate::context;
use crate::handle::RuntimeError;
use crate::runtime::Runtime;
use crate::shared::Origin;
use crate::task::Task;
use std::future::Future;
use std::panic::Location;

/// A runtime on which this thread is the one and only worker and everything that is ready
/// runs first in, first out: tasks, wakes and callbacks. Only this thread may enter and close it.
///
/// # Errors
/// As for [`Builder::build`].
pub fn runtime(builder: Builder) -> std::io::Result<Runtime> {
    builder.fifo().build()
}

/// Spawns a task that need not be `Send` on the single-threaded runtime of this thread.
///
/// # Panics
/// Outside of `run_local`.
#[doc(alias = "spawn_local")]
#[track_caller]
#[must_use = "dropping a task detaches it; call `detach` to say that this is meant"]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match try_spawn(future, Origin::at(Location::caller())) {
        Ok(task) | Err(task) => task,
    }
}

/// The task, or, from a runtime that is closing, one that was cancelled at once.
pub(crate) fn try_spawn<F>(
    future: F,
    origin: Origin<'_>,
) -> Result<Task<F::Output>, Task<F::Output>>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let spawned = context::with_worker(|worker| {
        let worker = worker.filter(|worker| worker.shared().config.fifo)?;
        // SAFETY: a single-threaded runtime has one worker, and this thread is it.
        let spawned = unsafe { worker.shared().try_spawn(future, origin) };
        Some(spawned.map_err(|future| {
            Task::cancelled_at_birth(worker.shared_arc(), future, origin.location)
        }))
    });
    spawned.unwrap_or_else(|| {
        panic!(
            "local::spawn needs the thread of `weftwork::run_local`, for its tasks never leave \
             it: call it there, or use `weftwork::spawn` with a future that is Send ({})",
            RuntimeError::NoRuntime
        )
    })
}
