//! A `finally` whose clean-up runs even when it is dropped.

use super::finally::{Finally, finally};
use super::shielded;
use crate::pooled::Place;
use crate::{Handle, Task};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

/// In a box, so that it can move into a task when it has begun.
type BoxedCleanUp = Pin<Box<dyn Future<Output = ()> + Send>>;

pin_project! {
    /// The future of [`finally_spawned`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct FinallySpawned<F: Future> {
        #[pin]
        inner: Finally<F, BoxedCleanUp>,
        // The runtime that began it; none before that, and while it is polled, so that a clean-up
        // which panics is not run again.
        runtime: Option<Handle>,
        // Where it was made.
        location: Place,
    }

    impl<F: Future> PinnedDrop for FinallySpawned<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let cleanup = this.inner.take_cleanup();
            if let (Some(runtime), Some(cleanup)) = (this.runtime.take(), cleanup) {
                let task = Task::builder().location(this.location);
                task.spawn_on(&runtime, shielded(cleanup)).detach();
            }
        }
    }
}

/// [`finally`](super::finally()) with a clean-up that runs also when this is dropped unfinished,
/// as the loser of a `select!` is: then in a task of its own, which nobody waits for.
///
/// The clean-up is to be `Send + 'static`, and nothing is borrowed in it. One that has begun
/// when this is dropped goes on where it was. Nothing runs if this is dropped before it was polled.
/// At the end of the runtime tasks that have not begun are dropped, and these are such tasks:
/// what must not be lost even then belongs into a plain `finally` that is awaited.
///
/// ```
/// use futures::future::{select, ready};
/// use weftwork::{finally_spawned, run, sync::oneshot};
///
/// let cleaned = run(async {
///     let (told, cleaned) = oneshot::channel();
///     let guarded = finally_spawned(std::future::pending::<()>(), async move {
///         let _ = told.send("cleaned");
///     });
///     // It loses, and is dropped.
///     drop(select(Box::pin(guarded), ready(())).await);
///     cleaned.await.unwrap()
/// });
/// assert_eq!(cleaned, "cleaned");
/// ```
#[track_caller]
pub fn finally_spawned<F, G>(future: F, cleanup: G) -> FinallySpawned<F>
where
    F: Future,
    G: Future<Output = ()> + Send + 'static,
{
    FinallySpawned {
        inner: finally(future, Box::pin(cleanup) as BoxedCleanUp),
        runtime: None,
        location: Location::caller(),
    }
}

impl<F: Future> Future for FinallySpawned<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let runtime = this.runtime.take().or_else(|| Handle::try_current().ok());
        let polled = this.inner.poll(cx);
        *this.runtime = runtime;
        polled
    }
}

impl<F: Future> fmt::Debug for FinallySpawned<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FinallySpawned")
    }
}
