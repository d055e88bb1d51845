//! Servers over Unix sockets: the file, closing, clients that are closed and aborted, the limit,
//! handlers that fail.

#![cfg(unix)]

mod common;

use common::{Counter, Flag, Folder, each, each_reporting, settle, until};
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::Duration;
use weftwork::net::{Server, UnixListener, UnixStream, start_unix_server};
use weftwork::testing::sweep_drops;
use weftwork::{RuntimeError, gather, spawn};

async fn echo(stream: UnixStream, _: SocketAddr) -> std::io::Result<()> {
    futures::io::copy(&stream, &mut &stream).await.map(drop)
}

/// A stream that has been answered: its handler runs.
async fn served(path: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(path).await.unwrap();
    ask(&mut stream).await;
    stream
}

async fn ask(stream: &mut UnixStream) {
    stream.write_all(b"?").await.unwrap();
    let mut came = [0];
    stream.read_exact(&mut came).await.unwrap();
    assert_eq!(&came, b"?");
}

async fn end_of(stream: &mut UnixStream) -> std::io::Result<usize> {
    stream.read_to_end(&mut Vec::new()).await
}

#[test]
fn many_are_served_at_once_and_the_last_one_is_waited_for() {
    each(|| async {
        let folder = Folder::new();
        let path = folder.path("s");
        let server = start_unix_server(&path, echo).await.unwrap();
        assert_eq!(server.local_addr().as_pathname(), Some(&*path));
        assert!(server.is_serving());
        let mut streams = gather((0..50).map(|_| {
            let path = path.clone();
            async move { served(&path).await }
        }))
        .await;
        assert_eq!(server.connections(), 50);
        let serving = spawn({
            let server = server.clone();
            async move { server.serve_forever().await }
        });
        server.close();
        server.close();
        assert!(!server.is_serving());
        let mut last = streams.pop().unwrap();
        drop(streams);
        until(|| server.connections() == 1).await;
        ask(&mut last).await;
        settle().await;
        assert!(!serving.done());
        drop(last);
        serving.await;
        server.wait_closed().await;
        // The path is free, for whoever comes first.
        assert!(!path.exists());
        let again = start_unix_server(&path, echo).await.unwrap();
        drop(served(&path).await);
        again.close();
        again.wait_closed().await;
    });
}

#[test]
fn a_cancel_of_serve_forever_closes_and_waits() {
    each(|| async {
        let folder = Folder::new();
        let path = folder.path("s");
        let server = start_unix_server(&path, echo).await.unwrap();
        let mut open = served(&path).await;
        let serving = spawn({
            let server = server.clone();
            async move { server.serve_forever().await }
        });
        settle().await;
        serving.cancel();
        until(|| !server.is_serving()).await;
        ask(&mut open).await;
        assert!(!serving.done(), "a client is there");
        drop(open);
        assert!(serving.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn what_is_at_the_path_stays_unless_it_is_stale_and_to_be_removed() {
    each(|| async {
        let folder = Folder::new();
        let path = folder.path("s");
        let alive = start_unix_server(&path, echo).await.unwrap();
        for over_stale in [false, true] {
            let builder = Server::unix_builder().over_stale(over_stale);
            let error = builder.start(&path, echo).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{error}"
            );
        }
        drop(served(&path).await);
        alive.close();
        alive.wait_closed().await;
        // One of std leaves its file.
        drop(net::UnixListener::bind(&path).unwrap());
        let error = start_unix_server(&path, echo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let builder = Server::unix_builder().over_stale(true);
        let server = builder.start(&path, echo).await.unwrap();
        drop(served(&path).await);
        // Another one has taken the place meanwhile: it is not removed.
        std::fs::remove_file(&path).unwrap();
        let _other = net::UnixListener::bind(&path).unwrap();
        server.close();
        server.wait_closed().await;
        assert!(path.exists());
    });
    let outside = common::foreign_block_on(start_unix_server("/dev/null/s", echo));
    assert!(outside.is_err());
    let listener = net::UnixListener::bind(Folder::new().path("s")).unwrap();
    let outside = UnixListener::from_std(listener).unwrap_err();
    assert_eq!(outside.to_string(), RuntimeError::NoRuntime.to_string());
}

#[test]
fn it_serves_on_a_listener_that_is_there() {
    each(|| async {
        let folder = Folder::new();
        let path = folder.path("s");
        let listener = UnixListener::from_std(net::UnixListener::bind(&path).unwrap()).unwrap();
        let server = Server::unix_builder().start_on(listener, echo).unwrap();
        drop(served(&path).await);
        server.close();
        server.wait_closed().await;
        assert!(path.exists(), "the file is left alone");
    });
}

#[test]
fn clients_are_closed_or_aborted() {
    each(|| async {
        for abort in [false, true] {
            let folder = Folder::new();
            let path = folder.path("s");
            let (cleaned, ended) = (Flag::default(), Counter::default());
            let handler = {
                let (cleaned, ended) = (cleaned.clone(), ended.clone());
                move |stream, peer| {
                    let (cleaned, ended) = (cleaned.clone(), ended.clone());
                    async move {
                        let body = async {
                            echo(stream, peer).await.unwrap();
                            ended.add();
                        };
                        weftwork::finally(body, async { cleaned.set() }).await;
                    }
                }
            };
            let server = start_unix_server(&path, handler).await.unwrap();
            let (mut one, mut other) = (served(&path).await, served(&path).await);
            match abort {
                true => server.abort_clients(),
                false => server.close_clients(),
            }
            assert_eq!(end_of(&mut one).await.unwrap(), 0);
            assert_eq!(end_of(&mut other).await.unwrap(), 0);
            until(|| server.connections() == 0).await;
            assert!(cleaned.is_set());
            assert_eq!(ended.get(), if abort { 0 } else { 2 });
            // It goes on for others.
            drop(served(&path).await);
            server.close();
            server.wait_closed().await;
        }
    });
}

#[test]
fn over_the_limit_connections_wait_for_one_to_end() {
    each(|| async {
        let folder = Folder::new();
        let path = folder.path("s");
        let builder = Server::unix_builder().max_connections(2);
        let server = builder.start(&path, echo).await.unwrap();
        let (one, two) = (served(&path).await, served(&path).await);
        let mut third = UnixStream::connect(&path).await.unwrap();
        let asking = spawn(async move {
            ask(&mut third).await;
            third
        });
        settle().await;
        assert_eq!(server.connections(), 2);
        assert!(!asking.done());
        drop(one);
        let third = asking.await;
        assert_eq!(server.connections(), 2);
        drop((two, third));
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn handlers_that_panic_or_fail_are_reported_with_the_peer() {
    each_reporting(|reports| async move {
        let folder = Folder::new();
        let path = folder.path("s");
        let handler = |mut stream: UnixStream, _| async move {
            let mut what = [0];
            stream.read_exact(&mut what).await.unwrap();
            match &what {
                b"p" => panic!("the handler panics"),
                b"e" => Err("the handler fails"),
                _ => Ok(()),
            }
        };
        let server = start_unix_server(&path, handler).await.unwrap();
        for (what, message) in [(b"p", "the handler panics"), (b"e", "the handler fails")] {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            stream.write_all(what).await.unwrap();
            assert_eq!(end_of(&mut stream).await.unwrap(), 0);
            until(|| reports.count() == 1).await;
            let seen = reports.take().remove(0);
            let task = seen.task.unwrap();
            assert!(task.starts_with("connection from "), "{task}");
            if cfg!(target_os = "linux") {
                let process = format!("process {} of user ", std::process::id());
                assert!(task.contains(&process), "{task}");
            }
            assert!(seen.message.contains(message), "{}", seen.message);
            if what == b"e" {
                assert!(seen.message.contains(&task), "{}", seen.message);
            }
        }
        let mut fine = UnixStream::connect(&path).await.unwrap();
        fine.write_all(b"-").await.unwrap();
        assert_eq!(end_of(&mut fine).await.unwrap(), 0);
        server.close();
        server.wait_closed().await;
    });
}

/// Whoever drops it in the middle leaves no file that nobody serves.
#[test]
fn a_start_that_is_dropped_leaves_nothing_half() {
    each(|| async {
        let folder = Folder::new();
        let swept = sweep_drops(async |cut| {
            let path = folder.path(&cut.at().to_string());
            match cut.run(start_unix_server(path.clone(), echo)).await {
                Ok(server) => {
                    drop(served(&path).await);
                    server.unwrap().close();
                }
                Err(_) => assert!(!path.exists()),
            }
        });
        swept.await;
        assert!(
            start_unix_server(folder.path("s"), echo)
                .now_or_never()
                .is_some()
        );
    });
}

/// As for TCP: nothing hangs, nothing is counted twice, and no file is left.
#[test]
fn closing_against_connecting() {
    each(|| async {
        let folder = Folder::new();
        for round in 0..common::scaled(200) {
            let path = folder.path(&round.to_string());
            let builder = Server::unix_builder().max_connections(1 + round % 7);
            let server = builder.start(&path, |stream, peer| async move {
                // A client that has gone is no trouble here.
                let _ = echo(stream, peer).await;
            });
            let server = server.await.unwrap();
            let connect = || {
                let path = path.clone();
                std::thread::spawn(move || {
                    while let Ok(mut stream) = net::UnixStream::connect(&path) {
                        let timeout = Some(Duration::from_secs(20));
                        stream.set_read_timeout(timeout).unwrap();
                        let _ = stream.write_all(b"?");
                        if let Err(error) = stream.read(&mut [0]) {
                            assert_ne!(error.kind(), ErrorKind::WouldBlock, "nobody answers");
                        }
                    }
                })
            };
            let clients: Vec<_> = (0..3).map(|_| connect()).collect();
            for _ in 0..fastrand::usize(0..200) {
                weftwork::yield_now().await;
            }
            match round % 3 {
                0 => server.close_clients(),
                1 => server.abort_clients(),
                _ => {}
            }
            server.close();
            if round % 2 == 0 {
                server.abort_clients();
            }
            server.wait_closed().await;
            assert_eq!(server.connections(), 0);
            assert!(!path.exists());
            for client in clients {
                let joined = weftwork::spawn_blocking(move || client.join());
                joined.await.unwrap();
            }
        }
    });
}
