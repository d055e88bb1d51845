//! Errors that the system gives seldom, given by strace at system calls of our choice: calls that
//! are interrupted, connections that are aborted before they are accepted.
//!
//! Without strace, or where it may not trace, the tests say so and are skipped; `.ci/run` installs it.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

mod common;

use common::{EVERYWHERE, Watchdog};
use futures::{AsyncReadExt, AsyncWriteExt, join};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::Command;
use weftwork::net::{TcpListener, TcpStream, UnixStream, start_server};
use weftwork::{Runtime, gather, spawn};

const CHILD: &str = "WEFTWORK_TEST_CHILD";
const HERE: &str = "127.0.0.1:0";

/// Runs a test once more, in a process in which each of these system calls gives an error now and
/// then: `when=1+3` is the first call of each thread, and every third one after it.
fn with_errors(test: &str, injected: &[(&str, &str)], inside: impl FnOnce()) {
    if std::env::var(CHILD).is_ok_and(|name| name == test) {
        return inside();
    }
    if !can_trace() {
        return;
    }
    let log = std::env::temp_dir().join(format!("weftwork-{test}-{}", std::process::id()));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&log);
    let calls: Vec<_> = injected.iter().map(|(call, _)| *call).collect();
    strace.args(["-e", &format!("trace={}", calls.join(","))]);
    for (call, error) in injected {
        strace.args(["-e", &format!("inject={call}:error={error}")]);
    }
    strace.arg(std::env::current_exe().unwrap());
    strace.args(["--exact", test, "--nocapture"]);
    let child = strace.env(CHILD, test).output().unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{told}\n{errors}");
    assert!(told.contains("1 passed"), "{told}");
    let traced = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(log).unwrap();
    for (call, _) in injected {
        let mut lines = traced.lines();
        let call = format!("{call}(");
        let was_injected = lines.any(|line| line.contains(&call) && line.contains("(INJECTED)"));
        assert!(was_injected, "no {call}..) failed:\n{traced}");
    }
}

/// True if strace is there and may trace.
fn can_trace() -> bool {
    match Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output()
    {
        Ok(output) if output.status.success() => true,
        Ok(_) => {
            eprintln!("skipped: strace may not trace here");
            false
        }
        Err(_) => {
            let required =
                std::env::var_os("WEFTWORK_PEERS").is_some_and(|value| value == "required");
            assert!(!required, "strace is not installed");
            eprintln!("skipped: strace is not installed");
            false
        }
    }
}

/// What is sent, in pieces that do not fit into each other.
fn bytes(seed: usize) -> Vec<u8> {
    (0..100_000)
        .map(|n| (n * (2 * seed + 1) % 251) as u8)
        .collect()
}

/// Thirty clients send and have it back, over TCP and over a Unix stream.
async fn echoes() {
    let handler = async |stream: TcpStream, _: SocketAddr| {
        futures::io::copy(&stream, &mut &stream).await?;
        (&stream).close().await
    };
    let server = start_server(HERE, handler).await.unwrap();
    let addr = server.local_addr();
    gather((0..30).map(|n| async move {
        let (reader, writer) = TcpStream::connect(addr).await.unwrap().into_split();
        exchange(reader, writer, n).await;
        let (near, far) = UnixStream::pair().unwrap();
        let echoing = spawn(async move {
            futures::io::copy(&far, &mut &far).await.unwrap();
            (&far).close().await.unwrap();
        });
        exchange(&near, &near, n).await;
        echoing.await;
    }))
    .await;
    server.close();
    server.wait_closed().await;
}

async fn exchange(
    mut reader: impl futures::AsyncRead + Unpin,
    mut writer: impl futures::AsyncWrite + Unpin,
    seed: usize,
) {
    let sent = bytes(seed);
    let sending = async {
        for piece in sent.chunks(7001) {
            writer.write_all(piece).await.unwrap();
        }
        writer.close().await.unwrap();
    };
    let mut received = Vec::new();
    let ((), read) = join!(sending, reader.read_to_end(&mut received));
    assert_eq!(read.unwrap(), sent.len());
    assert!(received == sent);
}

#[test]
fn calls_that_are_interrupted_again_and_again() {
    const TEST: &str = "calls_that_are_interrupted_again_and_again";
    let _watchdog = Watchdog::start();
    let injected = [
        ("accept4", "EINTR:when=1+3"),
        ("recvfrom", "EINTR:when=1+2"),
        ("sendto", "EINTR:when=2+3"),
        ("epoll_pwait", "EINTR:when=1+3"),
    ];
    with_errors(TEST, &injected, || {
        for kind in EVERYWHERE {
            let runtime = kind.runtime(Runtime::builder());
            runtime.block_on(echoes());
            runtime.close().unwrap();
        }
    });
}

/// A connection that is gone before it is accepted is none of the server's business.
#[test]
fn connections_that_are_aborted_in_the_queue() {
    const TEST: &str = "connections_that_are_aborted_in_the_queue";
    let _watchdog = Watchdog::start();
    with_errors(TEST, &[("accept4", "ECONNABORTED:when=1+2")], || {
        common::each_reporting(|reports| async move {
            echoes().await;
            assert_eq!(reports.take(), []);
            let listener = TcpListener::bind(HERE).await.unwrap();
            let addr = listener.local_addr().unwrap();
            for _ in 0..10 {
                let (near, far) = join!(TcpStream::connect(addr), listener.accept());
                drop((near.unwrap(), far.unwrap()));
            }
        });
    });
}

/// The system does not take a socket: an error, and the next one works.
#[test]
fn a_socket_that_the_poller_does_not_take() {
    const TEST: &str = "a_socket_that_the_poller_does_not_take";
    let _watchdog = Watchdog::start();
    with_errors(TEST, &[("epoll_ctl", "ENOSPC:when=5+5")], || {
        let mut failed = 0;
        let mut good = |error: io::Error| {
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
            failed += 1;
        };
        for workers in [1, 2, 8] {
            // The poller has descriptors of its own.
            let runtime = loop {
                match Runtime::builder().workers(workers).build() {
                    Ok(runtime) => break runtime,
                    Err(error) => good(error),
                }
            };
            runtime.block_on(async {
                for _ in 0..50 {
                    match connected().await {
                        Ok(connection) => drop(connection),
                        Err(error) => good(error),
                    }
                }
            });
            runtime.close().unwrap();
        }
        assert!((30..150).contains(&failed), "{failed} failed");
    });
}

async fn connected() -> io::Result<(TcpListener, TcpStream)> {
    let listener = TcpListener::bind(HERE).await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    Ok((listener, stream))
}
