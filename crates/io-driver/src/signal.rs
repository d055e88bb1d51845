//! Signals: a handler that does nothing but write to a pipe, and the other end of that pipe.

use signal_hook_registry::{FORBIDDEN, register};
use std::io::{self, PipeReader, PipeWriter, Read};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use weftwork_std_or_loom::atomic::AtomicBool;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;

pub use libc::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGKILL, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
    SIGWINCH,
};

/// No system has signals beyond this number.
const COUNT: usize = 128;

/// Catches signals for a [`CaughtSignals`]. A signal that is caught once stays so: whoever does
/// not want it any more calls [`default_action`].
#[derive(Debug)]
pub struct SignalCatcher(Arc<Shared>);

/// The signals that were caught, one after another. Those that come before the first of their
/// kind was taken are one.
#[derive(Debug)]
pub struct CaughtSignals {
    pipe: PipeReader,
    shared: Arc<Shared>,
}

/// What happened at a signal before it was caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// What the system does by default.
    Default,
    /// Nothing.
    Ignored,
    /// A handler of somebody else, which is still called.
    Handled,
}

/// What the handlers need. They live as long as the process.
#[derive(Debug)]
struct Shared {
    pipe: PipeWriter,
    /// By number: it is in the pipe. So the pipe is never full.
    raised: [AtomicBool; COUNT],
    /// A child between `fork` and `exec` has the handlers and the pipe too, and its signals are
    /// not ours.
    process: rustix::process::Pid,
}

impl Shared {
    /// Runs in a signal handler, where locks and allocations are forbidden.
    fn raise(&self, signal: u8) {
        if rustix::process::getpid() != self.process {
            return;
        }
        // The kernel orders this before the read of what is written next.
        if !self.raised[usize::from(signal)].swap(true, Relaxed) {
            // It has room for all that there can be.
            let _ = rustix::io::write(&self.pipe, &[signal]);
        }
    }
}

/// Makes a pipe for the signals of this process.
///
/// # Errors
/// The system gives no descriptors.
pub fn signals() -> io::Result<(SignalCatcher, CaughtSignals)> {
    let (reader, writer) = io::pipe().map_err(crate::explain)?;
    rustix::io::ioctl_fionbio(&writer, true)?;
    let shared = Arc::new(Shared {
        pipe: writer,
        raised: [const { AtomicBool::new(false) }; COUNT],
        process: rustix::process::getpid(),
    });
    let caught = CaughtSignals {
        pipe: reader,
        shared: Arc::clone(&shared),
    };
    Ok((SignalCatcher(shared), caught))
}

impl SignalCatcher {
    /// Catches a signal from here on; call it once for each. Says what happened at it before.
    ///
    /// # Errors
    /// `InvalidInput` for a number that is no signal or one that cannot be caught.
    pub fn catch(&self, signal: i32) -> io::Result<Disposition> {
        let number = u8::try_from(signal).ok();
        let number = number.filter(|number| (1..COUNT).contains(&usize::from(*number)));
        let number = number.ok_or_else(|| invalid(signal, "there is no such signal"))?;
        if FORBIDDEN.contains(&signal) {
            let why = "the system lets nobody catch it, or it means that this very thread failed";
            return Err(invalid(signal, why));
        }
        let before = disposition(signal)?;
        let shared = Arc::clone(&self.0);
        // SAFETY: `raise` is safe in a signal handler: it makes two system calls and changes an
        // atomic. The registry keeps `errno`.
        unsafe { register(signal, move || shared.raise(number)) }?;
        Ok(before)
    }
}

impl CaughtSignals {
    /// Waits for the next signal; gives its number. It blocks the thread.
    ///
    /// # Errors
    /// What the system says.
    pub fn next_signal(&mut self) -> io::Result<i32> {
        let mut signal = [0];
        self.pipe.read_exact(&mut signal)?;
        let [signal] = signal;
        // From here on it can come again.
        self.shared.raised[usize::from(signal)].store(false, Relaxed);
        Ok(i32::from(signal))
    }
}

/// Does what the system does by default at a signal that was caught: ends the process, stops it,
/// or nothing.
pub fn default_action(signal: i32) {
    match signal {
        libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT => {}
        #[cfg(any(
            target_vendor = "apple",
            target_os = "freebsd",
            target_os = "netbsd",
            target_os = "openbsd",
            target_os = "dragonfly",
        ))]
        libc::SIGIO | libc::SIGINFO => {}
        libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => send_to_self(libc::SIGSTOP),
        _ => end_process(signal),
    }
}

/// Ends the process by a signal, or with the code that a shell has for that end if the system
/// lets no signal end it, as the first process of a container.
fn end_process(signal: i32) {
    // SAFETY: no pointers are involved; an unknown number is an error.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    let mut only = MaybeUninit::<libc::sigset_t>::uninit();
    // A thread that does not block it has got it when `raise` returns.
    // SAFETY: the first call fills the set in; an unknown number is an error.
    let unblocked = unsafe {
        libc::sigemptyset(only.as_mut_ptr()) == 0
            && libc::sigaddset(only.as_mut_ptr(), signal) == 0
            && libc::pthread_sigmask(libc::SIG_UNBLOCK, only.as_ptr(), ptr::null_mut()) == 0
    };
    if unblocked && raise(signal).is_ok() {
        // SAFETY: it ends the process, which is what the caller wants.
        unsafe { libc::_exit(128 + signal) };
    }
}

fn send_to_self(signal: i32) {
    // It may always send itself signals.
    let _ = send_signal(std::process::id(), signal);
}

/// Sends a signal to a process.
///
/// # Errors
/// `InvalidInput` for a process number that does not name one process; otherwise what the system
/// says.
pub fn send_signal(process: u32, signal: i32) -> io::Result<()> {
    // Zero and negative numbers mean groups of processes.
    let process = i32::try_from(process).ok().filter(|number| *number > 0);
    let process = process.ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: no pointers are involved; unknown numbers are errors.
    match unsafe { libc::kill(process, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends a signal to this very thread: when this returns, its handler has run. For tests.
///
/// # Errors
/// `InvalidInput` for a number that is no signal.
pub fn raise(signal: i32) -> io::Result<()> {
    // SAFETY: no pointers are involved; an unknown number is an error.
    match unsafe { libc::raise(signal) } {
        0 => Ok(()),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// What happens at a signal now.
///
/// # Errors
/// `InvalidInput` for a number that is no signal.
pub fn disposition(signal: i32) -> io::Result<Disposition> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: it only asks, and the place for the answer is valid.
    if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
        let error = io::Error::last_os_error();
        return Err(invalid(signal, &error.to_string()));
    }
    // SAFETY: the call succeeded, so it is filled in.
    let handler = unsafe { action.assume_init() }.sa_sigaction;
    Ok(match handler {
        libc::SIG_DFL => Disposition::Default,
        libc::SIG_IGN => Disposition::Ignored,
        _ => Disposition::Handled,
    })
}

fn invalid(signal: i32, why: &str) -> io::Error {
    let text = format!("signal {signal} cannot be listened to: {why}");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
