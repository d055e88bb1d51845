//! Spawning with a name.

use crate::handle::{Handle, SpawnError};
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
    #[must_use = "dropping a task detaches it; call `detach` to say that this is meant"]
    pub fn spawn<F>(self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_on(&Handle::current(), future)
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
        match Handle::try_current() {
            Ok(handle) => handle.try_spawn_named(future, self.name),
            Err(reason) => Err(SpawnError::new(reason, future)),
        }
    }

    /// Spawns it on a runtime. On a closed one the task is cancelled.
    #[track_caller]
    #[must_use = "dropping a task detaches it; call `detach` to say that this is meant"]
    pub fn spawn_on<F>(self, handle: &Handle, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match handle.try_spawn_named(future, self.name.clone()) {
            Ok(task) => task,
            Err(error) => {
                let task = Task::cancelled_at_birth(handle.shared(), error.into_future());
                if let Some(name) = self.name {
                    task.set_name(name);
                }
                task
            }
        }
    }
}
