//! Spawning many futures as the members of one group: what `gather` does.

use crate::handle::Handle;
use crate::local;
use crate::shared::Origin;
use crate::task::{Group, Task};
use std::future::Future;
use std::panic::Location;

/// Tasks and the group that counts their ends.
pub type Grouped<T> = (Vec<Task<T>>, Group);

/// Spawns the futures, in order, as the members of a new group on the runtime of this thread.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn spawn_group<I>(futures: I) -> Grouped<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    let location = Location::caller();
    let handle = Handle::current();
    in_group(futures, |future, group| {
        let origin = Origin {
            group: Some(group),
            ..Origin::at(location)
        };
        // SAFETY: the future is Send.
        unsafe { handle.shared().try_spawn(future, origin) }
            .map_err(|future| Task::cancelled_at_birth(handle.shared(), future, location))
    })
}

/// As [`spawn_group`] for futures that need not be `Send`, on the single-threaded runtime of
/// this thread.
///
/// # Panics
/// Outside of `run_local`.
#[track_caller]
pub fn spawn_local_group<I>(futures: I) -> Grouped<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + 'static,
    <I::Item as Future>::Output: 'static,
{
    let location = Location::caller();
    in_group(futures, |future, group| {
        let origin = Origin {
            group: Some(group),
            ..Origin::at(location)
        };
        local::try_spawn(future, origin)
    })
}

/// The members of a group that is not settled yet; settles it, also when the caller's iterator
/// panics.
struct Members<'a> {
    group: &'a Group,
    count: usize,
}

impl Drop for Members<'_> {
    fn drop(&mut self) {
        self.group.settle(self.count);
    }
}

/// `spawn` gives an error for a task that a closed runtime cancelled: it is no member.
fn in_group<F: Future>(
    futures: impl IntoIterator<Item = F>,
    spawn: impl Fn(F, &Group) -> Result<Task<F::Output>, Task<F::Output>>,
) -> Grouped<F::Output> {
    let group = Group::unsettled();
    let mut members = Members {
        group: &group,
        count: 0,
    };
    let futures = futures.into_iter();
    let mut tasks = Vec::with_capacity(futures.size_hint().0);
    for future in futures {
        tasks.push(match spawn(future, &group) {
            Ok(task) => {
                members.count += 1;
                task
            }
            Err(cancelled) => {
                group.failed_before();
                cancelled
            }
        });
    }
    drop(members);
    (tasks, group)
}
