//! Spawning with a name, in another context, or with a start at once.

use crate::handle::{Handle, SpawnError};
use crate::local;
use crate::locals::Context;
use crate::shared::Origin;
use crate::task::Task;
use std::future::Future;
use std::panic::Location;

/// Settings for a task, made by [`Task::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "call `spawn`"]
pub struct TaskBuilder {
    pub(crate) name: Option<String>,
    pub(crate) context: Option<Context>,
    pub(crate) eager: bool,
    location: Option<&'static Location<'static>>,
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

    /// The task locals that it sees, in place of a copy of the spawner's. It has them for itself:
    /// what it sets does not come back.
    pub fn context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }

    /// Whether it starts at once: its first poll then is a part of the spawn. A task that ends in
    /// it was never queued; one that does not goes on as any other. Default false.
    ///
    /// It is worth it where most tasks have their answer ready, and costs the order: what stands
    /// behind the spawn runs after the first part of the task. The task is
    /// [`current`](crate::TaskControl::current) in it, sees its own locals, and what it panics
    /// with is its own.
    ///
    /// It is spawned as any other where the thread is no worker of the runtime, and where 16 such
    /// starts lie within each other.
    ///
    /// ```
    /// use weftwork_scheduler::{Runtime, Task};
    ///
    /// Runtime::builder().workers(2).run(async {
    ///     let task = Task::builder().eager(true).spawn(async { 1 + 1 });
    ///     assert!(task.done());
    ///     assert_eq!(task.await, 2);
    /// });
    /// ```
    #[doc(alias = "eager_start")]
    #[doc(alias = "eager_task_factory")]
    pub fn eager(mut self, yes: bool) -> Self {
        self.eager = yes;
        self
    }

    /// Where it was spawned, in place of the line that calls [`spawn`](Self::spawn): for functions
    /// that spawn on behalf of their callers, also when they have returned.
    ///
    /// ```
    /// use std::panic::Location;
    /// use weftwork_scheduler::{Runtime, Task};
    ///
    /// #[track_caller]
    /// fn later() -> impl Future<Output = Task<()>> {
    ///     let caller = Location::caller();
    ///     async move { Task::builder().location(caller).spawn(async {}) }
    /// }
    ///
    /// let task = Runtime::builder().run(async { later().await });
    /// assert_eq!(task.location().line(), line!() - 1);
    /// ```
    pub fn location(mut self, location: &'static Location<'static>) -> Self {
        self.location = Some(location);
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
            Ok(handle) => handle.try_spawn_from(future, self.at(Location::caller())),
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
        let origin = self.at(Location::caller());
        let location = origin.location;
        match handle.try_spawn_from(future, origin) {
            Ok(task) => task,
            Err(error) => self.named(Task::cancelled_at_birth(
                handle.shared(),
                error.into_future(),
                location,
            )),
        }
    }

    /// Spawns it, a future that need not be `Send`, on the single-threaded runtime of this thread.
    ///
    /// # Panics
    /// Outside of `run_local`.
    #[track_caller]
    #[must_use = "dropping a task detaches it; call `detach` to say that this is meant"]
    pub fn spawn_local<F>(self, future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        match local::try_spawn(future, self.at(Location::caller())) {
            Ok(task) => task,
            Err(cancelled) => self.named(cancelled),
        }
    }

    /// A spawn with these settings, by `caller`.
    fn at(&self, caller: &'static Location<'static>) -> Origin<'_> {
        Origin {
            settings: Some(self),
            ..Origin::at(self.location.unwrap_or(caller))
        }
    }

    /// A task that was refused, with its name.
    fn named<T>(self, task: Task<T>) -> Task<T> {
        if let Some(name) = self.name {
            task.set_name(name);
        }
        task
    }
}
