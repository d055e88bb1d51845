//! The handles of a group: spawn children, cancel them.

use super::child::Child;
use super::child_result::ChildResult;
use super::core::Core;
use super::error::{GroupClosed, GroupRefusal};
use crate::cancel::Cancelled;
use crate::{RuntimeError, Task, local, spawn};
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, pending};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use weftwork_task_context::CancelSource;

/// A group of tasks, made by [`task_group`](crate::task_group()).
///
/// It can be cloned, sent to children and to other threads, and kept; it does not keep the
/// group from ending.
#[doc(alias = "asyncio.TaskGroup")]
pub struct TaskGroup<E = Infallible>(Arc<Core<E>>);

/// A group of tasks that need not be `Send`, made by
/// [`local::task_group`](crate::local::task_group).
pub struct LocalTaskGroup<E = Infallible> {
    core: Arc<Core<E>>,
    /// Bound to its thread.
    thread: PhantomData<Rc<()>>,
}

/// What a child gives to whoever awaits its handle.
type ValueOf<F, E> = <<F as Future>::Output as ChildResult<E>>::Value;

impl<E> TaskGroup<E> {
    pub(super) fn new(core: Arc<Core<E>>) -> Self {
        Self(core)
    }

    /// Spawns a child.
    ///
    /// The group has the child's error: awaiting the handle of a child that failed is as
    /// awaiting one that was cancelled. A group that takes no more children, because it has
    /// ended or is shutting down, drops the future and gives a task that was cancelled;
    /// [`try_spawn`](Self::try_spawn) gives the future back.
    ///
    /// # Panics
    /// Outside of a runtime, if the group was made outside of one, too.
    #[doc(alias = "create_task")]
    #[doc(alias = "start_soon")]
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Task<ValueOf<F, E>>
    where
        F: Future<Output: ChildResult<E, Value: Send + 'static>> + Send + 'static,
        E: Send + 'static,
    {
        match self.try_spawn(future) {
            Ok(task) => task,
            Err(refused) => self.refused(refused.reason()),
        }
    }

    /// As [`spawn`](Self::spawn), with a name for the task.
    ///
    /// # Panics
    /// As for [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_named<F>(&self, name: impl Into<String>, future: F) -> Task<ValueOf<F, E>>
    where
        F: Future<Output: ChildResult<E, Value: Send + 'static>> + Send + 'static,
        E: Send + 'static,
    {
        match self.spawn_as(Some(name.into()), future) {
            Ok(task) => task,
            Err(refused) => self.refused(refused.reason()),
        }
    }

    #[track_caller]
    fn refused<T: Send + 'static>(&self, reason: GroupRefusal) -> Task<T> {
        let task = match self.0.handle() {
            Some(handle) => handle.spawn(pending()),
            None => spawn(pending()),
        };
        refused_task(reason, task)
    }

    /// Spawns a child.
    ///
    /// # Errors
    /// With the future: the group has ended or is shutting down, or there is no runtime.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<Task<ValueOf<F, E>>, GroupClosed<F>>
    where
        F: Future<Output: ChildResult<E, Value: Send + 'static>> + Send + 'static,
        E: Send + 'static,
    {
        self.spawn_as(None, future)
    }

    #[track_caller]
    fn spawn_as<F>(
        &self,
        name: Option<String>,
        future: F,
    ) -> Result<Task<ValueOf<F, E>>, GroupClosed<F>>
    where
        F: Future<Output: ChildResult<E, Value: Send + 'static>> + Send + 'static,
        E: Send + 'static,
    {
        let refuse = |reason, future| Err(GroupClosed { reason, future });
        let Some(handle) = self.0.handle() else {
            return refuse(GroupRefusal::Runtime(RuntimeError::NoRuntime), future);
        };
        let place = match self.0.enter() {
            Ok(place) => place,
            Err(reason) => return refuse(reason, future),
        };
        let entered = Entered {
            core: &self.0,
            place,
        };
        let child = Child::new(future, Arc::clone(&self.0), place);
        let spawned = match name {
            None => handle.try_spawn(child),
            Some(name) => {
                let _inside = handle.enter();
                Task::builder().name(name).try_spawn(child)
            }
        };
        std::mem::forget(entered);
        match spawned {
            Ok(task) => {
                self.0.spawned(place, task.control());
                Ok(task)
            }
            Err(error) => {
                let reason = GroupRefusal::Runtime(error.reason());
                let future = error.into_future().refuse();
                refuse(reason, future.expect("it was not polled"))
            }
        }
    }
}

impl<E> LocalTaskGroup<E> {
    pub(super) fn new(core: Arc<Core<E>>) -> Self {
        Self {
            core,
            thread: PhantomData,
        }
    }

    /// Spawns a child, as [`TaskGroup::spawn`].
    ///
    /// # Panics
    /// Outside of `run_local`.
    #[doc(alias = "create_task")]
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Task<ValueOf<F, E>>
    where
        F: Future<Output: ChildResult<E, Value: 'static>> + 'static,
        E: 'static,
    {
        match self.try_spawn(future) {
            Ok(task) => task,
            Err(refused) => refused_task(refused.reason(), local::spawn(pending())),
        }
    }

    /// Spawns a child. On a runtime that is closing, its task is cancelled.
    ///
    /// # Errors
    /// With the future: the group has ended or is shutting down.
    ///
    /// # Panics
    /// Outside of `run_local`.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<Task<ValueOf<F, E>>, GroupClosed<F>>
    where
        F: Future<Output: ChildResult<E, Value: 'static>> + 'static,
        E: 'static,
    {
        let place = match self.core.enter() {
            Ok(place) => place,
            Err(reason) => return Err(GroupClosed { reason, future }),
        };
        let entered = Entered {
            core: &self.core,
            place,
        };
        let task = local::spawn(Child::new(future, Arc::clone(&self.core), place));
        std::mem::forget(entered);
        self.core.spawned(place, task.control());
        Ok(task)
    }
}

/// The place of a child that is being spawned: a panic of the spawn gives it back.
struct Entered<'a, E> {
    core: &'a Core<E>,
    place: usize,
}

impl<E> Drop for Entered<'_, E> {
    fn drop(&mut self) {
        self.core.leave(self.place);
    }
}

/// The task of a child that a group did not take: cancelled before it began.
fn refused_task<T>(reason: GroupRefusal, task: Task<T>) -> Task<T> {
    let cause = Cancelled::at(
        Some(reason.to_string()),
        CancelSource::Group,
        task.location(),
    );
    task.control().cancel_for(cause);
    task
}

macro_rules! group_surface {
    ($group:ident, $core:tt) => {
        impl<E> $group<E> {
            /// Ends the group early and without an error: cancels all children and the body.
            /// False if it has ended already.
            ///
            /// Of a body that gives a value there is none then: the group gives an empty
            /// [`GroupError`](crate::GroupError). With a body that gives `()` it gives `Ok(())`.
            #[doc(alias = "cancel_scope")]
            #[track_caller]
            pub fn cancel(&self) -> bool {
                let cause = Cancelled::new(None, CancelSource::Group);
                self.cancel_for(&cause)
            }

            /// As [`cancel`](Self::cancel), with a message for those that are cancelled.
            #[track_caller]
            pub fn cancel_with(&self, msg: impl Into<String>) -> bool {
                let cause = Cancelled::new(Some(msg.into()), CancelSource::Group);
                self.cancel_for(&cause)
            }

            fn cancel_for(&self, cause: &Cancelled) -> bool {
                let ended = self.is_ended();
                self.$core.abort(cause);
                !ended
            }

            /// How many children have not ended.
            #[must_use]
            pub fn len(&self) -> usize {
                self.$core.running()
            }

            /// True if all children have ended.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// True once a child failed or the group was cancelled: it takes no more children.
            #[must_use]
            pub fn is_aborting(&self) -> bool {
                self.$core.abort_cause().is_some()
            }

            /// True once the body and all children have ended: it takes no more children.
            #[must_use]
            pub fn is_ended(&self) -> bool {
                self.$core.is_ended()
            }
        }

        impl<E> Clone for $group<E> {
            fn clone(&self) -> Self {
                Self::new(Arc::clone(&self.$core))
            }
        }

        impl<E> fmt::Debug for $group<E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.$core, f)
            }
        }
    };
}

group_surface!(TaskGroup, 0);
group_surface!(LocalTaskGroup, core);
