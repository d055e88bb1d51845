//! Spawning with a name.

use crate::handle::{Handle, SpawnError, spawn, try_spawn};
use crate::task::Task;
use std::future::Future;

/// Settings for a task, made by [`Task::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "call `spawn`"]
pub struct TaskBuilder {
    name: Option<String>,
}

impl Task<()> {
    /// Settings for a new task.
    pub fn builder() -> TaskBuilder {
        TaskBuilder::default()
    }
}

impl TaskBuilder {
    /// Its name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Spawns it on the runtime of this thread.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.named(spawn(future))
    }

    /// Spawns it on the runtime of this thread.
    ///
    /// # Errors
    /// As for [`try_spawn`](crate::try_spawn).
    #[track_caller]
    pub fn try_spawn<F>(self, future: F) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        try_spawn(future).map(|task| self.named(task))
    }

    /// Spawns it on a runtime.
    #[track_caller]
    pub fn spawn_on<F>(self, handle: &Handle, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.named(handle.spawn(future))
    }

    fn named<T>(self, task: Task<T>) -> Task<T> {
        if let Some(name) = self.name {
            task.set_name(name);
        }
        task
    }
}
