//! Signals of Unix.

use super::dispatch::Listening;
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::CancelSource;

/// Which signal.
#[doc(alias = "Signals")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignalKind(i32);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:ident;)*) => {
        impl SignalKind {
            $(
                $(#[$doc])*
                #[must_use]
                pub const fn $name() -> Self {
                    Self(weftwork_io_driver::signal::$number)
                }
            )*
        }
    };
}

kinds! {
    /// Ctrl-C at the terminal.
    #[doc(alias = "SIGINT")]
    interrupt = SIGINT;
    /// The polite request to end, as `kill` and service managers send it.
    #[doc(alias = "SIGTERM")]
    terminate = SIGTERM;
    /// The terminal is gone; for servers often: read the configuration again.
    #[doc(alias = "SIGHUP")]
    hangup = SIGHUP;
    /// Ctrl-\ at the terminal.
    #[doc(alias = "SIGQUIT")]
    quit = SIGQUIT;
    /// For the program's own use.
    #[doc(alias = "SIGUSR1")]
    user_defined1 = SIGUSR1;
    /// For the program's own use.
    #[doc(alias = "SIGUSR2")]
    user_defined2 = SIGUSR2;
    /// A child process has ended or stopped.
    #[doc(alias = "SIGCHLD")]
    child = SIGCHLD;
    /// The window of the terminal has another size.
    #[doc(alias = "SIGWINCH")]
    window_change = SIGWINCH;
    /// A timer of `alarm` or `setitimer` is due.
    #[doc(alias = "SIGALRM")]
    alarm = SIGALRM;
    /// A write to a pipe that nobody reads.
    #[doc(alias = "SIGPIPE")]
    pipe = SIGPIPE;
    /// A descriptor is ready (`O_ASYNC`).
    #[doc(alias = "SIGIO")]
    io = SIGIO;
}

impl SignalKind {
    /// A signal by its number; also one that has no name here, such as those for real time.
    #[must_use]
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// Its number.
    #[doc(alias = "as_raw_value")]
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl From<i32> for SignalKind {
    fn from(number: i32) -> Self {
        Self(number)
    }
}

impl From<SignalKind> for i32 {
    fn from(kind: SignalKind) -> Self {
        kind.0
    }
}

impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&CancelSource::Signal(self.0), f)
    }
}

impl fmt::Debug for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignalKind({self})")
    }
}

/// Hears of every arrival of a signal, made by [`signal`]: a [`Stream`] without end.
#[derive(Debug)]
pub struct Signal(Listening);

/// Listens to a signal, from this call on until the stream is dropped.
///
/// Any number of listeners of one signal, on any runtimes and threads, all hear of it. Signals
/// that come before a listener has looked are one to it, as they are to the system.
/// [The module](super) says what happens when nobody listens.
///
/// ```
/// use weftwork::signal::unix::{SignalKind, signal};
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let mut hangups = signal(SignalKind::hangup())?;
/// #   let me = rustix::process::getpid();
/// #   rustix::process::kill_process(me, rustix::process::Signal::HUP)?;
///     hangups.recv().await;
///     println!("reading the configuration again");
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// `InvalidInput` for a number that is no signal and for signals that nobody can catch
/// (`SIGKILL`, `SIGSTOP`, `SIGSEGV`, `SIGILL`, `SIGFPE`); otherwise what the system said when it
/// gave no thread or no descriptor.
#[doc(alias = "add_signal_handler")]
#[doc(alias = "loop.add_signal_handler")]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    Listening::new(kind.0).map(Signal)
}

impl Signal {
    /// Waits until the signal comes, or has come since the last time.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken nothing: the next call gets the signal.
    pub async fn recv(&mut self) {
        poll_fn(|cx| self.0.poll(cx)).await;
    }
}

impl Stream for Signal {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.0.poll(cx).map(Some)
    }
}
