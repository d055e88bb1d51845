//! The collections of tasks that a gather waits for: a vec, or a tuple.

use crate::{ResultError, Task, TaskControl, TaskError};
use weftwork_scheduler::Group;

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
    /// What the first failed task failed by, in order.
    #[doc(hidden)]
    fn first_error(&mut self) -> Option<TaskError>;
    /// The values, once all have ended.
    #[doc(hidden)]
    fn values(&mut self) -> Result<Self::Values, ResultError>;
    /// The outcomes, once all have ended.
    #[doc(hidden)]
    fn outcomes(&mut self) -> Self::Outcomes;
}

fn join<T>(task: &mut Task<T>, group: &Group) {
    if !task.join_group(group) && (task.cancelled() || task.panicked()) {
        group.failed_before();
    }
}

fn error<T>(task: &mut Task<T>) -> Option<TaskError> {
    if !task.cancelled() && !task.panicked() {
        return None;
    }
    outcome(task).err()
}

/// The outcome of a task that has ended.
fn outcome<T>(task: &mut Task<T>) -> Result<T, TaskError> {
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

    fn first_error(&mut self) -> Option<TaskError> {
        self.iter_mut().find_map(error)
    }

    fn values(&mut self) -> Result<Vec<T>, ResultError> {
        self.iter_mut().map(Task::result).collect()
    }

    fn outcomes(&mut self) -> Self::Outcomes {
        self.iter_mut().map(outcome).collect()
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

            fn first_error(&mut self) -> Option<TaskError> {
                $(if let Some(error) = error(&mut self.$place) {
                    return Some(error);
                })+
                None
            }

            fn values(&mut self) -> Result<Self::Values, ResultError> {
                Ok(($(self.$place.result()?,)+))
            }

            fn outcomes(&mut self) -> Self::Outcomes {
                ($(outcome(&mut self.$place),)+)
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
