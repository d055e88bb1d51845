//! How a child process is started.

use super::child::Child;
use super::{ExitStatus, Output, Stdio};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;
use weftwork_io_driver::explain;

/// A program to be started, with its arguments, environment and streams.
///
/// As [`std::process::Command`], whose word for everything that is not said here counts. It can
/// be started several times.
#[doc(alias = "create_subprocess_exec")]
#[doc(alias = "asyncio.create_subprocess_exec")]
#[doc(alias = "subprocess_exec")]
pub struct Command {
    std: std::process::Command,
    kill_on_drop: bool,
    /// What was said about each stream.
    said: Said,
}

#[derive(Default)]
struct Said {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Command {
    /// A program by its path, or by its name, which is looked for in `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            std: std::process::Command::new(program),
            kill_on_drop: true,
            said: Said::default(),
        }
    }

    /// A line for the shell, `sh -c`. Whatever comes from outside of the program must be quoted,
    /// or better, be an argument of [`new`](Self::new).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// weftwork::run(async {
    ///     let status = weftwork::process::Command::shell("exit 3").status().await?;
    ///     assert_eq!(status.code(), Some(3));
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[doc(alias = "create_subprocess_shell")]
    #[doc(alias = "asyncio.create_subprocess_shell")]
    #[doc(alias = "subprocess_shell")]
    pub fn shell(line: impl AsRef<OsStr>) -> Self {
        let mut command = Self::new("sh");
        command.arg("-c").arg(line);
        command
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.std.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> &mut Self {
        self.std.args(args);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.std.env(key, value);
        self
    }

    /// Sets variables of its environment.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        self.std.envs(variables);
        self
    }

    /// Takes a variable out of its environment.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Self {
        self.std.env_remove(key);
        self
    }

    /// Lets its environment be empty but for what is set from here on.
    pub fn env_clear(&mut self) -> &mut Self {
        self.std.env_clear();
        self
    }

    /// Sets its working directory.
    #[doc(alias = "cwd")]
    pub fn current_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.std.current_dir(dir);
        self
    }

    /// Sets its standard input. Default: this process's; for [`output`](Self::output) nothing.
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Self {
        self.std.stdin(stdin);
        self.said.stdin = true;
        self
    }

    /// Sets its standard output. Default: this process's; for [`output`](Self::output) a pipe.
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Self {
        self.std.stdout(stdout);
        self.said.stdout = true;
        self
    }

    /// Sets its standard error. Default: this process's; for [`output`](Self::output) a pipe.
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Self {
        self.std.stderr(stderr);
        self.said.stderr = true;
        self
    }

    /// A pipe for each of the three streams, as [`Child::communicate`] wants them.
    #[doc(alias = "PIPE")]
    #[doc(alias = "asyncio.subprocess.PIPE")]
    pub fn piped(&mut self) -> &mut Self {
        self.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
    }

    /// Whether the child is killed when its [`Child`] is dropped before it has ended. Default
    /// true. If false it runs on, and is reaped when it ends.
    pub fn kill_on_drop(&mut self, yes: bool) -> &mut Self {
        self.kill_on_drop = yes;
        self
    }

    /// The command of std, for what has no method here: `uid`, `process_group`, `pre_exec`.
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        &mut self.std
    }

    /// Starts the program. It blocks for as long as the system takes to do so.
    ///
    /// # Errors
    /// What the system says, with the name of the program: `NotFound` if there is no such program
    /// or working directory, `PermissionDenied` if it may not be run. No descriptor being left is
    /// a [`DescriptorLimit`](crate::net::DescriptorLimit) inside the error, and outside of a
    /// runtime it is a [`RuntimeError`](crate::RuntimeError) as `Other`.
    pub fn spawn(&mut self) -> io::Result<Child> {
        // Before anything is started that would have to be ended again.
        crate::net::reactor()?;
        let child = self.std.spawn().map_err(|error| self.refused(error))?;
        Child::new(child, self.kill_on_drop)
    }

    /// Runs the program and waits for its end; its streams are this process's.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Cancel safety
    /// Dropped before its end, the child is killed, or runs on if
    /// [`kill_on_drop`](Self::kill_on_drop) is false.
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        let mut child = self.spawn()?;
        // A child that reads a pipe nobody writes to would never end.
        drop(child.stdin.take());
        child.wait().await
    }

    /// Runs the program to its end and gathers what it writes.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::communicate`].
    ///
    /// # Cancel safety
    /// As [`status`](Self::status); what was gathered is lost.
    #[doc(alias = "check_output")]
    pub async fn output(&mut self) -> io::Result<Output> {
        let mut child = self.spawn_for_output()?;
        child.communicate([]).await
    }

    fn spawn_for_output(&mut self) -> io::Result<Child> {
        let Said {
            stdin,
            stdout,
            stderr,
        } = self.said;
        if !stdin {
            self.std.stdin(Stdio::null());
        }
        if !stdout {
            self.std.stdout(Stdio::piped());
        }
        if !stderr {
            self.std.stderr(Stdio::piped());
        }
        let child = self.spawn();
        // For the next start it is as if nothing had been said.
        if !stdin {
            self.std.stdin(Stdio::inherit());
        }
        if !stdout {
            self.std.stdout(Stdio::inherit());
        }
        if !stderr {
            self.std.stderr(Stdio::inherit());
        }
        child
    }

    /// The system's word, with the name of the program.
    fn refused(&self, error: io::Error) -> io::Error {
        let error = explain(error);
        if error.get_ref().is_some() {
            return error;
        }
        let program = self.std.get_program().display();
        let help = match error.kind() {
            io::ErrorKind::NotFound if self.std.get_current_dir().is_some() => {
                ": is it installed, and is there such a working directory?"
            }
            io::ErrorKind::NotFound => ": is it installed, and in PATH?",
            _ => "",
        };
        let text = format!("cannot start `{program}`: {error}{help}");
        io::Error::new(error.kind(), text)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}
