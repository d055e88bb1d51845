//! Libraries that insist on a context of tokio, in weftwork's tasks.

mod common;

use common::each;
use std::future::pending;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use weftwork::{Runtime, TaskError, catch, gather, run_local, spawn, yield_now};
use weftwork_tokio::{TokioContext, tokio_context, tokio_handle};

const LONG: Duration = Duration::from_secs(3600);

fn in_a_context() -> bool {
    Handle::try_current().is_ok()
}

/// The name of the thread that polls what is given to `tokio::spawn`.
async fn thread_of_tokio() -> Option<String> {
    let name = tokio::spawn(async { thread::current().name().map(str::to_owned) });
    name.await.unwrap()
}

/// Says in what it was dropped.
struct OnDrop(mpsc::Sender<bool>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.send(in_a_context()).unwrap();
    }
}

/// Gives back what comes, on every connection.
async fn echo(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let serving = async move {
            let (mut reader, mut writer) = stream.split();
            // The client may be cancelled in the middle.
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
        };
        spawn(tokio_context(serving)).detach();
    }
}

async fn echo_server() -> SocketAddr {
    let listener = tokio_context(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.await.unwrap();
    let addr = listener.local_addr().unwrap();
    spawn(tokio_context(echo(listener))).detach();
    addr
}

async fn round_trips(addr: SocketAddr, client: u32, rounds: u32) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    for round in 0..rounds {
        let sent = [client, round].map(u32::to_le_bytes).concat();
        stream.write_all(&sent).await.unwrap();
        let mut received = [0; 8];
        stream.read_exact(&mut received).await.unwrap();
        assert_eq!(received, *sent);
    }
}

#[test]
fn sockets_of_tokio_serve_a_hundred_clients() {
    each(|| async {
        let addr = echo_server().await;
        gather((0..100).map(|n| tokio_context(round_trips(addr, n, 20)))).await;
    });
}

#[test]
fn clients_that_are_cancelled_at_random_leave_the_others_alone() {
    each(|| async {
        let addr = echo_server().await;
        let tasks: Vec<_> = (0..100)
            .map(|n| spawn(tokio_context(round_trips(addr, n, 10))))
            .collect();
        for task in tasks.iter().step_by(3) {
            yield_now().await;
            task.cancel();
        }
        for (n, task) in tasks.into_iter().enumerate() {
            match task.outcome().await {
                Ok(()) => {}
                Err(error) => assert!(error.is_cancelled() && n % 3 == 0, "{error}"),
            }
        }
    });
}

#[test]
fn timers_of_tokio_run() {
    each(|| async {
        let began = Instant::now();
        let limit = Duration::from_millis(20);
        let elapsed = tokio_context(async { tokio::time::timeout(limit, pending::<()>()).await });
        assert!(elapsed.await.is_err());
        assert!(began.elapsed() >= limit);
        // weftwork's own work in the context.
        tokio_context(weftwork::sleep(limit)).await;
        assert!(began.elapsed() >= 2 * limit);
    });
}

/// tokio's timers keep to real time, and a paused clock does not wait for them.
#[test]
fn a_paused_clock_jumps_while_tokio_is_awaited() {
    for workers in [1, 2, 8] {
        let builder = Runtime::builder().workers(workers).start_paused(true);
        let timed_out = weftwork::timeout(LONG, tokio_context(tokio_sleep()));
        let runtime = builder.build().unwrap();
        assert!(runtime.block_on(timed_out).is_err());
    }
}

#[test]
fn the_context_is_there_during_polls_and_the_drop_and_not_between() {
    each(|| async {
        assert!(!in_a_context());
        let inside = spawn(tokio_context(async {
            for _ in 0..10 {
                assert!(in_a_context());
                yield_now().await;
            }
        }));
        while !inside.done() {
            assert!(!in_a_context());
            yield_now().await;
        }
        inside.await;

        let (dropped, was_dropped) = mpsc::channel();
        for polls in 0..2 {
            let guard = OnDrop(dropped.clone());
            let (reached, is_reached) = oneshot::channel();
            let mut future = Box::pin(tokio_context(async move {
                let _guard = guard;
                reached.send(()).unwrap();
                pending::<()>().await;
            }));
            if polls == 0 {
                drop(future);
            } else {
                assert!(futures::poll!(&mut future).is_pending());
                is_reached.await.unwrap();
                drop(future);
            }
            assert_eq!(was_dropped.recv(), Ok(true));
            assert!(!in_a_context());
        }
    });
}

#[test]
fn a_cancel_drops_what_waits_and_is_caught_inside() {
    each(|| async {
        let (dropped, was_dropped) = mpsc::channel();
        let (reached, is_reached) = oneshot::channel();
        let task = spawn(tokio_context(async move {
            let _guard = OnDrop(dropped);
            reached.send(()).unwrap();
            let caught = catch(tokio::time::sleep(LONG)).await;
            assert!(caught.unwrap_err().is_cancelled());
            assert!(in_a_context());
            tokio::time::sleep(LONG).await;
        }));
        is_reached.await.unwrap();
        task.cancel();
        // The first one is caught: a second one ends it.
        while was_dropped.try_recv().is_err() {
            yield_now().await;
            task.cancel();
        }
        assert!(task.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_panic_inside_is_the_tasks_own() {
    each(|| async {
        for _ in 0..10 {
            let task = spawn(tokio_context(async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                panic!("on purpose");
            }));
            let Err(TaskError::Panicked(payload)) = task.outcome().await else {
                panic!("it should have panicked")
            };
            assert_eq!(weftwork::panic_message(&*payload), "on purpose");
            assert!(!in_a_context());
        }
        let name = tokio_context(thread_of_tokio()).await;
        assert_eq!(name.as_deref(), Some("weftwork-tokio"));
    });
}

#[test]
fn contexts_are_nested_and_the_inner_one_counts() {
    let other = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("another")
        .build()
        .unwrap();
    each(|| async {
        let own = other.handle().clone();
        tokio_context(async {
            let ours = Some("weftwork-tokio".to_owned());
            assert_eq!(thread_of_tokio().await, ours);
            assert_eq!(tokio_context(thread_of_tokio()).await, ours);
            let inner = TokioContext::on(own, async {
                let name = tokio_context(thread_of_tokio()).await;
                assert_eq!(name.as_deref(), Some("another"));
            });
            inner.await;
            assert_eq!(thread_of_tokio().await, ours);
        })
        .await;
    });
}

#[test]
fn a_runtime_of_the_programs_own_is_shut_down_and_nothing_hangs() {
    let other = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    each(|| async {
        let other = other();
        let handle = other.handle().clone();
        let (reached, is_reached) = oneshot::channel();
        let accepting = spawn(TokioContext::on(handle.clone(), async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let accept = listener.accept();
            reached.send(()).unwrap();
            accept.await.unwrap_err()
        }));
        let sleeping = spawn(TokioContext::on(handle, tokio_sleep()));
        is_reached.await.unwrap();
        other.shutdown_background();
        assert_eq!(accepting.await.kind(), ErrorKind::Other);
        let error = sleeping.outcome().await.unwrap_err();
        assert!(matches!(error, TaskError::Panicked(_)), "{error}");
    });
}

/// `tokio::time::sleep` wants the context at once, an async function when it is polled.
async fn tokio_sleep() {
    tokio::time::sleep(LONG).await;
}

#[test]
fn what_tokio_spawned_outlives_weftworks_runtime() {
    let ends = |run: &dyn Fn(oneshot::Receiver<()>, mpsc::Sender<()>)| {
        let (go, may_go) = oneshot::channel();
        let (ended, has_ended) = mpsc::channel();
        run(may_go, ended);
        assert!(has_ended.try_recv().is_err());
        go.send(()).unwrap();
        has_ended.recv_timeout(Duration::from_secs(30)).unwrap();
    };
    let body = |may_go: oneshot::Receiver<()>, ended: mpsc::Sender<()>| {
        tokio_context(async move {
            drop(tokio::spawn(async move {
                may_go.await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
                ended.send(()).unwrap();
            }));
            // It is left to wait for tokio, and cancelled at the end.
            spawn(tokio_context(tokio_sleep())).detach();
            yield_now().await;
        })
    };
    for workers in [1, 2, 8] {
        ends(&|may_go, ended| {
            let runtime = Runtime::builder().workers(workers).build().unwrap();
            runtime.block_on(body(may_go, ended));
            runtime.close().unwrap();
        });
    }
    ends(&|may_go, ended| run_local(body(may_go, ended)));
}

/// How many threads with the name of ours there are.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "weftwork-tokio").count()
}

#[cfg(target_os = "linux")]
#[test]
fn one_thread_is_enough_for_all() {
    let starting: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(|| {
                each(|| async {
                    gather((0..100).map(|_| tokio_context(thread_of_tokio()))).await;
                });
            })
        })
        .collect();
    for thread in starting {
        thread.join().unwrap();
    }
    assert_eq!(threads(), 1);
}

#[test]
fn the_handle_is_that_of_one_runtime() {
    let (one, other) = (tokio_handle().unwrap(), tokio_handle().unwrap());
    assert_eq!(one.id(), other.id());
    // Blocking jobs of tokio have threads of their own.
    let job = weftwork::run(tokio_context(async {
        let job = tokio::task::spawn_blocking(|| thread::current().id());
        job.await.unwrap()
    }));
    assert_ne!(job, thread::current().id());
}

/// hyper-util's own connector and executor: they look names up, connect and spawn by tokio.
#[test]
fn the_http_client_of_hyper_util_runs_on_its_own_connector() {
    use http_body_util::{BodyExt, Full};
    use hyper::body::Bytes;
    use hyper_util::client::legacy::{Client, connect::HttpConnector};
    use hyper_util::rt::{TokioExecutor, TokioTimer};
    use weftwork::net::{TcpStream, start_server};

    each(|| async {
        let server = start_server("127.0.0.1:0", async |stream: TcpStream, _| {
            let (mut reader, writer) = stream.into_streams()?;
            while let Ok(head) = reader.readuntil(b"\r\n\r\n").await {
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split(' ').nth(1).unwrap();
                let length = path.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{path}");
                writer.write(answer.as_bytes())?;
                writer.drain().await?;
            }
            Ok::<_, std::io::Error>(())
        });
        let server = server.await.unwrap();
        let port = server.local_addr().port();
        tokio_context(async {
            let client = Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build::<_, Full<Bytes>>(HttpConnector::new());
            gather((0..20).map(|n| {
                let client = client.clone();
                // What is spawned is not in the context by itself.
                tokio_context(async move {
                    let url = format!("http://localhost:{port}/{n}");
                    let response = client.get(url.parse().unwrap()).await.unwrap();
                    let body = response.into_body().collect().await.unwrap();
                    assert_eq!(body.to_bytes(), format!("/{n}"));
                })
            }))
            .await;
        })
        .await;
        server.close();
        server.wait_closed().await;
    });
}
