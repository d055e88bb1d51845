//! Futures that find a runtime of tokio.

use crate::reactor::tokio_handle;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

pin_project! {
    /// The future of [`tokio_context`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct TokioContext<F> {
        handle: Handle,
        // None once it is dropped.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for TokioContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What the future drops may want the context, too.
            let _entered = this.handle.enter();
            this.future.set(None);
        }
    }
}

/// Polls a future in the context of a runtime of tokio: `tokio::net`, `tokio::time`,
/// `tokio::spawn` and the libraries on them work in it, in any task of weftwork.
///
/// The runtime is that of the thread if it is in one, so contexts can be nested; otherwise the one
/// that belongs to this process ([`tokio_handle`]). [`TokioContext::on`] takes any other.
///
/// The future is a part of the task that awaits it: it runs on weftwork's workers, and need be neither
/// `Send` nor `'static`. weftwork's own functions work in it as ever. The context is there while it is
/// polled and while it is dropped, and not between.
///
/// ```
/// use std::time::Duration;
/// use weftwork_tokio::tokio_context;
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(tokio_context(async {
///     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
///     let waiting = tokio::time::timeout(Duration::from_millis(10), listener.accept());
///     assert!(waiting.await.is_err());
///     Ok(())
/// }))
/// # }
/// ```
///
/// # Panics
/// If the process has no runtime of tokio yet and the system has no thread or descriptors for one.
///
/// # Cancel safety
/// That of the future. A cancel reaches what it awaits of weftwork; the waits of tokio are dropped.
/// What was given to `tokio::spawn` runs on.
#[doc(alias = "Compat")]
#[doc(alias = "compat")]
#[doc(alias = "enter")]
#[track_caller]
pub fn tokio_context<F>(future: F) -> TokioContext<F> {
    let handle = Handle::try_current().or_else(|_none| tokio_handle());
    match handle {
        Ok(handle) => TokioContext::on(handle, future),
        Err(error) => panic!("the runtime of tokio cannot be started: {error}"),
    }
}

impl<F> TokioContext<F> {
    /// As [`tokio_context`], in the context of a runtime that the program has made.
    ///
    /// That one has to be driven: a multi-threaded one is by itself, a `current_thread` one while it
    /// is in `block_on`. Once it is shut down, tokio's sockets give errors and its timers panic.
    pub fn on(handle: Handle, future: F) -> Self {
        let future = Some(future);
        Self { handle, future }
    }
}

impl<F: Future> Future for TokioContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.handle.enter();
        let future = this.future.as_pin_mut();
        future.expect("only the drop takes it").poll(cx)
    }
}

impl<F> fmt::Debug for TokioContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioContext").finish_non_exhaustive()
    }
}
