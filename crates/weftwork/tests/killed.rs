//! Processes that are stopped, continued and killed at work, and what their peers make of it.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "a child tells its parent how it goes")]

mod common;

use common::remote::{Remote, ask_blocking, in_role, process_of, serve_here};
use common::{Counter, Flag, Folder, On, Reports, Watchdog, comes_true, descriptors, ms};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream as TcpStreamOfStd;
use std::path::Path;
use std::process::{Child, Stdio};
use weftwork::net::{Server, TcpStream, UnixStream};
use weftwork::{Runtime, gather, sleep, spawn, spawn_blocking};

/// What a child is to be, if not a server over TCP, and for whom.
const CLIENT_OF: &str = "WEFTWORK_TEST_CLIENT_OF";
const SERVER_AT: &str = "WEFTWORK_TEST_SERVER_AT";

const PIECE: usize = 10_000;

fn piece(seed: usize) -> Vec<u8> {
    (0..PIECE)
        .map(|n| (n * (2 * seed + 1) % 251) as u8)
        .collect()
}

/// Each of them has been answered once more.
fn have_gone_on(clients: &[Counter]) -> impl Fn() -> bool + use<> {
    let before: Vec<_> = clients.iter().map(Counter::get).collect();
    let clients = clients.to_vec();
    move || {
        clients
            .iter()
            .zip(&before)
            .all(|(now, before)| now.get() > *before)
    }
}

fn counters() -> Vec<Counter> {
    (0..8).map(|_| Counter::default()).collect()
}

/// The clients of a server that is stopped wait, and go on with it.
#[test]
fn a_server_is_stopped_and_continued_under_load() {
    const TEST: &str = "a_server_is_stopped_and_continued_under_load";
    let _watchdog = Watchdog::start();
    let Some(mut command) = process_of(TEST) else {
        return serve_here(Runtime::builder(), async |_| {});
    };
    for kind in ["2", "local"] {
        let remote = Remote::start(&mut command, kind);
        let server = Pid::from_child(&remote.child);
        let (clients, ends) = (counters(), Flag::default());
        let threads: Vec<_> = clients
            .iter()
            .enumerate()
            .map(|(n, count)| {
                let (stream, count, ends) = (remote.connect(), count.clone(), ends.clone());
                std::thread::spawn(move || ask_until(&stream, n, &count, &ends))
            })
            .collect();
        for _ in 0..20 {
            assert!(comes_true(have_gone_on(&clients)));
            kill_process(server, Signal::STOP).unwrap();
            assert!(comes_true(|| is_stopped(server)));
            kill_process(server, Signal::CONT).unwrap();
        }
        assert!(comes_true(have_gone_on(&clients)));
        ends.set();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        remote.end();
    }
}

fn is_stopped(process: Pid) -> bool {
    let path = format!("/proc/{}/stat", process.as_raw_nonzero());
    let stat = std::fs::read_to_string(path).unwrap();
    let (_, state) = stat.rsplit_once(") ").unwrap();
    state.starts_with('T')
}

fn ask_until(mut stream: &TcpStreamOfStd, seed: usize, count: &Counter, ends: &Flag) {
    let (sent, mut received) = (piece(seed), vec![0; PIECE]);
    while !ends.is_set() {
        stream.write_all(&sent).unwrap();
        stream.read_exact(&mut received).unwrap();
        assert!(received == sent);
        count.add();
    }
}

/// Clients are killed in the middle of their work: the others notice nothing, and the server has
/// nothing left of them.
#[test]
fn clients_are_killed_under_load() {
    const TEST: &str = "clients_are_killed_under_load";
    const SURVIVORS: usize = 3;
    let _watchdog = Watchdog::start();
    if in_role(TEST)
        && let Ok(server) = std::env::var(CLIENT_OF)
    {
        return work_until_killed(&server);
    }
    let Some(mut command) = process_of(TEST) else {
        return serve_and_tell(SURVIVORS);
    };
    for kind in ["2", "local"] {
        let mut remote = Remote::start(&mut command, kind);
        let survivors: Vec<_> = (0..SURVIVORS).map(|_| remote.connect()).collect();
        survivors.iter().for_each(ask_blocking);
        let open = open_at(&mut remote);
        for round in 0..50 {
            let mut client = process_of(TEST).unwrap();
            client.env(CLIENT_OF, remote.addr.to_string());
            let mut client = client.stdout(Stdio::piped()).spawn().unwrap();
            let told = BufReader::new(client.stdout.take().unwrap()).lines();
            let mut told = told.map(Result::unwrap);
            assert!(told.any(|line| line.contains("at work")));
            client.kill().unwrap();
            client.wait().unwrap();
            ask_blocking(&survivors[round % SURVIVORS]);
        }
        // A thread that starts has a descriptor for a moment.
        assert!(comes_true(|| open_at(&mut remote) <= open));
        drop(survivors);
        remote.end();
    }
}

/// How many descriptors a server has once the clients that were killed are gone.
fn open_at(remote: &mut Remote) -> usize {
    let input = remote.child.stdin.as_mut().unwrap();
    input.write_all(b"how many?\n").unwrap();
    remote.until("open: ").parse().unwrap()
}

fn serve_and_tell(survivors: usize) {
    let reports = Reports::default();
    let sink = reports.clone();
    let builder = Runtime::builder().exception_handler(move |report| sink.add(report));
    serve_here(builder, async |server: &Server| {
        let line = || io::stdin().read_line(&mut String::new()).unwrap();
        while spawn_blocking(line).await > 0 {
            common::until(|| server.connections() == survivors).await;
            println!("open: {}", descriptors());
        }
    });
    assert_eq!(reports.take(), []);
}

fn work_until_killed(server: &str) {
    Runtime::builder().workers(2).run(async {
        let clients: Vec<_> = counters();
        let working = gather(clients.clone().into_iter().enumerate().map(|(n, count)| {
            let server = server.to_owned();
            async move {
                let stream = TcpStream::connect(&server).await.unwrap();
                ask(stream, n, &count).await.unwrap_err()
            }
        }));
        let telling = spawn(async move {
            while !clients.iter().all(|count| count.get() > 0) {
                sleep(ms(1)).await;
            }
            println!("at work");
        });
        // The server outlives them.
        panic!("{:?}, {:?}", working.await, telling.outcome().await);
    });
}

/// Asks again and again, until it fails.
async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seed: usize,
    count: &Counter,
) -> io::Result<()> {
    let (sent, mut received) = (piece(seed), vec![0; PIECE]);
    loop {
        stream.write_all(&sent).await?;
        stream.read_exact(&mut received).await?;
        assert!(received == sent);
        count.add();
    }
}

/// Clients of a server that is killed and started again see an error and find the new one.
#[test]
fn a_server_is_killed_under_load() {
    const TEST: &str = "a_server_is_killed_under_load";
    let _watchdog = Watchdog::start();
    if let Ok(path) = std::env::var(SERVER_AT) {
        return serve_unix(path.as_ref());
    }
    for kind in [On::Workers(2), On::Local] {
        let folder = Folder::new();
        let path = folder.path("socket");
        let runtime = kind.runtime(Runtime::builder());
        runtime.block_on(async {
            let (clients, ends) = (counters(), Flag::default());
            let working = gather(clients.clone().into_iter().enumerate().map(|(n, count)| {
                let (path, ends) = (path.clone(), ends.clone());
                async move {
                    while !ends.is_set() {
                        // There is no server yet, or it is gone.
                        let _ = session(&path, n, &count).await;
                        sleep(ms(1)).await;
                    }
                }
            }));
            for _ in 0..10 {
                let mut server = start(TEST, &path);
                let all = have_gone_on(&clients);
                assert!(spawn_blocking(|| comes_true(all)).await);
                server.kill().unwrap();
                server.wait().unwrap();
            }
            ends.set();
            working.await;
        });
        runtime.close().unwrap();
    }
}

async fn session(path: &Path, seed: usize, count: &Counter) -> io::Result<()> {
    ask(UnixStream::connect(path).await?, seed, count).await
}

fn start(test: &str, path: &Path) -> Child {
    let mut command = process_of(test).unwrap();
    let command = command.env(SERVER_AT, path).stdin(Stdio::piped());
    command.stdout(Stdio::null()).spawn().unwrap()
}

fn serve_unix(path: &Path) {
    Runtime::builder().workers(2).run(async {
        let echo = async |stream: UnixStream, _| {
            let _ = futures::io::copy(&stream, &mut &stream).await;
        };
        let server = Server::unix_builder().over_stale(true);
        let _server = server.start(path, echo).await.unwrap();
        // Until the one who started it is gone, at the latest.
        spawn_blocking(|| io::stdin().read(&mut [0])).await.unwrap();
    });
}
