//! asyncio.wait_for: a timeout with its rule at zero.

use super::timeout::{Elapsed, Timeout, timeout};
use crate::{JoinAll, JoinAllOutcomes, Race, SharedTask, Shield, Task, TryJoinAll};
use pin_project_lite::pin_project;
use std::any::{Any, type_name};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// The future of [`wait_for`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct WaitFor<F> {
        // None: a plain future that was given no time is never started.
        #[pin]
        inner: Option<Timeout<F>>,
    }
}

/// [`timeout`](super::timeout) with asyncio's order of arguments, and its rule at zero: a task that has ended
/// gives its value, a running one is cancelled and awaited, a plain future is never started. A
/// `gather` or a `race` counts as its tasks do; what is shielded or shared is left alone. These are told by their
/// types: one inside of another future (an `async` block, a `Box`) is a plain future.
///
/// A cancel of whoever awaits it goes to the task, whose end is waited for, with time or without. asyncio
/// leaves the task alone in the second case.
///
/// ```
/// use std::time::Duration;
/// use weftwork::{run, spawn, time::wait_for};
///
/// run(async {
///     let task = spawn(async { 5 });
///     task.finished().await;
///     assert_eq!(wait_for(task, Duration::ZERO).await, Ok(5));
///     assert!(wait_for(async { panic!("never started") }, Duration::ZERO).await.is_err());
/// });
/// ```
#[doc(alias = "asyncio.wait_for")]
#[track_caller]
pub fn wait_for<F>(future: F, duration: Duration) -> WaitFor<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let duration = if has_ended::<F::Output>(&future) {
        Duration::MAX
    } else {
        duration
    };
    let under_way = is_under_way::<F>();
    WaitFor {
        // Not in a closure, for the location.
        inner: if !duration.is_zero() {
            Some(timeout(duration, future))
        } else if under_way || is_left_alone::<F>() {
            Some(timeout(duration, future).keeps_ended(under_way))
        } else {
            None
        },
    }
}

/// True if the future stands for one task, and that has ended: it has a value, though callbacks may have to
/// see that first.
fn has_ended<T: 'static>(future: &dyn Any) -> bool {
    let task = future.downcast_ref::<Task<T>>();
    let shared = future.downcast_ref::<SharedTask<T>>();
    let shielded = future.downcast_ref::<Shield<T, Task<T>>>();
    task.is_some_and(Task::done)
        || shared.is_some_and(SharedTask::done)
        || shielded.is_some_and(Shield::done)
}

/// True if futures of this type stand for tasks that they cancel, whatever these give.
fn is_under_way<F>() -> bool {
    let types = [
        base::<Task<()>>(),
        base::<JoinAll<()>>(),
        base::<JoinAllOutcomes<()>>(),
        base::<TryJoinAll<()>>(),
        base::<Race<()>>(),
    ];
    types.contains(&base::<F>())
}

/// True if futures of this type stand for a task that they do not cancel.
fn is_left_alone<F>() -> bool {
    [base::<Shield<(), ()>>(), base::<SharedTask<()>>()].contains(&base::<F>())
}

/// The name of a type without those of its parameters.
///
/// There is no better way that costs nobody anything. A trait would have to be implemented for every future, and
/// once more for these, which takes specialization. `Any` compares whole types, and that of a gather cannot be named
/// here: its tasks may be a vec or a tuple, and what they give is known only as a whole. A gather that could
/// be named by its output alone would be boxed. To ask the future itself, it would have to be polled, which starts it.
/// Rust does not promise the names, so `tests/no_time.rs` asks for each of the types; an answer that is wrong makes
/// the future a plain one, which is dropped.
fn base<T>() -> &'static str {
    let name = type_name::<T>();
    name.split_once('<').map_or(name, |(base, _)| base)
}

impl<F: Future> Future for WaitFor<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().inner.as_pin_mut() {
            Some(inner) => inner.poll(cx),
            None => Poll::Ready(Err(Elapsed::new())),
        }
    }
}
