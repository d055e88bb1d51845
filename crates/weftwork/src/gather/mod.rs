//! Many futures, all their values.

mod children;
mod control;
mod finished;
mod futures;
mod try_children;
mod try_gather;

pub(crate) use children::outcome;
pub use children::{ChildEnded, Children};
pub use control::GroupControl;
pub use finished::FinishedGroup;
pub use futures::{Gather, GatherOutcomes, JoinAll, JoinAllOutcomes};
pub use try_children::{AnyChild, Stop, TryChild, TryChildren};
pub use try_gather::{TryGather, TryJoinAll, try_gather};

use crate::ensure::{ensure_future, is_task};
use std::future::Future;

/// Runs futures at the same time and gives all their values, in the order of the input:
/// asyncio.gather.
///
/// Takes futures or tasks (a [`Task`](crate::Task) is used as it is), starts them at once, in
/// order. The first panic or cancel of one of them goes on in the awaiter at once, the others
/// keep running; [`return_exceptions`](Gather::return_exceptions) gives a `Result` for each
/// instead. Cancelling the awaiter cancels all of them. A `Gather` is a future, so groups
/// nest. Empty input gives an empty vec.
///
/// Futures that borrow cannot be spawned: use `futures::join!` for those.
///
/// ```
/// let values = weftwork::run(async {
///     weftwork::gather((0..3).map(|n| async move { n * 10 })).await
/// });
/// assert_eq!(values, [0, 10, 20]);
/// ```
///
/// # Panics
/// Outside of a runtime.
#[doc(alias = "asyncio.gather")]
#[doc(alias = "join_all")]
#[track_caller]
pub fn gather<I>(futures: I) -> Gather<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    if is_task::<I::Item>() {
        return Gather::new(futures.into_iter().map(ensure_future).collect());
    }
    Gather::spawned(weftwork_scheduler::spawn_group(futures))
}

/// [`gather`](gather()) for futures of different types: a tuple of their values.
///
/// ```
/// let (n, text) = weftwork::run(async {
///     weftwork::gather!(async { 1 }, async { "two" }).await
/// });
/// assert_eq!((n, text), (1, "two"));
///
/// let (good, bad) = weftwork::run(async {
///     weftwork::gather!(async { 1 }, async { None::<u8>.expect("gone") }; return_exceptions).await
/// });
/// assert!(good.is_ok() && bad.is_err());
/// ```
#[macro_export]
macro_rules! gather {
    ($($future:expr),+ ; return_exceptions) => {
        $crate::gather!($($future),+).return_exceptions()
    };
    ($($future:expr),+ $(,)?) => {
        $crate::JoinAll::new(($($crate::ensure_future($future),)+))
    };
}
