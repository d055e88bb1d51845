//! One call that blocks, as a future.

use super::{Place, submit};
use crate::cancel::declines;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_scheduler::Blocking;

type Work<T> = Box<dyn FnOnce() -> io::Result<T> + Send>;

/// A call to the system that runs on the blocking pool; it is handed over at the first poll.
///
/// # Errors
/// What the system says, and [`RuntimeError`](crate::RuntimeError) or
/// [`BlockingRefusal`](crate::BlockingRefusal) as `Other` where there is no runtime or no thread.
///
/// # Cancel safety
/// Cancelled or dropped before the pool has begun it, it never happens. Once begun it runs on to
/// its end, unseen, and the end of the runtime waits for it.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Operation<T>(Stage<T>);

enum Stage<T> {
    New(Work<T>, Place),
    Running(Blocking<io::Result<T>>),
    Ended,
}

impl<T: Send + 'static> Operation<T> {
    #[track_caller]
    pub(crate) fn new(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Self {
        Self::at(Location::caller(), work)
    }

    pub(crate) fn at(place: Place, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Self {
        Self(Stage::New(Box::new(work), place))
    }
}

impl<T: Send + 'static> Future for Operation<T> {
    type Output = io::Result<T>;

    /// # Panics
    /// After its end.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if declines(cx) {
            return Poll::Pending;
        }
        let mut job = match std::mem::replace(&mut self.0, Stage::Ended) {
            Stage::New(work, place) => submit(place, work)?,
            Stage::Running(job) => job,
            Stage::Ended => panic!("a future is not polled after its end"),
        };
        let polled = Pin::new(&mut job).poll(cx);
        if polled.is_pending() {
            self.0 = Stage::Running(job);
        }
        polled
    }
}

impl<T> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Stage::New(..) => "Operation(new)",
            Stage::Running(_) => "Operation(running)",
            Stage::Ended => "Operation(ended)",
        })
    }
}
