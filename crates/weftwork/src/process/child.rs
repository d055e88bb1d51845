//! A child process that was started.

use super::communicate::communicate;
use super::reaped::Process;
use super::{ExitStatus, Output};
use crate::io::{PipeReader, PipeWriter};
use crate::signal::unix::SignalKind;
use std::fmt;
use std::io;
use std::sync::Arc;
use weftwork_io_driver::descriptor::enlarge_pipe;

/// A child process.
///
/// Dropped before the process has ended, it kills and reaps it, unless
/// [`kill_on_drop(false)`](super::Command::kill_on_drop) was called.
#[doc(alias = "asyncio.subprocess.Process")]
#[doc(alias = "SubprocessTransport")]
pub struct Child {
    /// Its standard input, if it is a pipe. Dropping it is the end of the child's input.
    pub stdin: Option<PipeWriter>,
    /// Its standard output, if it is a pipe. What the child wrote before its end can be read
    /// after it; on Linux the pipe holds 256 KiB, where the system lets this user have so much.
    pub stdout: Option<PipeReader>,
    /// Its standard error, if it is a pipe; otherwise as `stdout`.
    pub stderr: Option<PipeReader>,
    process: Arc<Process>,
    kill_on_drop: bool,
}

/// Reaches a child from elsewhere: waits for it, signals it. It can be cloned, and does not
/// keep the child from being killed when its [`Child`] is dropped.
#[derive(Clone)]
pub struct ChildControl(Arc<Process>);

impl Child {
    pub(super) fn new(mut child: std::process::Child, kill_on_drop: bool) -> io::Result<Self> {
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // If one of the pipes is refused, dropping this ends the child, whatever is to come later.
        let mut child = Self {
            stdin: None,
            stdout: None,
            stderr: None,
            process: Arc::new(Process::new(child)?),
            kill_on_drop: true,
        };
        if let Some(stdin) = stdin {
            child.stdin = Some(PipeWriter::from_fd(stdin.into())?);
        }
        if let Some(stdout) = stdout {
            enlarge_pipe(&stdout);
            child.stdout = Some(PipeReader::from_fd(stdout.into())?);
        }
        if let Some(stderr) = stderr {
            enlarge_pipe(&stderr);
            child.stderr = Some(PipeReader::from_fd(stderr.into())?);
        }
        child.kill_on_drop = kill_on_drop;
        Ok(child)
    }

    /// The number of the process, which another one may get after this one was reaped.
    #[doc(alias = "pid")]
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// A handle for other tasks and threads.
    #[must_use]
    pub fn control(&self) -> ChildControl {
        ChildControl(Arc::clone(&self.process))
    }

    /// Waits for the end of the process. Any number of tasks may wait, and again after the end:
    /// all get the same status.
    ///
    /// A child whose output nobody reads may wait for a reader and never end, as may one that
    /// reads from `stdin` while that is open: use [`communicate`](Self::communicate), or drop
    /// what is not used.
    ///
    /// # Errors
    /// Somebody else took the status ([the module](super) says who), or the runtime is closed.
    ///
    /// # Cancel safety
    /// Dropped before its end, it changes nothing.
    pub async fn wait(&self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// The status, if the process has ended.
    ///
    /// # Errors
    /// Somebody else took the status.
    #[doc(alias = "returncode")]
    #[doc(alias = "poll")]
    pub fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Sends `SIGKILL`, which no process survives. It does nothing if the process has ended.
    ///
    /// # Errors
    /// What the system says: the process may have become another user's.
    #[doc(alias = "start_kill")]
    pub fn kill(&self) -> io::Result<()> {
        self.process.kill()
    }

    /// Asks it to end, by `SIGTERM`. It does nothing if the process has ended.
    ///
    /// # Errors
    /// As [`kill`](Self::kill).
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(SignalKind::terminate())
    }

    /// Sends a signal. It does nothing if the process has ended.
    ///
    /// # Errors
    /// As [`kill`](Self::kill), and for a number that is no signal.
    pub fn send_signal(&self, kind: SignalKind) -> io::Result<()> {
        self.process.send_signal(kind)
    }

    /// Writes `input` to the process and closes its standard input, reads what it writes to the
    /// end, and waits for its end: all at the same time, so that no pipe can clog. Streams that
    /// are no pipes, or were taken, are left out. A child that does not read all of its input
    /// is no error.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// weftwork::run(async {
    ///     let mut cat = weftwork::process::Command::new("cat").piped().spawn()?;
    ///     assert_eq!(cat.communicate("both ways").await?.stdout, b"both ways");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the system says of the pipes, and as [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// Dropped before its end, the streams are closed, and what was read is lost; the child lives
    /// as long as this does.
    #[doc(alias = "wait_with_output")]
    pub async fn communicate(&mut self, input: impl AsRef<[u8]>) -> io::Result<Output> {
        communicate(self, input).await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // An error leaves nothing to be done: it runs on and is reaped.
            let _ = self.process.kill();
        }
        self.process.give_up();
    }
}

impl ChildControl {
    /// As [`Child::id`].
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// As [`Child::wait`].
    ///
    /// # Errors
    /// As [`Child::wait`].
    ///
    /// # Cancel safety
    /// Dropped before its end, it changes nothing.
    pub async fn wait(&self) -> io::Result<ExitStatus> {
        self.0.wait().await
    }

    /// As [`Child::try_wait`].
    ///
    /// # Errors
    /// As [`Child::try_wait`].
    pub fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// As [`Child::kill`].
    ///
    /// # Errors
    /// As [`Child::kill`].
    pub fn kill(&self) -> io::Result<()> {
        self.0.kill()
    }

    /// As [`Child::terminate`].
    ///
    /// # Errors
    /// As [`Child::kill`].
    pub fn terminate(&self) -> io::Result<()> {
        self.0.send_signal(SignalKind::terminate())
    }

    /// As [`Child::send_signal`].
    ///
    /// # Errors
    /// As [`Child::send_signal`].
    pub fn send_signal(&self, kind: SignalKind) -> io::Result<()> {
        self.0.send_signal(kind)
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.id())
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ChildControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChildControl").field(&self.id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Child;
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::process::{ChildStdout, Command, Stdio};
    use std::time::{Duration, Instant};
    use weftwork_io_driver::signal::send_signal;

    /// Its owner has an error in place of it, so nobody else can end it.
    #[test]
    fn a_child_with_a_pipe_that_is_refused_is_ended_even_if_it_was_to_run_on() {
        crate::run(async {
            let mut sleep = Command::new("sleep");
            let sleep = sleep.arg("60").stderr(Stdio::null());
            let mut child = sleep.stdout(Stdio::null()).spawn().unwrap();
            let id = child.id();
            // No system can wait for a regular file.
            let file = OwnedFd::from(File::open("Cargo.toml").unwrap());
            child.stdout = Some(ChildStdout::from(file));
            Child::new(child, false).unwrap_err();
            let deadline = Instant::now() + Duration::from_secs(20);
            while send_signal(id, 0).is_ok() {
                assert!(Instant::now() < deadline, "it runs on");
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
}
