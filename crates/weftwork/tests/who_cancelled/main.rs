//! Who cancelled me: the asker, the way through the tasks, and the one that was struck.

#[path = "../common/mod.rs"]
mod common;

mod path;
mod sources;

use common::stuck_at;
use std::future::Future;
use std::panic::Location;
use weftwork::sync::oneshot;
use weftwork::{Cancelled, Task, TaskError, catch};

/// A task with a name.
#[track_caller]
fn named<F>(name: &str, future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Task::<()>::builder().name(name).spawn(future)
}

/// A task with a name that has reached a place where it is stuck.
async fn stuck(name: &str) -> Task<()> {
    let (reached, is_reached) = oneshot::channel();
    let task = named(name, stuck_at(reached));
    is_reached.await.unwrap();
    task
}

/// Says the place where it is called.
#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

/// The cancel by which a task ended.
async fn cause_of<T>(task: Task<T>) -> Cancelled {
    cancelled(task.outcome().await)
}

/// What a future in this task is cancelled by; the cancel ends there.
async fn caught<T>(future: impl Future<Output = T>) -> Cancelled {
    cancelled(catch(future).await)
}

fn cancelled<T>(end: Result<T, TaskError>) -> Cancelled {
    match end {
        Err(TaskError::Cancelled(cause)) => cause,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a value"),
    }
}

/// The way of a cancel in words.
fn via(cause: &Cancelled) -> Vec<String> {
    cause.via().iter().map(ToString::to_string).collect()
}

/// The name of the task that was struck.
fn struck(cause: &Cancelled) -> String {
    cause.struck().unwrap().name().into_owned()
}
