//! One thread, futures that need not be `Send`, asyncio's exact order.

use crate::builder::Builder;
use crate::context;
use crate::handle::RuntimeError;
use crate::runtime::Runtime;
use crate::task::Task;
use std::future::Future;
use std::panic::Location;

/// A runtime on which this thread is the one and only worker and everything that is ready
/// runs first in, first out: tasks, wakes and callbacks.
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
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let location = Location::caller();
    let spawned = context::with_worker(|worker| match worker {
        Some(worker) if worker.shared().config.fifo => {
            // SAFETY: a single-threaded runtime has one worker, and this thread is it.
            Some(
                unsafe { worker.shared().try_spawn(future, location) }
                    .unwrap_or_else(|future| Task::cancelled_at_birth(worker.shared_arc(), future)),
            )
        }
        _ => None,
    });
    spawned.unwrap_or_else(|| {
        panic!(
            "local::spawn needs the thread of `weftwork::run_local`, for its tasks never leave \
             it: call it there, or use `weftwork::spawn` with a future that is Send ({})",
            RuntimeError::NoRuntime
        )
    })
}
