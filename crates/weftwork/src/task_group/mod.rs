//! Structured concurrency: a group of tasks that is left when all of them have ended.
//!
//! `core` is what the group's handles and children share, `child` the future that a child runs
//! in, `scope` the future of the group itself.

mod child;
mod child_result;
mod core;
mod error;
mod scope;
mod spawn;

pub use child_result::ChildResult;
pub use error::{ChildError, ChildFailure, GroupClosed, GroupError, GroupRefusal};
pub use scope::GroupScope;
pub use spawn::{LocalTaskGroup, TaskGroup};

use self::core::Core;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

/// Runs a body that spawns tasks, and waits until all of them have ended: asyncio.TaskGroup.
///
/// The body gets the group and spawns children in it. The first child that returns an `Err` or
/// panics cancels the others and the body; when all have ended, their clean-ups included, all
/// errors come in one [`GroupError`]. The body counts as a child: its `Err` or panic does the
/// same. Without an error the group gives the body's value.
///
/// - Children return `()` or `Result<_, E>`; see [`ChildResult`]. Their handles can be awaited,
///   or dropped.
/// - Children may spawn siblings, also after the body has ended; the handle is `Clone`.
/// - A child that is cancelled alone is no error, and its siblings go on.
/// - An `Err` that a child returns after it was cancelled is kept.
/// - [`TaskGroup::cancel`] ends the group early, without an error.
///
/// ```
/// use weftwork::{TaskGroup, run, task_group, time::sleep};
/// use std::time::Duration;
///
/// async fn fetch(n: u32) -> Result<u32, String> {
///     if n == 0 { Err("nothing there".to_owned()) } else { Ok(n) }
/// }
///
/// run(async {
///     let sum = task_group(async |g| {
///         let (a, b) = (g.spawn(fetch(1)), g.spawn(fetch(2)));
///         Ok(a.await + b.await)
///     })
///     .await;
///     assert_eq!(sum.unwrap(), 3);
///
///     let failed = task_group(async |g| {
///         g.spawn(fetch(0));
///         g.spawn(async { Ok(sleep(Duration::from_secs(3600)).await) });
///     })
///     .await
///     .unwrap_err();
///     assert_eq!(failed.errors().collect::<Vec<_>>(), ["nothing there"]);
///
///     // Where no child can fail, the error has to be named: `|g: &TaskGroup|`.
///     task_group(async |g: &TaskGroup| { g.spawn(async {}); }).await.unwrap();
/// });
/// ```
///
/// # Errors
/// All errors of the children and of the body.
///
/// # Cancel safety
/// A cancel of the awaiting task goes to the body and to all children, and the group waits for
/// their end; then the cancel goes on. If a child fails meanwhile, the group gives its error,
/// and the cancel strikes at the next await after it. Dropping the group's future cannot wait:
/// it cancels the children and leaves them. Failures that it had, or that come later, then go to
/// the exception handler: a panic with its text, an error by its type and the place of the child.
#[doc(alias = "asyncio.TaskGroup")]
#[doc(alias = "create_task")]
#[doc(alias = "ExceptionGroup")]
#[doc(alias = "nursery")]
#[doc(alias = "JoinSet")]
#[track_caller]
pub fn task_group<E, R, B>(body: B) -> impl Future<Output = Result<R::Value, GroupError<E>>>
where
    B: AsyncFnOnce(&TaskGroup<E>) -> R,
    R: ChildResult<E>,
{
    let location = Location::caller();
    async move {
        let core = Arc::new(Core::new(location));
        let group = TaskGroup::new(Arc::clone(&core));
        GroupScope::new(body(&group), core).await
    }
}

/// [`task_group`] with a plain closure, which gets the group by value and is called at once.
///
/// It is for generic code that has to say that the futures are `Send`, as there is no way yet to
/// say that of what an async closure gives; and for errors with a lifetime (`&'static str`,
/// `Box<dyn Error>`) in a task that is spawned, where the compiler cannot see it.
///
/// ```
/// use std::future::Future;
/// use weftwork::{GroupError, TaskGroup, run, spawn, task_group_fn};
///
/// fn in_background<F>(body: impl FnOnce(TaskGroup<String>) -> F + Send + 'static)
///     -> weftwork::Task<Result<(), GroupError<String>>>
/// where
///     F: Future<Output = Result<(), String>> + Send + 'static,
/// {
///     spawn(task_group_fn(body))
/// }
///
/// let done = run(async { in_background(async |_group| Ok(())).await });
/// assert!(done.is_ok());
/// ```
///
/// # Errors
/// As for [`task_group`].
#[track_caller]
pub fn task_group_fn<E, F>(body: impl FnOnce(TaskGroup<E>) -> F) -> GroupScope<F, E>
where
    F: Future<Output: ChildResult<E>>,
{
    let core = Arc::new(Core::new(Location::caller()));
    let body = body(TaskGroup::new(Arc::clone(&core)));
    GroupScope::new(body, core)
}

/// [`task_group`](crate::task_group()) for children that need not be `Send`, inside of
/// [`run_local`](crate::run_local).
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use weftwork::{local, run_local};
///
/// let count = Rc::new(Cell::new(0));
/// run_local(async {
///     local::task_group(async |g: &local::TaskGroup| {
///         for _ in 0..3 {
///             let count = Rc::clone(&count);
///             g.spawn(async move { count.set(count.get() + 1) });
///         }
///     })
///     .await
///     .unwrap();
/// });
/// assert_eq!(count.get(), 3);
/// ```
///
/// # Errors
/// As for [`task_group`](crate::task_group()).
#[track_caller]
pub fn local_task_group<E, R, B>(body: B) -> impl Future<Output = Result<R::Value, GroupError<E>>>
where
    B: AsyncFnOnce(&LocalTaskGroup<E>) -> R,
    R: ChildResult<E>,
{
    let location = Location::caller();
    async move {
        let core = Arc::new(Core::new(location));
        let group = LocalTaskGroup::new(Arc::clone(&core));
        GroupScope::new(body(&group), core).await
    }
}
