//! A future or a task: a task is used as it is.

use crate::pooled::Place;
use crate::{Task, local, spawn};
use std::any::{Any, TypeId};
use std::future::Future;

/// The task of a future: spawned, unless it is a [`Task`] already.
///
/// ```
/// weftwork::run(async {
///     let task = weftwork::spawn(async { 1 });
///     let id = task.id();
///     assert_eq!(weftwork::ensure_future(task).id(), id, "no second task");
/// });
/// ```
///
/// # Panics
/// Outside of a runtime, for a future that is not a task.
#[doc(alias = "asyncio.ensure_future")]
#[track_caller]
pub fn ensure_future<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match as_task(future) {
        Ok(task) => task,
        Err(future) => spawn(future),
    }
}

/// As [`ensure_future`], for one that asked for it elsewhere.
pub(crate) fn ensure_from<F>(future: F, location: Place) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match as_task(future) {
        Ok(task) => task,
        Err(future) => Task::builder().location(location).spawn(future),
    }
}

/// As [`ensure_from`], for the thread of `run_local`.
pub(crate) fn ensure_local_from<F>(future: F, location: Place) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match as_task(future) {
        Ok(task) => task,
        Err(future) => Task::builder().location(location).spawn_local(future),
    }
}

/// As [`ensure_future`], for the thread of `run_local`.
#[track_caller]
pub(crate) fn ensure_local<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match as_task(future) {
        Ok(task) => task,
        Err(future) => local::spawn(future),
    }
}

/// True if the futures of this type are tasks, to be used as they are.
pub(crate) fn is_task<F>() -> bool
where
    F: Future + 'static,
    F::Output: 'static,
{
    TypeId::of::<F>() == TypeId::of::<Task<F::Output>>()
}

/// The future itself if it is a task.
fn as_task<F>(future: F) -> Result<Task<F::Output>, F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let mut slot = Some(future);
    let any: &mut dyn Any = &mut slot;
    if let Some(task) = any
        .downcast_mut::<Option<Task<F::Output>>>()
        .and_then(Option::take)
    {
        return Ok(task);
    }
    Err(slot.expect("it was put there and is no task"))
}
