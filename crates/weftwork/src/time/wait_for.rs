//! asyncio.wait_for: a timeout with its rule at zero.

use super::timeout::{Elapsed, Timeout, timeout};
use crate::Task;
use pin_project_lite::pin_project;
use std::any::Any;
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
/// gives its value, a running one is cancelled and awaited, a plain future is never started.
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
    let any: &dyn Any = &future;
    let task = any.downcast_ref::<Task<F::Output>>();
    let starts = !duration.is_zero() || task.is_some();
    // It has a value, though its callbacks may have to see that first.
    let duration = match task {
        Some(task) if task.done() => Duration::MAX,
        _ => duration,
    };
    WaitFor {
        // Not in a closure, for the location.
        inner: if starts {
            Some(timeout(duration, future))
        } else {
            None
        },
    }
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
