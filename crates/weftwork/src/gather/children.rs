//! The collections of tasks that a gather waits for: a vec, or a tuple.

use crate::cancel::Cancelled;
use crate::{ResultError, Task, TaskControl, TaskError};
use std::sync::Arc;
use std::task::Context;
use weftwork_scheduler::Group;

/// Called with each child of a group that has ended.
pub type ChildEnded = Arc<dyn Fn(&TaskControl) + Send + Sync>;

/// A collection of tasks. Implemented for vecs and tuples of [`Task`]; not for others.
pub trait Children {
    /// All values.
    type Values;
    /// A `Result` for each.
    type Outcomes;

    /// Makes every task count down in the group.
    #[doc(hidden)]
    fn join(&mut self, group: &Group);
    #[doc(hidden)]
    fn controls(&self) -> Vec<TaskControl>;
    /// True once no callback looks at any of those that have ended; otherwise the last
    /// callback wakes the awaiter.
    #[doc(hidden)]
    fn poll_resolved(&mut self, cx: &mut Context<'_>) -> bool;
    /// As [`poll_resolved`](Self::poll_resolved), without waking.
    #[doc(hidden)]
    fn resolved(&self) -> bool;
    /// True once some task has failed and no callback looks at it.
    #[doc(hidden)]
    fn failed(&self) -> bool;
    /// What the task failed by that failed first.
    #[doc(hidden)]
    fn first_error(&mut self) -> Option<TaskError>;
    /// What that one is cancelled by, though a cancel is being delivered.
    #[doc(hidden)]
    fn raises(&self) -> Option<Cancelled>;
    /// The values, once all have ended with one.
    #[doc(hidden)]
    fn values(&mut self) -> Result<Self::Values, ResultError>;
    /// The outcomes, once all have ended.
    #[doc(hidden)]
    fn outcomes(&mut self) -> Self::Outcomes;
    /// Calls `ended` for each as it ends, on the callback lane.
    #[doc(hidden)]
    fn notify(&self, ended: &ChildEnded)
    where
        Self: 'static;
}

fn join<T>(task: &mut Task<T>, group: &Group) {
    if !task.join_group(group) && (task.cancelled() || task.panicked()) {
        group.failed_before();
    }
}

fn poll_resolved<T>(task: &mut Task<T>, cx: &mut Context<'_>) -> bool {
    // The joiner of one that goes on is the group, and stays.
    !task.done() || task.poll_done(cx).is_ready()
}

fn notify<T: 'static>(task: &Task<T>, ended: &ChildEnded) {
    let ended = Arc::clone(ended);
    task.add_done_callback(move |finished| ended(&finished.control()));
}

/// The outcome of a task that has ended.
pub(crate) fn outcome<T>(task: &mut Task<T>) -> Result<T, TaskError> {
    task.result().map_err(|error| match error {
        ResultError::Cancelled(cause) => TaskError::Cancelled(cause),
        ResultError::Panicked(payload) => TaskError::Panicked(payload),
        other => TaskError::Panicked(Box::new(other.to_string())),
    })
}

impl<T> Children for Vec<Task<T>> {
    type Values = Vec<T>;
    type Outcomes = Vec<Result<T, TaskError>>;

    fn join(&mut self, group: &Group) {
        for task in self {
            join(task, group);
        }
    }

    fn controls(&self) -> Vec<TaskControl> {
        self.iter().map(Task::control).collect()
    }

    fn poll_resolved(&mut self, cx: &mut Context<'_>) -> bool {
        // Every one of them is asked: each has to wake.
        let mut all = true;
        for task in self {
            all &= poll_resolved(task, cx);
        }
        all
    }

    fn resolved(&self) -> bool {
        self.iter().all(|task| !task.done() || task.resolved())
    }

    fn failed(&self) -> bool {
        self.iter().any(|task| task.failure().is_some())
    }

    fn first_error(&mut self) -> Option<TaskError> {
        let failures = self
            .iter_mut()
            .filter_map(|task| Some((task.failure()?, task)));
        let (_, first) = failures.min_by_key(|(failure, _)| *failure)?;
        outcome(first).err()
    }

    fn raises(&self) -> Option<Cancelled> {
        let failures = self.iter().filter_map(|task| Some((task.failure()?, task)));
        let (_, first) = failures.min_by_key(|(failure, _)| *failure)?;
        first.raises()
    }

    fn values(&mut self) -> Result<Vec<T>, ResultError> {
        self.iter_mut().map(Task::result).collect()
    }

    fn outcomes(&mut self) -> Self::Outcomes {
        self.iter_mut().map(outcome).collect()
    }

    fn notify(&self, ended: &ChildEnded)
    where
        Self: 'static,
    {
        for task in self {
            notify(task, ended);
        }
    }
}

macro_rules! tuple_children {
    ($($name:ident $place:tt),+) => {
        impl<$($name),+> Children for ($(Task<$name>,)+) {
            type Values = ($($name,)+);
            type Outcomes = ($(Result<$name, TaskError>,)+);

            fn join(&mut self, group: &Group) {
                $(join(&mut self.$place, group);)+
            }

            fn controls(&self) -> Vec<TaskControl> {
                vec![$(self.$place.control()),+]
            }

            fn poll_resolved(&mut self, cx: &mut Context<'_>) -> bool {
                [$(poll_resolved(&mut self.$place, cx)),+].into_iter().all(|resolved| resolved)
            }

            fn resolved(&self) -> bool {
                $((!self.$place.done() || self.$place.resolved()))&&+
            }

            fn failed(&self) -> bool {
                $(self.$place.failure().is_some())||+
            }

            fn first_error(&mut self) -> Option<TaskError> {
                let first = [$(self.$place.failure()),+].into_iter().flatten().min()?;
                $(if self.$place.failure() == Some(first) {
                    return outcome(&mut self.$place).err();
                })+
                None
            }

            fn raises(&self) -> Option<Cancelled> {
                let first = [$(self.$place.failure()),+].into_iter().flatten().min()?;
                $(if self.$place.failure() == Some(first) {
                    return self.$place.raises();
                })+
                None
            }

            fn values(&mut self) -> Result<Self::Values, ResultError> {
                Ok(($(self.$place.result()?,)+))
            }

            fn outcomes(&mut self) -> Self::Outcomes {
                ($(outcome(&mut self.$place),)+)
            }

            fn notify(&self, ended: &ChildEnded)
            where
                Self: 'static,
            {
                $(notify(&self.$place, ended);)+
            }
        }
    };
}

tuple_children!(A 0);
tuple_children!(A 0, B 1);
tuple_children!(A 0, B 1, C 2);
tuple_children!(A 0, B 1, C 2, D 3);
tuple_children!(A 0, B 1, C 2, D 3, E 4);
tuple_children!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_children!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_children!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple_children!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple_children!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuple_children!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuple_children!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
