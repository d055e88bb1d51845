//! Servers: serving, closing, clients that are closed and aborted, limits, handlers that fail.

mod common;

use common::{Counter, EVERYWHERE, Flag, Watchdog, each, each_reporting, settle, until};
use futures::{AsyncReadExt, AsyncWriteExt};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use weftwork::net::{Server, TcpListener, TcpStream, start_server};
use weftwork::sync::oneshot;
use weftwork::{Runtime, RuntimeError, Task, gather, spawn};
use weftwork_std_or_loom::Mutex;

const HERE: &str = "127.0.0.1:0";

async fn echo(stream: TcpStream, _: SocketAddr) -> std::io::Result<()> {
    futures::io::copy(&stream, &mut &stream).await.map(drop)
}

/// A stream that has been answered: its handler runs.
async fn served(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    ask(&mut stream).await;
    stream
}

async fn ask(stream: &mut TcpStream) {
    stream.write_all(b"?").await.unwrap();
    let mut came = [0];
    stream.read_exact(&mut came).await.unwrap();
    assert_eq!(&came, b"?");
}

/// Reads until the end or an error.
async fn end_of(stream: &mut TcpStream) -> Result<usize, ErrorKind> {
    let mut all = Vec::new();
    stream
        .read_to_end(&mut all)
        .await
        .map_err(|error| error.kind())
}

#[test]
fn many_are_served_at_once_and_the_last_one_is_waited_for() {
    each(|| async {
        let server = start_server(HERE, echo).await.unwrap();
        let mut streams = gather((0..100).map(|_| {
            let server = server.clone();
            async move { served(&server).await }
        }))
        .await;
        assert_eq!(server.connections(), 100);
        server.close();
        server.close();
        assert!(!server.is_serving());
        let waiting = spawn({
            let server = server.clone();
            async move { server.wait_closed().await }
        });
        let mut last = streams.pop().unwrap();
        drop(streams);
        until(|| server.connections() == 1).await;
        ask(&mut last).await;
        settle().await;
        assert!(!waiting.done());
        drop(last);
        waiting.await;
        server.wait_closed().await;
        assert_eq!(server.connections(), 0);
        // The address is free.
        TcpListener::bind(server.local_addr()).await.unwrap();
    });
}

#[test]
fn a_closed_server_refuses_and_serves_on() {
    each(|| async {
        let server = start_server(HERE, echo).await.unwrap();
        assert!(server.is_serving());
        let mut open = served(&server).await;
        server.close();
        let refused = async || TcpStream::connect(server.local_addr()).await.is_err();
        // Whoever is accepting this very moment lets go of the listener after that.
        while !refused().await {
            weftwork::yield_now().await;
        }
        ask(&mut open).await;
    });
}

#[test]
fn serve_forever_ends_when_the_server_is_closed_and_its_clients_are_gone() {
    each(|| async {
        let server = start_server(HERE, echo).await.unwrap();
        let mut open = served(&server).await;
        let serving = spawn({
            let server = server.clone();
            async move { server.serve_forever().await }
        });
        settle().await;
        server.close();
        settle().await;
        assert!(!serving.done());
        ask(&mut open).await;
        drop(open);
        serving.await;
    });
}

#[test]
fn a_cancel_of_serve_forever_closes_and_waits() {
    each(|| async {
        let server = start_server(HERE, echo).await.unwrap();
        let mut open = served(&server).await;
        let serving = spawn({
            let server = server.clone();
            async move { server.serve_forever().await }
        });
        settle().await;
        assert!(server.is_serving());
        serving.cancel();
        until(|| !server.is_serving()).await;
        ask(&mut open).await;
        assert!(!serving.done(), "a client is there");
        drop(open);
        assert!(serving.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn closed_clients_see_the_end_and_so_do_their_handlers() {
    each(|| async {
        let ended = Counter::default();
        let handler = {
            let ended = ended.clone();
            move |stream, peer| {
                let ended = ended.clone();
                async move {
                    echo(stream, peer).await.unwrap();
                    ended.add();
                }
            }
        };
        let server = start_server(HERE, handler).await.unwrap();
        let (mut one, mut other) = (served(&server).await, served(&server).await);
        server.close_clients();
        assert_eq!(end_of(&mut one).await, Ok(0));
        assert_eq!(end_of(&mut other).await, Ok(0));
        until(|| ended.get() == 2).await;
        until(|| server.connections() == 0).await;
        // It goes on for others.
        drop(served(&server).await);
        server.close();
        server.wait_closed().await;
        assert_eq!(ended.get(), 3);
    });
}

#[test]
fn aborted_clients_see_a_reset_and_their_handlers_are_cancelled() {
    each(|| async {
        let cleaned = Flag::default();
        let handler = {
            let cleaned = cleaned.clone();
            move |stream, peer| {
                let cleaned = cleaned.clone();
                async move {
                    let clean_up = async {
                        weftwork::yield_now().await;
                        cleaned.set();
                    };
                    weftwork::finally(echo(stream, peer), clean_up)
                        .await
                        .unwrap();
                }
            }
        };
        let server = start_server(HERE, handler).await.unwrap();
        let mut one = served(&server).await;
        server.abort_clients();
        assert_eq!(end_of(&mut one).await, Err(ErrorKind::ConnectionReset));
        server.close();
        server.wait_closed().await;
        assert!(cleaned.is_set());
    });
}

/// `Handle::report`: from a task and from a thread, before and after the end of the runtime.
#[test]
fn an_error_that_is_handed_in_goes_to_the_exception_handler() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let builder = Runtime::builder().exception_handler(move |report| {
        let task = report.task().map(weftwork::TaskControl::name);
        let text = report.to_string();
        sink.lock().push((report.is_error(), task, text));
        panic!("the handler itself");
    });
    let runtime = builder.build().unwrap();
    let handle = runtime.handle();
    let in_task = handle.clone();
    let task = Task::builder()
        .name("teller")
        .spawn_on(&handle, async move {
            in_task.report("the disk", "is full");
        });
    runtime.block_on(task);
    let from_thread = handle.clone();
    std::thread::spawn(move || from_thread.report("the net", String::from("is down")))
        .join()
        .unwrap();
    runtime.close().unwrap();
    handle.report("the end", "has come");
    let seen = seen.lock();
    let [
        (true, Some(task), first),
        (true, None, second),
        (true, None, third),
    ] = &seen[..]
    else {
        panic!("{seen:?}");
    };
    assert_eq!(task, "teller");
    assert!(
        first.starts_with("error in weftwork (the disk): is full"),
        "{first}"
    );
    assert_eq!(second, "error in weftwork (the net): is down");
    assert_eq!(third, "error in weftwork (the end): has come");
}

/// The stream is not the handler's any more.
#[test]
fn a_stream_that_was_handed_on_is_closed_and_aborted_too() {
    each(|| async {
        for abort in [false, true] {
            let (give, taken) = oneshot::channel();
            let give = Arc::new(give);
            let handler = move |stream, _| {
                let give = Arc::clone(&give);
                async move {
                    give.send(stream).unwrap();
                    common::forever::<()>().await;
                }
            };
            let server = start_server(HERE, handler).await.unwrap();
            let mut one = TcpStream::connect(server.local_addr()).await.unwrap();
            let mut handed_on = taken.await.unwrap();
            let reading = spawn(async move { end_of(&mut handed_on).await });
            settle().await;
            if abort {
                server.abort_clients();
            } else {
                server.close_clients();
            }
            assert_eq!(reading.await, Ok(0));
            let end = end_of(&mut one).await;
            let expected = if abort {
                Err(ErrorKind::ConnectionReset)
            } else {
                Ok(0)
            };
            assert_eq!(end, expected);
            server.abort_clients();
            server.close();
            server.wait_closed().await;
        }
    });
}

#[test]
fn over_the_limit_connections_wait_for_one_to_end() {
    each(|| async {
        let builder = Server::builder().max_connections(2).backlog(16);
        let server = builder.start(HERE, echo).await.unwrap();
        let (one, two) = (served(&server).await, served(&server).await);
        let mut third = TcpStream::connect(server.local_addr()).await.unwrap();
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

/// A listener that waits does not keep the last place from another one.
#[test]
fn a_limit_holds_for_all_listeners_together() {
    each(|| async {
        let addrs: Vec<SocketAddr> = vec![HERE.parse().unwrap(), "[::1]:0".parse().unwrap()];
        let server = Server::builder().max_connections(1).start(addrs, echo);
        let server = server.await.unwrap();
        for round in 0..6 {
            let addr = server.local_addrs()[round % 2];
            let mut stream = TcpStream::connect(addr).await.unwrap();
            ask(&mut stream).await;
            assert_eq!(server.connections(), 1);
        }
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn handlers_that_panic_or_fail_are_reported_with_the_peer() {
    each_reporting(|reports| async move {
        let handler = |mut stream: TcpStream, _| async move {
            let mut what = [0];
            stream.read_exact(&mut what).await.unwrap();
            match &what {
                b"p" => panic!("the handler panics"),
                b"e" => Err("the handler fails"),
                _ => Ok(()),
            }
        };
        let server = start_server(HERE, handler).await.unwrap();
        for (what, message) in [(b"p", "the handler panics"), (b"e", "the handler fails")] {
            let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
            stream.write_all(what).await.unwrap();
            let end = end_of(&mut stream).await;
            assert!(matches!(end, Ok(0)), "{end:?}");
            until(|| reports.count() == 1).await;
            let seen = reports.take().remove(0);
            let from = format!("connection from {}", stream.local_addr().unwrap());
            assert_eq!(seen.task, Some(from.clone()));
            assert!(seen.message.contains(message), "{seen:?}");
            if what == b"e" {
                assert!(seen.message.contains(&from), "{seen:?}");
                assert!(seen.context.contains("handler"), "{seen:?}");
            }
        }
        let mut fine = TcpStream::connect(server.local_addr()).await.unwrap();
        fine.write_all(b"-").await.unwrap();
        assert_eq!(end_of(&mut fine).await, Ok(0));
        server.close();
        server.wait_closed().await;
    });
}

/// It panics before it gives a future.
#[test]
fn a_handler_that_panics_at_the_call_ends_its_connection_only() {
    each_reporting(|reports| async move {
        let calls = Counter::default();
        let handler = {
            let calls = calls.clone();
            move |stream, peer| {
                calls.add();
                assert!(calls.get() > 1, "the first call fails");
                echo(stream, peer)
            }
        };
        let server = start_server(HERE, handler).await.unwrap();
        let mut first = TcpStream::connect(server.local_addr()).await.unwrap();
        assert_eq!(end_of(&mut first).await, Ok(0));
        drop(served(&server).await);
        server.close();
        server.wait_closed().await;
        // The task is told of after its stream is closed.
        until(|| reports.count() == 1).await;
        assert_eq!(reports.messages(), ["the first call fails"]);
    });
}

#[test]
fn it_listens_on_all_addresses() {
    each(|| async {
        let one: SocketAddr = HERE.parse().unwrap();
        let addrs = vec![one, "[::1]:0".parse().unwrap(), one];
        let server = start_server(addrs, echo).await.unwrap();
        let v4 = server.local_addrs().iter().filter(|addr| addr.is_ipv4());
        assert_eq!(v4.count(), 1, "the same address twice is one");
        for addr in server.local_addrs() {
            let mut stream = TcpStream::connect(*addr).await.unwrap();
            assert!(!stream.nodelay().unwrap());
            ask(&mut stream).await;
        }
        server.close();
    });
}

#[test]
fn what_is_in_use_or_not_there_is_said_with_the_address() {
    each(|| async {
        let taken = TcpListener::bind(HERE).await.unwrap();
        let addr = taken.local_addr().unwrap();
        let error = start_server(addr, echo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&addr.to_string()), "{error}");
        // 192.0.2.0/24 is for documentation.
        let elsewhere: SocketAddr = "192.0.2.1:0".parse().unwrap();
        let error = start_server(elsewhere, echo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        let both = [elsewhere, HERE.parse().unwrap()];
        let server = start_server(both, echo).await.unwrap();
        assert_eq!(server.local_addrs().len(), 1);
        server.close();
        let error = start_server(Vec::new(), echo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
    let error = common::foreign_block_on(start_server(HERE, echo)).unwrap_err();
    assert_eq!(error.to_string(), RuntimeError::NoRuntime.to_string());
}

#[test]
fn small_answers_are_sent_at_once() {
    each(|| async {
        for nodelay in [true, false] {
            let handler = move |stream: TcpStream, _| async move {
                assert_eq!(stream.nodelay().unwrap(), nodelay);
                (&stream).write_all(b"!").await.unwrap();
            };
            let builder = Server::builder().nodelay(nodelay);
            let server = builder.start(HERE, handler).await.unwrap();
            let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
            assert_eq!(end_of(&mut stream).await, Ok(1));
            server.close();
        }
    });
}

#[test]
fn a_server_that_nobody_holds_serves_until_the_runtime_ends() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let (addr, mut open) = runtime.block_on(async {
            let server = start_server(HERE, echo).await.unwrap();
            let addr = server.local_addr();
            drop(server);
            settle().await;
            let mut open = TcpStream::connect(addr).await.unwrap();
            ask(&mut open).await;
            let open = std::net::TcpStream::connect(addr).unwrap();
            (addr, open)
        });
        runtime.close().unwrap();
        drop(runtime);
        let end = open.read(&mut [0; 1]);
        let is_over = matches!(&end, Ok(0))
            || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        assert!(is_over);
        assert!(std::net::TcpStream::connect(addr).is_err());
    }
}

#[test]
fn a_closed_runtime_closes_the_server() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let server = runtime.block_on(async { start_server(HERE, echo).await.unwrap() });
        runtime.close().unwrap();
        assert!(!server.is_serving());
        common::foreign_block_on(server.wait_closed());
    }
}

/// Clients come, ask and go on threads while the server is closed, its clients are closed or
/// aborted. Nothing hangs, nothing is counted twice.
#[test]
fn closing_against_connecting() {
    each(|| async {
        for round in 0..common::scaled(200) {
            let builder = Server::builder().max_connections(1 + round % 7);
            let server = builder.start(HERE, |stream, peer| async move {
                // A reset is no trouble here.
                let _ = echo(stream, peer).await;
            });
            let server = server.await.unwrap();
            let addr = server.local_addr();
            let clients: Vec<_> = (0..3)
                .map(|_| {
                    std::thread::spawn(move || {
                        while let Ok(mut stream) = std::net::TcpStream::connect(addr) {
                            let timeout = Some(Duration::from_secs(20));
                            stream.set_read_timeout(timeout).unwrap();
                            let _ = stream.write_all(b"?");
                            match stream.read(&mut [0]) {
                                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                                    panic!("nobody answers")
                                }
                                _ => {}
                            }
                        }
                    })
                })
                .collect();
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
            for client in clients {
                let joined = weftwork::spawn_blocking(move || client.join());
                joined.await.unwrap();
            }
        }
    });
}

#[test]
fn whoever_cancels_everything_closes_the_server() {
    each(|| async {
        let server = start_server(HERE, echo).await.unwrap();
        let open = served(&server).await;
        let me = weftwork::current_task().unwrap().id();
        for task in weftwork::all_tasks() {
            if task.id() != me {
                task.cancel();
            }
        }
        server.wait_closed().await;
        assert!(!server.is_serving(), "closed before it is said to be");
        drop(open);
    });
}

#[test]
fn a_server_moves_between_threads() {
    fn is_shared<T: Send + Sync + Unpin + Clone + 'static>() {}
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    is_shared::<Server>();
    each(|| async {
        let log: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let seen = Arc::clone(&log);
        let handler = move |_stream: TcpStream, peer| {
            let seen = Arc::clone(&seen);
            async move { seen.lock().push(peer) }
        };
        let server = is_send(start_server(HERE, handler)).await.unwrap();
        let task: Task<()> = spawn({
            let server = server.clone();
            async move { server.serve_forever().await }
        });
        let stream = TcpStream::connect(server.local_addr()).await.unwrap();
        until(|| *log.lock() == [stream.local_addr().unwrap()]).await;
        server.close();
        task.await;
    });
}
