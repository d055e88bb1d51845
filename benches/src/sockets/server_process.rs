//! The server process, as the client sees it.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::serve::Server;

/// Names a command that runs the server, such as `strace -f -c -o calls.txt`.
const UNDER: &str = "WEFTWORK_BENCHES_SERVER";

/// A running server. It ends when its standard input does, so also with the client.
pub(super) struct ServerProcess {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    port: u16,
}

impl ServerProcess {
    pub(super) fn start(server: &Server) -> Result<Self, String> {
        let mut command = command(&env::var(UNDER).unwrap_or_default())?;
        let mut child = command
            .args(server.to_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the server does not start: {error}"))?;
        let requests = child.stdin.take().ok_or("the server has no input")?;
        let answers = child.stdout.take().ok_or("the server has no output")?;
        let mut process = Self {
            child,
            requests,
            answers: BufReader::new(answers),
            port: 0,
        };
        process.port = process.answer()?;
        Ok(process)
    }

    pub(super) fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The CPU time of the server so far.
    pub(super) fn cpu_time(&mut self) -> Result<Duration, String> {
        let asked = self.requests.write_all(b"\n");
        asked.map_err(|error| format!("the server does not listen any more: {error}"))?;
        self.answer().map(Duration::from_nanos)
    }

    /// The number in the next line that it prints.
    fn answer<T: std::str::FromStr>(&mut self) -> Result<T, String> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        read.map_err(|error| error.to_string())?;
        let number = line.trim().parse();
        number.map_err(|_| format!("the server printed {line:?} in place of a number"))
    }

    /// Ends it, and waits for its end.
    pub(super) fn stop(mut self) -> Result<(), String> {
        drop(self.requests);
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("the server ended with {status}"));
        }
        Ok(())
    }
}

/// This program, run by the command `under` if there is one.
fn command(under: &str) -> Result<Command, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let mut words = under.split_whitespace();
    Ok(match words.next() {
        None => Command::new(program),
        Some(first) => {
            let mut command = Command::new(first);
            command.args(words).arg(program);
            command
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_command_may_run_the_server() {
        let words = |under| {
            let command = command(under).unwrap();
            let args = command.get_args().map(|arg| arg.to_owned());
            let mut words = vec![command.get_program().to_owned()];
            words.extend(args);
            words
        };
        let program = env::current_exe().unwrap().into_os_string();
        let expected = ["strace".into(), "-f".into(), program];
        assert_eq!(words("strace  -f"), expected);
        assert_eq!(words(" "), expected[2..]);
    }
}
