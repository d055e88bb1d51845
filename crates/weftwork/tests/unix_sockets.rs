//! Unix sockets: streams, listeners and their files, datagrams.

mod common;

use common::{On, Watchdog, each, ms, paused, scaled, settle, until, worked};
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt, join};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use weftwork::net::{UnixDatagram, UnixListener, UnixStream};
use weftwork::time::now;
use weftwork::{Runtime, gather, sleep, spawn};
use weftwork_std_or_loom::atomic::AtomicUsize;
use weftwork_std_or_loom::atomic::Ordering::{Relaxed, SeqCst};

/// A directory that is gone at the end.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = format!("weftwork-unix-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn connected(path: &Path) -> (UnixListener, UnixStream, UnixStream) {
    let listener = UnixListener::bind(path).unwrap();
    let (client, served) = join!(UnixStream::connect(path), listener.accept());
    (listener, client.unwrap(), served.unwrap().0)
}

#[test]
fn a_stream_carries_more_than_the_buffers_both_ways() {
    const TOTAL: usize = 1 << 20;
    each(|| async {
        let dir = Dir::new();
        let (_listener, one, other) = connected(&dir.path("s")).await;
        let bytes: Arc<Vec<u8>> = Arc::new((0..TOTAL).map(|n| (n % 253) as u8).collect());
        let sending = spawn({
            let bytes = Arc::clone(&bytes);
            async move {
                let mut back = Vec::new();
                let write = async {
                    (&one).write_all(&bytes).await.unwrap();
                    (&one).close().await.unwrap();
                };
                join!(write, async {
                    (&one).read_to_end(&mut back).await.unwrap()
                });
                back
            }
        });
        let (mut reader, mut writer) = other.into_split();
        futures::io::copy(&mut reader, &mut writer).await.unwrap();
        drop(writer);
        assert!(sending.await == *bytes);
    });
}

#[test]
fn a_pair_its_halves_and_its_ends() {
    each(|| async {
        let (mut one, other) = UnixStream::pair().unwrap();
        let (_, strange) = UnixStream::pair().unwrap().0.into_split();
        let (reader, writer) = other.into_split();
        let error = reader.reunite(strange).unwrap_err();
        let other = error.0.reunite(writer).unwrap();
        let reading = spawn(async move {
            let mut all = String::new();
            (&other).read_to_string(&mut all).await.unwrap();
            other.shutdown(Shutdown::Both).unwrap();
            all
        });
        settle().await;
        one.writable().await.unwrap();
        assert_eq!(one.try_write(b"half").unwrap(), 4);
        one.close().await.unwrap();
        assert_eq!(reading.await, "half");
        one.readable().await.unwrap();
        assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
        let broken = one.try_write(b"more").unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_cancelled_read_takes_nothing() {
    each(|| async {
        let (one, mut other) = UnixStream::pair().unwrap();
        let one = Arc::new(one);
        for round in 0..100_u8 {
            let reading = spawn({
                let one = Arc::clone(&one);
                async move {
                    let mut byte = [0];
                    (&*one).read_exact(&mut byte).await.unwrap();
                    byte[0]
                }
            });
            if round % 2 == 0 {
                weftwork::yield_now().await;
            }
            reading.cancel();
            other.write_all(&[round]).await.unwrap();
            let came = match reading.outcome().await {
                Ok(came) => came,
                Err(_) => {
                    let mut byte = [0];
                    (&*one).read_exact(&mut byte).await.unwrap();
                    byte[0]
                }
            };
            assert_eq!(came, round);
        }
    });
}

#[test]
fn the_file_goes_with_the_listener_unless_it_is_another_one() {
    each(|| async {
        let dir = Dir::new();
        let path = dir.path("s");
        let (listener, one, _other) = connected(&path).await;
        assert_eq!(one.peer_addr().unwrap().as_pathname(), Some(&*path));
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path));
        assert!(path.exists());
        drop(listener);
        assert!(!path.exists());

        let old = UnixListener::bind(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let new = UnixListener::bind(&path).unwrap();
        drop(old);
        assert!(path.exists(), "it is the new one's");
        UnixStream::connect(&path).await.unwrap();
        std::fs::rename(&path, dir.path("moved")).unwrap();
        drop(new);
        assert!(dir.path("moved").exists());

        // One that was taken over is not ours to remove.
        let taken = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(UnixListener::from_std(taken).unwrap());
        assert!(path.exists());
    });
}

#[test]
fn only_what_is_stale_is_replaced() {
    each(|| async {
        let dir = Dir::new();
        let path = dir.path("s");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let in_use = UnixListener::bind(&path).unwrap_err();
        assert_eq!(in_use.kind(), ErrorKind::AddrInUse);
        assert!(in_use.to_string().contains("/s\""), "{in_use}");
        let refused = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

        let listener = UnixListener::bind_over_stale(&path).unwrap();
        let alive = UnixListener::bind_over_stale(&path).unwrap_err();
        assert_eq!(alive.kind(), ErrorKind::AddrInUse);
        UnixStream::connect(&path).await.unwrap();
        drop(listener);

        let file = dir.path("file");
        std::fs::write(&file, "precious").unwrap();
        let no_socket = UnixListener::bind_over_stale(&file).unwrap_err();
        assert_eq!(no_socket.kind(), ErrorKind::AddrInUse);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");

        drop(std::os::unix::net::UnixDatagram::bind(&path).unwrap());
        let datagrams = UnixDatagram::bind_over_stale(&path).unwrap();
        UnixDatagram::bind_over_stale(&path).unwrap_err();
        drop(datagrams);
        assert!(!path.exists());
    });
}

/// Whoever looks after another one has bound must not take the new socket for the stale one.
#[test]
fn of_many_that_replace_a_stale_one_at_a_time_one_wins() {
    const RIVALS: usize = 4;
    let _watchdog = Watchdog::start();
    let dir = Dir::new();
    let path = dir.path("s");
    let (together, won) = (Barrier::new(RIVALS), AtomicUsize::new(0));
    let rival = || {
        let runtime = On::Local.runtime(Runtime::builder());
        runtime.block_on(async {
            for round in 1..=scaled(2000) {
                if together.wait().is_leader() {
                    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
                }
                together.wait();
                let bound = UnixListener::bind_over_stale(&path);
                won.fetch_add(usize::from(bound.is_ok()), SeqCst);
                together.wait();
                assert_eq!(won.load(SeqCst), round);
                if let Err(error) = &bound {
                    assert_eq!(error.kind(), ErrorKind::AddrInUse);
                }
                std::os::unix::net::UnixStream::connect(&path).unwrap();
                together.wait();
                drop(bound);
            }
        });
    };
    std::thread::scope(|scope| {
        for _ in 0..RIVALS {
            scope.spawn(rival);
        }
    });
}

/// It is not ours, and a server that starts must not wait for it.
#[test]
fn a_folder_that_somebody_has_locked_holds_up_nobody() {
    each(|| async {
        let dir = Dir::new();
        let folder = std::fs::File::open(&dir.0).unwrap();
        folder.lock().unwrap();
        UnixListener::bind_over_stale(dir.path("s")).unwrap();
    });
}

/// The queue of the listener is full: a connect waits for its turn, and can be cancelled.
#[test]
fn a_full_listener_makes_a_connect_wait() {
    each(|| async {
        let dir = Dir::new();
        let path = dir.path("s");
        let listener = UnixListener::bind(&path).unwrap();
        // A smaller queue.
        rustix::net::listen(&listener, 1).unwrap();
        let connecting: Vec<_> = (0..8)
            .map(|_| spawn(UnixStream::connect(path.clone())))
            .collect();
        until(|| connecting.iter().any(weftwork::Task::done)).await;
        settle().await;
        assert!(!connecting.iter().all(weftwork::Task::done));
        let mut accepted = Vec::new();
        for _ in 0..8 {
            accepted.push(listener.accept().await.unwrap());
        }
        for stream in gather(connecting).await {
            stream.unwrap();
        }
        let waiting: Vec<_> = (0..8)
            .map(|_| spawn(UnixStream::connect(path.clone())))
            .collect();
        settle().await;
        for task in &waiting {
            task.cancel();
        }
        for task in waiting {
            drop(task.outcome().await);
        }
    });
}

#[test]
fn a_cancelled_accept_loses_no_connection() {
    each(|| async {
        let dir = Dir::new();
        let path = dir.path("s");
        let listener = Arc::new(UnixListener::bind(&path).unwrap());
        let mut clients = Vec::new();
        for round in 0..50 {
            let accepting = spawn({
                let listener = Arc::clone(&listener);
                async move { listener.accept().await.unwrap().0 }
            });
            if round % 2 == 0 {
                weftwork::yield_now().await;
            }
            accepting.cancel();
            clients.push(UnixStream::connect(&path).await.unwrap());
            let served = match accepting.outcome().await {
                Ok(served) => served,
                Err(_) => {
                    std::future::poll_fn(|cx| listener.poll_accept(cx))
                        .await
                        .unwrap()
                        .0
                }
            };
            drop(served);
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_peer_is_known() {
    each(|| async {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = one.peer_credentials().unwrap();
        assert_eq!(peer.pid, i32::try_from(std::process::id()).unwrap());
        assert_eq!(peer.uid, rustix::process::getuid().as_raw());
        assert_eq!(peer.gid, rustix::process::getgid().as_raw());
    });
}

#[test]
fn datagrams_wait_for_room_and_keep_their_order() {
    each(|| async {
        let (one, other) = UnixDatagram::pair().unwrap();
        let sending = spawn(async move {
            for n in 0..2000_u32 {
                assert_eq!(one.send(&n.to_le_bytes()).await.unwrap(), 4);
            }
        });
        settle().await;
        assert!(!sending.done(), "the queue has an end");
        let mut buf = [0; 8];
        for n in 0..2000_u32 {
            assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
            assert_eq!(buf[..4], n.to_le_bytes());
        }
        sending.await;
    });
}

/// The queue is full of what others sent: the system says nothing when it has room again.
#[test]
fn a_datagram_to_a_receiver_that_others_have_filled_arrives() {
    each(|| async {
        let dir = Dir::new();
        let (full, free) = (dir.path("full"), dir.path("free"));
        let receiver = UnixDatagram::bind(&full).unwrap();
        let idle = UnixDatagram::bind(&free).unwrap();
        let other = std::os::unix::net::UnixDatagram::unbound().unwrap();
        other.set_nonblocking(true).unwrap();
        let mut before = 0;
        while other.send_to(b"other", &full).is_ok() {
            before += 1;
        }
        let sender = Arc::new(UnixDatagram::unbound().unwrap());
        sender.connect(&free).unwrap();
        let sending = spawn({
            let sender = Arc::clone(&sender);
            async move { sender.send_to(b"ours", &full).await }
        });
        settle().await;
        assert!(!sending.done());
        // Another receiver has nothing to do with it.
        assert_eq!(sender.send(b"x").now_or_never().unwrap().unwrap(), 1);
        assert_eq!(idle.recv(&mut [0; 8]).await.unwrap(), 1);
        for _ in 0..before {
            assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 5);
        }
        assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 4);
        assert_eq!(sending.await.unwrap(), 4);
    });
}

/// A receiver that is full.
fn filled(path: &Path) -> UnixDatagram {
    let receiver = UnixDatagram::bind(path).unwrap();
    let other = std::os::unix::net::UnixDatagram::unbound().unwrap();
    other.set_nonblocking(true).unwrap();
    while other.send_to(b"other", path).is_ok() {}
    receiver
}

/// Trying again has its figures: 16 times a second, and 64 ms late at most.
#[test]
fn a_full_receiver_is_tried_now_and_then_until_it_has_room() {
    paused(|| async {
        let dir = Dir::new();
        let path = dir.path("full");
        let receiver = filled(&path);
        let sender = UnixDatagram::unbound().unwrap();
        let sending = spawn(async move { sender.send_to(b"ours", &path).await });
        sleep(Duration::from_secs(10)).await;
        let polls = sending.control().polls();
        assert!((150..200).contains(&polls), "{polls} in 10 seconds");
        let before = now();
        receiver.recv(&mut [0; 8]).await.unwrap();
        assert_eq!(sending.await.unwrap(), 4);
        let late = now() - before;
        assert!(late <= ms(64), "{late:?}");
    });
}

#[test]
fn a_full_receiver_costs_no_time_of_the_processor() {
    let _watchdog = Watchdog::start();
    let runtime = On::Local.runtime(Runtime::builder());
    runtime.block_on(async {
        let dir = Dir::new();
        let path = dir.path("full");
        let receiver = filled(&path);
        let sender = UnixDatagram::unbound().unwrap();
        let sending = spawn(async move { sender.send_to(b"ours", &path).await });
        settle().await;
        let before = worked();
        sleep(ms(500)).await;
        let busy = worked().saturating_sub(before);
        assert!(busy < ms(250), "{busy:?} of 500 ms: it spins");
        assert!(!sending.done());
        receiver.recv(&mut [0; 8]).await.unwrap();
        assert_eq!(sending.await.unwrap(), 4);
        // A send that is given up has sent nothing.
        let sender = UnixDatagram::unbound().unwrap();
        let full = dir.path("full");
        assert!(sender.send_to(b"given up", &full).now_or_never().is_none());
        let mut came = [0; 8];
        while receiver.recv(&mut came).await.unwrap() != 4 {
            assert_eq!(came[..5], *b"other");
        }
        assert!(receiver.recv(&mut came).now_or_never().is_none());
    });
}

#[test]
fn datagrams_between_paths() {
    each(|| async {
        let dir = Dir::new();
        let (one, other) = (dir.path("one"), dir.path("other"));
        let server = UnixDatagram::bind(&one).unwrap();
        let client = UnixDatagram::bind(&other).unwrap();
        client.send_to(b"ask", &one).await.unwrap();
        let mut buf = [0; 8];
        let (count, from) = server.recv_from(&mut buf).await.unwrap();
        assert_eq!((count, from.as_pathname()), (3, Some(&*other)));
        let nameless = UnixDatagram::unbound().unwrap();
        assert_eq!(
            nameless.send(b"x").await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        nameless.connect(&one).unwrap();
        assert_eq!(nameless.peer_addr().unwrap().as_pathname(), Some(&*one));
        nameless.send(b"hello").await.unwrap();
        let (count, from) = server.recv_from(&mut buf).await.unwrap();
        assert_eq!((count, from.is_unnamed()), (5, true));
        server.shutdown(Shutdown::Read).unwrap();
        drop(server);
        assert!(!one.exists());
        let gone = nameless.send(b"x").await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::ConnectionRefused);
        let missing = client.send_to(b"x", &one).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_path_that_is_too_long_is_an_error() {
    each(|| async {
        let long = "x".repeat(200);
        for error in [
            UnixStream::connect(&long).await.unwrap_err(),
            UnixListener::bind(&long).unwrap_err(),
            UnixDatagram::bind(&long).unwrap_err(),
        ] {
            assert!(error.to_string().contains(&long), "{error}");
        }
    });
}
