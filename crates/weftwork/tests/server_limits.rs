//! A server at its limits: no descriptors left, many idle connections, no descriptor lost. Each
//! test has a process of its own.

#![cfg(target_os = "linux")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a child tells its parent where it serves; what is skipped is said"
)]

mod common;

use common::remote::{Remote, ask_blocking, echo, in_a_process, process_of, serve_here};
use common::{Reports, Watchdog, descriptors, ms};
use futures::{AsyncReadExt, AsyncWriteExt};
use std::io::{Read, Write};
use std::net::TcpStream as TcpStreamOfStd;
use std::time::{Duration, Instant};
use weftwork::Runtime;
use weftwork::net::{
    Server, TcpStream, UdpSocket, UnixStream, raise_descriptor_limit, start_server,
    start_unix_server,
};

const HERE: &str = "127.0.0.1:0";

fn limit_descriptors(current: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(current);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

/// How long this process has worked.
fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.try_into().unwrap()
}

/// A server with 64 descriptors, and 600 clients.
#[test]
fn with_few_descriptors_all_clients_are_served_in_turn() {
    const TEST: &str = "with_few_descriptors_all_clients_are_served_in_turn";
    const CLIENTS: usize = 600;
    let _watchdog = Watchdog::start();
    let Some(mut command) = process_of(TEST) else {
        return serve_with_few_descriptors();
    };
    raise_descriptor_limit().unwrap();
    for kind in ["2", "local"] {
        let remote = Remote::start(&mut command, kind);
        let clients: Vec<_> = (0..CLIENTS).map(|_| remote.connect()).collect();
        // The first ones are served while there is nothing left for the others.
        clients[..20].iter().for_each(ask_blocking);
        for client in clients {
            ask_blocking(&client);
        }
        remote.end();
    }
}

fn serve_with_few_descriptors() {
    let reports = Reports::default();
    let sink = reports.clone();
    limit_descriptors(64);
    let began = worked();
    let builder = Runtime::builder().exception_handler(move |report| sink.add(report));
    serve_here(builder, async |_| {});
    let busy = worked().saturating_sub(began);
    assert!(busy < Duration::from_secs(2), "{busy:?} of work: it spins");
    let reports = reports.take();
    assert_eq!(reports.len(), 1, "reported once: {reports:?}");
    assert!(reports[0].message.contains("limit is 64"), "{reports:?}");
    assert!(reports[0].message.contains("ulimit -n"), "{reports:?}");
}

/// A server that is stopped and continued again and again: its waits end early, with an error
/// that nobody is to see.
#[test]
fn a_storm_of_interruptions() {
    const TEST: &str = "a_storm_of_interruptions";
    use rustix::process::{Pid, Signal, kill_process};
    let _watchdog = Watchdog::start();
    let Some(mut command) = process_of(TEST) else {
        return serve_here(Runtime::builder(), async |_| {});
    };
    for kind in ["2", "local"] {
        let remote = Remote::start(&mut command, kind);
        let clients: Vec<_> = (0..20).map(|_| remote.connect()).collect();
        let server = Pid::from_child(&remote.child);
        for round in 0..200 {
            kill_process(server, Signal::STOP).unwrap();
            let mut client = &clients[round % clients.len()];
            client.write_all(b"?").unwrap();
            kill_process(server, Signal::CONT).unwrap();
            client.read_exact(&mut [0]).unwrap();
            drop(remote.connect());
        }
        drop(clients);
        remote.end();
    }
}

/// Accepting is tried again a few times a second, not at each opportunity.
#[test]
fn an_accept_that_fails_is_tried_again_now_and_then() {
    const TEST: &str = "an_accept_that_fails_is_tried_again_now_and_then";
    in_a_process(TEST, || {
        let _watchdog = Watchdog::start();
        for kind in common::EVERYWHERE {
            let reports = Reports::default();
            let sink = reports.clone();
            let builder = Runtime::builder().exception_handler(move |report| sink.add(report));
            let runtime = kind.runtime(builder);
            runtime.block_on(async {
                let server = start_server(HERE, echo).await.unwrap();
                let mut early = TcpStream::connect(server.local_addr()).await.unwrap();
                ask(&mut early).await;
                let mut late = std::net::TcpStream::connect(server.local_addr()).unwrap();
                let before = server.connections();
                limit_descriptors(64);
                let mut fill = common::use_up_descriptors().await;
                // The one above may have been accepted in time: this one is not.
                let later = loop {
                    drop(fill.pop());
                    if let Ok(stream) = TcpStreamOfStd::connect(server.local_addr()) {
                        break stream;
                    }
                };
                common::until(|| reports.count() == 1).await;
                let acceptor = weftwork::all_tasks()
                    .into_iter()
                    .find(|task| task.name().starts_with("server on"))
                    .unwrap();
                let (began, polls) = (Instant::now(), acceptor.polls());
                weftwork::sleep(ms(500)).await;
                // On a busy machine its turn may come a little later.
                common::until(|| acceptor.polls() > polls).await;
                let tries = f64::from(acceptor.polls() - polls);
                let a_second = tries / began.elapsed().as_secs_f64();
                assert!(a_second < 10.0, "{a_second} a second");
                ask(&mut early).await;
                fill.clear();
                late.write_all(b"?").unwrap();
                common::until(|| server.connections() > before).await;
                drop(later);
                let answered = weftwork::spawn_blocking(move || late.read(&mut [0]).unwrap());
                assert_eq!(answered.await, 1);
                assert_eq!(reports.count(), 1);
                server.close();
            });
            raise_descriptor_limit().unwrap();
        }
    });
}

/// The same, at a path: the clients wait in the backlog until descriptors are free again.
#[test]
fn a_unix_server_without_descriptors_goes_on_when_there_are_some() {
    const TEST: &str = "a_unix_server_without_descriptors_goes_on_when_there_are_some";
    in_a_process(TEST, || {
        let _watchdog = Watchdog::start();
        for kind in common::EVERYWHERE {
            let folder = common::Folder::new();
            let path = folder.path("s");
            let reports = Reports::default();
            let sink = reports.clone();
            let builder = Runtime::builder().exception_handler(move |report| sink.add(report));
            let runtime = kind.runtime(builder);
            runtime.block_on(async {
                let handler = async |stream: UnixStream, _| {
                    futures::io::copy(&stream, &mut &stream).await.map(drop)
                };
                let server = start_unix_server(&path, handler).await.unwrap();
                limit_descriptors(64);
                let mut fill = common::use_up_descriptors().await;
                // This one has the last descriptor, so there is none for the other end.
                let late = loop {
                    drop(fill.pop());
                    if let Ok(stream) = std::os::unix::net::UnixStream::connect(&path) {
                        break stream;
                    }
                };
                common::until(|| reports.count() == 1).await;
                let began = worked();
                weftwork::sleep(ms(500)).await;
                let busy = worked().saturating_sub(began);
                assert!(busy < ms(400), "{busy:?} of work: it spins");
                fill.clear();
                let mut late = UnixStream::from_std(late).unwrap();
                late.write_all(b"?").await.unwrap();
                late.read_exact(&mut [0]).await.unwrap();
                let told = &reports.take()[..];
                assert_eq!(told.len(), 1, "{told:?}");
                assert!(told[0].message.contains("limit is 64"), "{told:?}");
                assert!(told[0].message.contains(path.to_str().unwrap()), "{told:?}");
                server.close();
            });
            raise_descriptor_limit().unwrap();
        }
    });
}

async fn ask(stream: &mut TcpStream) {
    stream.write_all(b"?").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
}

#[test]
fn ten_thousand_idle_connections() {
    const TEST: &str = "ten_thousand_idle_connections";
    const CONNECTIONS: usize = 10_000;
    let _watchdog = Watchdog::start();
    let limit = raise_descriptor_limit().unwrap();
    let Some(mut command) = process_of(TEST) else {
        return serve_here(Runtime::builder(), async |server| {
            common::until(|| server.connections() == CONNECTIONS).await;
            let began = worked();
            weftwork::sleep(ms(200)).await;
            println!("idle for {}", worked().saturating_sub(began).as_millis());
        });
    };
    if limit.is_some_and(|limit| limit < CONNECTIONS as u64 + 500) {
        eprintln!("skipped: {TEST} needs more than {limit:?} descriptors");
        return;
    }
    for kind in ["2", "local"] {
        let mut remote = Remote::start(&mut command, kind);
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| remote.connect()).collect();
        let busy: u64 = remote.until("idle for ").parse().unwrap();
        assert!(busy < 100, "{busy} ms of work for nothing");
        // They are alive.
        clients.iter().step_by(97).for_each(ask_blocking);
        drop(clients);
        remote.end();
    }
}

/// Whatever happens to sockets, their descriptors are given back.
#[test]
fn no_descriptor_is_lost() {
    in_a_process("no_descriptor_is_lost", || {
        let _watchdog = Watchdog::start();
        let before = descriptors();
        for kind in common::EVERYWHERE {
            let runtime = kind.runtime(Runtime::builder());
            runtime.block_on(async {
                for round in 0..20 {
                    leave_sockets_behind(round).await;
                }
                // Some wait while the runtime closes.
                let server = start_server(HERE, echo).await.unwrap();
                for _ in 0..20 {
                    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
                    let reading = async move { stream.read(&mut [0]).await };
                    weftwork::spawn(reading).detach();
                }
            });
            runtime.close().unwrap();
            drop(runtime);
            // Threads of the pool are gone, too.
            assert!(common::comes_true(|| descriptors() <= before));
        }
    });
}

async fn leave_sockets_behind(round: u32) {
    let server = Server::builder().max_connections(5).start(HERE, echo);
    let server = server.await.unwrap();
    let addr = server.local_addr();
    let connecting = weftwork::spawn(TcpStream::connect([addr; 3]));
    if round.is_multiple_of(2) {
        weftwork::yield_now().await;
    }
    connecting.cancel();
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(TcpStream::connect(addr).await.unwrap());
    }
    let (reader, writer) = streams.pop().unwrap().into_split();
    if round.is_multiple_of(3) {
        drop(reader.reunite(writer));
    }
    let (one, other) = UnixStream::pair().unwrap();
    let reading = weftwork::spawn(async move { (&one).read(&mut [0]).await });
    let udp = UdpSocket::bind(HERE).await.unwrap();
    let receiving = weftwork::spawn(async move { udp.recv_from(&mut [0]).await });
    weftwork::yield_now().await;
    reading.cancel();
    receiving.cancel();
    drop((reading.outcome().await, receiving.outcome().await));
    drop(other);
    match round % 3 {
        0 => server.abort_clients(),
        1 => server.close_clients(),
        _ => drop(streams),
    }
    server.close();
    drop(connecting.outcome().await);
    server.abort_clients();
    server.wait_closed().await;
}
