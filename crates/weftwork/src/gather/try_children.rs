//! The collections of tasks that a `try_gather` waits for: a vec, or a tuple.

use crate::{Cancelled, Task, TaskControl, TaskError};
use std::fmt;
use std::panic::resume_unwind;
use std::task::{Context, Poll};

/// Children that give a `Result`. Implemented for vecs and tuples of [`TryChild`]; not for
/// others.
pub trait TryChildren {
    /// All values.
    type Values;
    /// The error of every child.
    type Error;

    #[doc(hidden)]
    fn count(&self) -> usize;
    #[doc(hidden)]
    fn child(&mut self, number: usize) -> &mut dyn AnyChild<Self::Error>;
    /// The values, once all are there.
    #[doc(hidden)]
    fn values(&mut self) -> Option<Self::Values>;
}

/// One child of a `try_gather`: its task, and its value once that was taken.
pub struct TryChild<T, E> {
    task: Task<Result<T, E>>,
    value: Option<T>,
}

/// What ends a `try_gather` before all have ended.
#[derive(Debug)]
pub enum Stop<E> {
    /// A child's error.
    Error(E),
    /// A child was cancelled.
    Cancelled(Cancelled),
}

/// A child without the type of its value.
pub trait AnyChild<E> {
    #[doc(hidden)]
    fn control(&self) -> TaskControl;
    /// True if it has ended; otherwise it wakes this context when it does.
    #[doc(hidden)]
    fn has_ended(&mut self, cx: &mut Context<'_>) -> bool;
    /// Takes the value of one that has ended, or what it failed by.
    #[doc(hidden)]
    fn take(&mut self, cx: &mut Context<'_>) -> Result<(), Stop<E>>;
}

impl<T, E> TryChild<T, E> {
    #[doc(hidden)]
    pub fn new(task: Task<Result<T, E>>) -> Self {
        Self { task, value: None }
    }
}

impl<T, E> AnyChild<E> for TryChild<T, E> {
    fn control(&self) -> TaskControl {
        self.task.control()
    }

    fn has_ended(&mut self, cx: &mut Context<'_>) -> bool {
        self.task.poll_done(cx).is_ready()
    }

    fn take(&mut self, cx: &mut Context<'_>) -> Result<(), Stop<E>> {
        match self.task.poll_outcome(cx) {
            Poll::Ready(Ok(Ok(value))) => self.value = Some(value),
            Poll::Ready(Ok(Err(error))) => return Err(Stop::Error(error)),
            Poll::Ready(Err(TaskError::Panicked(payload))) => resume_unwind(payload),
            Poll::Ready(Err(TaskError::Cancelled(cause))) => return Err(Stop::Cancelled(cause)),
            Poll::Pending => {}
        }
        Ok(())
    }
}

impl<T, E> TryChildren for Vec<TryChild<T, E>> {
    type Values = Vec<T>;
    type Error = E;

    fn count(&self) -> usize {
        self.len()
    }

    fn child(&mut self, number: usize) -> &mut dyn AnyChild<E> {
        &mut self[number]
    }

    fn values(&mut self) -> Option<Vec<T>> {
        self.iter_mut().map(|child| child.value.take()).collect()
    }
}

macro_rules! tuple_children {
    ($count:literal: $($name:ident $place:tt),+) => {
        impl<$($name,)+ Error> TryChildren for ($(TryChild<$name, Error>,)+) {
            type Values = ($($name,)+);
            type Error = Error;

            fn count(&self) -> usize {
                $count
            }

            fn child(&mut self, number: usize) -> &mut dyn AnyChild<Error> {
                match number {
                    $($place => &mut self.$place,)+
                    _ => unreachable!("a tuple of {} has no child {number}", $count),
                }
            }

            fn values(&mut self) -> Option<Self::Values> {
                Some(($(self.$place.value.take()?,)+))
            }
        }
    };
}

tuple_children!(1: A 0);
tuple_children!(2: A 0, B 1);
tuple_children!(3: A 0, B 1, C 2);
tuple_children!(4: A 0, B 1, C 2, D 3);
tuple_children!(5: A 0, B 1, C 2, D 3, E 4);
tuple_children!(6: A 0, B 1, C 2, D 3, E 4, F 5);
tuple_children!(7: A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_children!(8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple_children!(9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple_children!(10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuple_children!(11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuple_children!(12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);

impl<T, E> fmt::Debug for TryChild<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.task, f)
    }
}
