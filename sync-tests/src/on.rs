//! What a behaviour knows of the executor that it runs on: how to spawn and how to cancel; and the
//! few things that are the same on all of them.

use futures::channel::oneshot;
use futures::future::BoxFuture;
use std::fmt;
use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

/// Asks the executor to cancel a task.
pub type Cancel = Box<dyn FnOnce() + Send>;

type Spawn = dyn Fn(BoxFuture<'static, ()>) -> Cancel + Send + Sync;

/// Spawns tasks on the executor that a behaviour runs on.
#[derive(Clone)]
pub struct On(Arc<Spawn>);

/// A task that was spawned: awaiting it gives its value, or none if it was cancelled.
///
/// Dropping it leaves the task alone.
pub struct Job<T> {
    value: oneshot::Receiver<T>,
    cancel: Cancel,
}

impl On {
    /// An executor, by how it spawns a task, which goes on by itself.
    pub fn new(spawn: impl Fn(BoxFuture<'static, ()>) -> Cancel + Send + Sync + 'static) -> Self {
        Self(Arc::new(spawn))
    }

    /// Spawns a task.
    pub fn spawn<F>(&self, future: F) -> Job<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (sender, value) = oneshot::channel();
        // Dropped before its first poll, it drops what it captured in the order of its mention: the
        // future has to be gone when the sender tells so.
        let cancel = self.0(Box::pin(async move {
            let value = future.await;
            let _ = sender.send(value);
        }));
        Job { value, cancel }
    }
}

impl<T> Job<T> {
    /// Asks for a cancel, and waits until the task has ended: its value, if it was faster.
    pub async fn cancel(self) -> Option<T> {
        (self.cancel)();
        self.value.await.ok()
    }
}

impl<T> Future for Job<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.value).poll(cx).map(Result::ok)
    }
}

impl fmt::Debug for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("On(..)")
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job(..)")
    }
}

/// Polls a future once in the calling task: from now on it stands in the line of its primitive.
///
/// # Panics
/// If it does not have to wait.
pub async fn waiting<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    still_waits(&mut future).await;
    future
}

/// Polls once more a future that [`waiting`] gave.
///
/// # Panics
/// If it does not have to wait any more.
pub async fn still_waits<F: Future + ?Sized>(future: &mut Pin<Box<F>>) {
    assert!(futures::poll!(future).is_pending(), "it had to wait");
}

/// Lets others run once, on any executor.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// No behaviour takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test, and ends the process if that takes too long: it hangs.
pub fn in_time(test: impl FnOnce()) {
    let (done, over) = mpsc::channel::<()>();
    let name = thread::current().name().unwrap_or("a test").to_owned();
    thread::spawn(move || {
        if over.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Past what libtest captures, for it is lost with the process.
            let _ = writeln!(std::io::stderr(), "{name} hangs: no end after {LIMIT:?}");
            std::process::abort();
        }
    });
    test();
    drop(done);
}
