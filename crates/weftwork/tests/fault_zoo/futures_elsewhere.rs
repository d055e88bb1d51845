//! Futures that were polled in a task and are dropped on another thread, while they are woken.

use crate::common::{Counter, WORKERS, Watchdog, ms, scaled, settle};
use futures::FutureExt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;
use weftwork::net::{TcpListener, TcpStream, UnixStream};
use weftwork::sync::{CancellationToken, Event, Queue, Semaphore};
use weftwork::{Runtime, all_tasks, gather, sleep, spawn, spawn_blocking};

type Leaf = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What wakes them all.
#[derive(Clone)]
struct Sources {
    event: Arc<Event>,
    queue: Queue<u32>,
    semaphore: Arc<Semaphore>,
    token: CancellationToken,
}

async fn read(mut stream: UnixStream) {
    use futures::AsyncReadExt;
    let _ = stream.read(&mut [0]).await;
}

fn leaves(sources: &Sources, listener: &Arc<TcpListener>, socket: UnixStream) -> Vec<Leaf> {
    let Sources {
        event,
        queue,
        semaphore,
        token,
    } = sources.clone();
    let listener = Arc::clone(listener);
    vec![
        Box::pin(sleep(Duration::from_micros(200))),
        Box::pin(async move { event.wait().await }),
        Box::pin(async move { assert!(queue.get().await.is_ok()) }),
        Box::pin(async move { drop(semaphore.acquire().await) }),
        Box::pin(async move { token.cancelled().await }),
        Box::pin(async move { drop(listener.accept().await) }),
        Box::pin(read(socket)),
        Box::pin(spawn(sleep(Duration::from_micros(100)))),
        Box::pin(gather((0..3).map(|_| sleep(Duration::from_micros(100)))).map(drop)),
        Box::pin(spawn_blocking(|| ())),
    ]
}

#[test]
fn they_are_dropped_on_a_plain_thread_while_they_are_woken() {
    for kind in WORKERS {
        let watchdog = Watchdog::start();
        let (drops, send) = dropper();
        let runtime = kind.runtime(Runtime::builder());
        runtime.block_on(async {
            let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
            let addr = listener.local_addr().unwrap();
            for round in 0..scaled(500) {
                let sources = Sources {
                    event: Arc::new(Event::new()),
                    queue: Queue::new(0),
                    semaphore: Arc::new(Semaphore::new(0)),
                    token: CancellationToken::new(),
                };
                let (here, there) = UnixStream::pair().unwrap();
                let mut leaves = leaves(&sources, &listener, there);
                futures::future::poll_fn(|cx| {
                    for leaf in &mut leaves {
                        let _ = leaf.as_mut().poll(cx);
                    }
                    Poll::Ready(())
                })
                .await;
                send.send(leaves).unwrap();
                sources.event.set();
                sources.queue.try_put(1).unwrap();
                sources.semaphore.add_permits(1);
                sources.token.cancel();
                drop(here);
                if round % 50 == 0 {
                    drop(TcpStream::connect(addr).await.unwrap());
                }
            }
            drop(send);
            assert_eq!(spawn(async { 5 }).await, 5);
            sleep(ms(1)).await;
            settle().await;
            while all_tasks().len() > 1 {
                sleep(ms(1)).await;
            }
        });
        runtime.close().unwrap();
        drops.join().unwrap();
        drop(watchdog);
    }
}

/// A thread that drops what it is sent.
fn dropper() -> (std::thread::JoinHandle<()>, mpsc::SyncSender<Vec<Leaf>>) {
    // Not more than a few at a time, for each has descriptors.
    let (send, sent) = mpsc::sync_channel::<Vec<Leaf>>(8);
    let dropped = Counter::default();
    let thread = std::thread::spawn(move || {
        for leaves in sent {
            drop(leaves);
            dropped.add();
        }
        assert_eq!(dropped.get(), scaled(500));
    });
    (thread, send)
}
