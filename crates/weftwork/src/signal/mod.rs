//! Signals: Ctrl-C, and any other one of Unix.
//!
//! ```
//! use weftwork::signal;
//!
//! # fn main() -> std::io::Result<()> {
//! weftwork::run(async {
//! #   let me = rustix::process::getpid();
//!     let interrupt = signal::ctrl_c();
//! #   rustix::process::kill_process(me, rustix::process::Signal::INT)?;
//!     interrupt.await?;
//!     println!("the program ends in peace");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # Who hears of a signal
//! 1. All live listeners: the [`Interrupt`]s of [`ctrl_c`] that have not ended and the
//!    [`Signal`]s that have not been dropped, on whatever runtime.
//! 2. If there are none, the main tasks of the runtimes that were built with
//!    [`CtrlCExt::ctrl_c`] or [`CtrlCExt::sigterm`]: the first signal cancels them, the second
//!    ends the process at once.
//! 3. If there are none either, what happens is what would happen without weftwork: Ctrl-C ends
//!    the process, a handler of somebody else runs.
//!
//! So between two calls of [`ctrl_c`] in a loop Ctrl-C ends the program: a program that handles
//! it again and again keeps a [`Signal`]. Handlers that other crates have set
//! with the crate `signal-hook-registry` run in any case, but do not count as listeners here.

mod dispatch;
mod main_task;
pub mod unix;

pub use main_task::{CtrlC, CtrlCExt};

pub(crate) use dispatch::call_at;
pub(crate) use main_task::exit_code;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use unix::{Signal, SignalKind, signal};

/// Waits for one Ctrl-C, made by [`ctrl_c`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Interrupt(Option<io::Result<Signal>>);

/// Waits for one Ctrl-C (`SIGINT`), which does not end the program meanwhile. It listens from
/// this call on, not from the first poll. Many may wait at a time: all hear of it.
///
/// # Errors
/// What the system said when it gave no thread or no descriptor.
///
/// # Cancel safety
/// Dropped before its end, it listens no more, and the others still hear of the signal.
#[doc(alias = "KeyboardInterrupt")]
#[doc(alias = "SIGINT")]
pub fn ctrl_c() -> Interrupt {
    Interrupt(Some(signal(SignalKind::interrupt())))
}

impl Future for Interrupt {
    type Output = io::Result<()>;

    /// # Panics
    /// After its end.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let listening = self.0.take().expect("a future is not polled after its end");
        let mut signal = listening?;
        let next = std::pin::pin!(signal.recv()).poll(cx);
        if next.is_pending() {
            self.0 = Some(Ok(signal));
        }
        ready!(next);
        Poll::Ready(Ok(()))
    }
}
