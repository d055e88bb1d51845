//! A test once more in a process of its own: to run there as a whole, or to serve there.

#![allow(
    clippy::print_stdout,
    reason = "a child tells its parent where it serves"
)]

use super::{LONG, On};
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpStream as TcpStreamOfStd};
use std::process::{Child, ChildStdout, Command, Stdio};
use weftwork::Builder;
use weftwork::net::{Server, TcpStream, start_server};

/// Says to a process which test it is to be.
pub(crate) const CHILD: &str = "WEFTWORK_TEST_CHILD";
const HERE: &str = "127.0.0.1:0";

/// True in a process that was made by [`process_of`].
pub(crate) fn in_role(test: &str) -> bool {
    std::env::var(CHILD).is_ok_and(|name| name == test)
}

/// This test once more, in a process of its own. None: this is that process.
pub(crate) fn process_of(test: &str) -> Option<Command> {
    if in_role(test) {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, test);
    Some(command)
}

/// Runs a test in a process of its own.
pub(crate) fn in_a_process(test: &str, inside: impl FnOnce()) {
    let Some(mut command) = process_of(test) else {
        return inside();
    };
    let child = command.output().unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{told}\n{errors}");
    assert!(told.contains("1 passed"), "{told}");
}

pub(crate) async fn echo(stream: TcpStream, _: SocketAddr) {
    // An error is a client that has gone.
    let _ = futures::io::copy(&stream, &mut &stream).await;
}

/// A server in a process of its own, which ends when its input does.
pub(crate) struct Remote {
    pub(crate) child: Child,
    told: Lines<BufReader<ChildStdout>>,
    pub(crate) addr: SocketAddr,
}

impl Remote {
    /// Starts a test once more, which serves there with [`serve_here`].
    pub(crate) fn start(command: &mut Command, kind: &str) -> Self {
        let child = command.env("KIND", kind);
        let child = child.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        let addr = SocketAddr::from(([0; 4], 0));
        let mut remote = Self { child, told, addr };
        remote.addr = remote.until("listening on ").parse().unwrap();
        remote
    }

    /// What it says after these words.
    pub(crate) fn until(&mut self, words: &str) -> String {
        loop {
            let line = self.told.next().expect("it says more").unwrap();
            if let Some((_, rest)) = line.split_once(words) {
                return rest.to_owned();
            }
        }
    }

    /// A client; all of them together are more than the backlog holds.
    pub(crate) fn connect(&self) -> TcpStreamOfStd {
        let stream = TcpStreamOfStd::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        let rest: Vec<_> = self.told.map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success(), "{rest:?}");
        assert!(
            rest.iter().any(|line| line.contains("1 passed")),
            "{rest:?}"
        );
    }
}

/// The other side of [`Remote`]: serves on the runtime that it asks for until the input ends.
pub(crate) fn serve_here(builder: Builder, meanwhile: impl AsyncFn(&Server)) {
    let kind = match std::env::var("KIND").unwrap().as_str() {
        "local" => On::Local,
        _ => On::Workers(2),
    };
    let runtime = kind.runtime(builder);
    runtime.block_on(async {
        let server = start_server(HERE, echo).await.unwrap();
        println!("listening on {}", server.local_addr());
        meanwhile(&server).await;
        let wait_for_the_end = || std::io::stdin().read(&mut [0]).unwrap();
        weftwork::spawn_blocking(wait_for_the_end).await;
        server.close();
        server.wait_closed().await;
    });
    runtime.close().unwrap();
}

pub(crate) fn ask_blocking(mut client: &TcpStreamOfStd) {
    client.write_all(b"?").unwrap();
    client.read_exact(&mut [0]).unwrap();
}
