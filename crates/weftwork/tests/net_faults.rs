//! Peers that misbehave, and cancels at every wait.

mod common;

use common::{EVERYWHERE, Watchdog, each, settle, until};
use futures::{AsyncReadExt, AsyncWriteExt, join};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use weftwork::net::{
    AsyncFd, TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
};
use weftwork::sync::Event;
use weftwork::{Runtime, Task, catch, gather, spawn, spawn_blocking};

const HERE: &str = "127.0.0.1:0";

/// Two connected streams with buffers as small as the system allows.
async fn narrow_pair() -> (TcpStream, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.bind(HERE.parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(1).unwrap();
    let addr = listener.local_addr().unwrap();
    let (one, other) = join!(socket.connect(addr), listener.accept());
    (one.unwrap(), other.unwrap().0)
}

#[test]
fn a_peer_that_reads_one_byte_at_a_time_gets_all_of_them() {
    const TOTAL: usize = 40_000;
    each(|| async {
        let (one, other) = narrow_pair().await;
        let writing = spawn(async move {
            let all: Vec<u8> = (0..TOTAL).map(|n| (n % 239) as u8).collect();
            (&one).write_all(&all).await.unwrap();
            (&one).close().await.unwrap();
        });
        let mut byte = [0];
        for n in 0..TOTAL {
            assert_eq!((&other).read(&mut byte).await.unwrap(), 1);
            assert_eq!(byte[0], (n % 239) as u8);
            if n % 64 == 0 {
                weftwork::yield_now().await;
            }
        }
        assert_eq!((&other).read(&mut byte).await.unwrap(), 0);
        writing.await;
    });
}

/// One peer takes a byte a second while the others have their answers, however long that takes.
#[test]
fn a_peer_that_reads_a_byte_a_second_holds_up_nobody() {
    const TOTAL: usize = 3_000_000;
    each(|| async {
        let socket = TcpSocket::new_v4().unwrap();
        // The streams that it accepts have it, too.
        socket.set_send_buffer_size(1).unwrap();
        socket.bind(HERE.parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        let addr = listener.local_addr().unwrap();
        let (taken, served) = (Arc::new(Event::new()), Arc::new(Event::new()));
        let reading = {
            let (taken, served) = (Arc::clone(&taken), Arc::clone(&served));
            spawn_blocking(move || {
                let mut stream = std::net::TcpStream::connect(addr).unwrap();
                let mut all = Vec::new();
                while !served.is_set() {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    all.push(byte[0]);
                    taken.set();
                    std::thread::sleep(Duration::from_secs(1));
                }
                stream.read_to_end(&mut all).unwrap();
                all
            })
        };
        let (mut slow, _) = listener.accept().await.unwrap();
        let writing = spawn(async move {
            let all: Vec<u8> = (0..TOTAL).map(|n| (n % 251) as u8).collect();
            slow.write_all(&all).await.unwrap();
            slow.close().await.unwrap();
        });
        taken.wait().await;
        let listener = Arc::new(listener);
        gather((0..20).map(|_| {
            let listener = Arc::clone(&listener);
            async move {
                let (near, far) = join!(TcpStream::connect(addr), listener.accept());
                let (mut near, mut far) = (near.unwrap(), far.unwrap().0);
                for _ in 0..10 {
                    near.write_all(b"ask").await.unwrap();
                    far.read_exact(&mut [0; 3]).await.unwrap();
                }
            }
        }))
        .await;
        assert!(!writing.done());
        served.set();
        let all = reading.await;
        assert!(all.len() == TOTAL && (0..TOTAL).all(|n| all[n] == (n % 251) as u8));
        writing.await;
    });
}

/// The writer is cancelled at each of its waits; the bytes that it has told of are those that
/// went.
#[test]
fn a_write_that_is_cancelled_at_every_wait_loses_and_doubles_nothing() {
    const TOTAL: usize = 60_000;
    each(|| async {
        let (one, other) = narrow_pair().await;
        let one = Arc::new(one);
        let reading = spawn(async move {
            let (mut all, mut buf) = (Vec::new(), [0; 701]);
            loop {
                let count = (&other).read(&mut buf).await.unwrap();
                if count == 0 {
                    return all;
                }
                all.extend_from_slice(&buf[..count]);
                weftwork::yield_now().await;
            }
        });
        let mut written = 0;
        while written < TOTAL {
            let writer = Arc::clone(&one);
            let from = written;
            let writing = spawn(async move {
                let rest: Vec<u8> = (from..TOTAL).map(|n| (n % 233) as u8).collect();
                let mut written = 0;
                let all = async {
                    while written < rest.len() {
                        written += (&*writer).write(&rest[written..]).await.unwrap();
                        weftwork::checkpoint().await;
                    }
                };
                // The cancel ends the writing, and what was written is known.
                let _ = catch(all).await;
                written
            });
            for _ in 0..fastrand::usize(0..6) {
                weftwork::yield_now().await;
            }
            writing.cancel();
            written += writing.outcome().await.unwrap_or(0);
        }
        one.shutdown(std::net::Shutdown::Write).unwrap();
        let all = reading.await;
        assert_eq!(all.len(), TOTAL);
        assert!(
            all.iter()
                .enumerate()
                .all(|(n, &byte)| byte == (n % 233) as u8)
        );
    });
}

/// Connects are cancelled at each of their waits; those that end well work, the others leave
/// nothing but a connection that ends.
#[test]
fn a_connect_that_is_cancelled_at_every_wait_gives_all_or_nothing() {
    each(|| async {
        let listener = Arc::new(TcpListener::bind(HERE).await.unwrap());
        let addr = listener.local_addr().unwrap();
        let serving = spawn(async move {
            let mut served = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut byte = [0];
                match stream.read(&mut byte).await {
                    Ok(1) if byte == *b"q" => return served,
                    Ok(1) => served += 1,
                    // Given up by its client.
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
                }
            }
        });
        let mut connected = 0;
        for _ in 0..100 {
            let connecting: Task<_> = spawn(TcpStream::connect([addr; 2]));
            for _ in 0..fastrand::usize(0..3) {
                weftwork::yield_now().await;
            }
            if fastrand::bool() {
                connecting.cancel();
            }
            if let Ok(stream) = connecting.outcome().await {
                stream.unwrap().write_all(b"x").await.unwrap();
                connected += 1;
            }
        }
        let mut last = TcpStream::connect(addr).await.unwrap();
        last.write_all(b"q").await.unwrap();
        assert_eq!(serving.await, connected);
    });
}

#[test]
fn a_reset_in_the_middle_ends_both_directions() {
    each(|| async {
        let (one, other) = narrow_pair().await;
        let one = Arc::new(one);
        let (reader, writer) = (Arc::clone(&one), Arc::clone(&one));
        let reading = spawn(async move { (&*reader).read(&mut [0; 8]).await });
        let writing = spawn(async move { (&*writer).write_all(&vec![0; 1 << 22]).await });
        settle().await;
        assert!(!reading.done() && !writing.done());
        other.set_linger(Some(Duration::ZERO)).unwrap();
        drop(other);
        // The system tells the reset to whoever asks first; the other one sees that it is over.
        let (read, written) = (reading.await.map_err(|error| error.kind()), writing.await);
        let written = written.unwrap_err().kind();
        let reset = ErrorKind::ConnectionReset;
        assert!(
            read == Err(reset) || (read == Ok(0) && written == reset),
            "{read:?}, {written:?}"
        );
    });
}

/// All kinds of sockets wait for everything they can while the runtime closes.
#[test]
fn a_runtime_ends_with_sockets_waiting() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let dir = std::env::temp_dir();
        let path = dir.join(format!("weftwork-faults-{}", std::process::id()));
        let tasks = runtime.block_on(async {
            let tcp = TcpListener::bind(HERE).await.unwrap();
            let unix = UnixListener::bind_over_stale(&path).unwrap();
            let udp = UdpSocket::bind(HERE).await.unwrap();
            let (datagram, datagram_peer) = UnixDatagram::pair().unwrap();
            let (stream, stream_peer) = UnixStream::pair().unwrap();
            let (pipe, pipe_peer) = std::io::pipe().unwrap();
            let pipe = AsyncFd::new(pipe).unwrap();
            let silent = silent().await;
            let addr = silent.0.local_addr().unwrap();
            let tasks = [
                spawn(async move { drop(tcp.accept().await) }),
                spawn(async move { drop(unix.accept().await) }),
                spawn(async move { drop(udp.recv_from(&mut [0]).await) }),
                spawn(async move { drop(datagram.recv(&mut [0]).await) }),
                spawn(async move { drop((&stream).read(&mut [0]).await) }),
                spawn(async move { drop(pipe.readable().await) }),
                spawn(async move { drop(TcpStream::connect([addr; 2]).await) }),
            ];
            settle().await;
            assert!(!tasks.iter().any(Task::done));
            drop((datagram_peer, stream_peer, pipe_peer));
            until(|| tasks[3..6].iter().filter(|task| task.done()).count() >= 2).await;
            (tasks, silent)
        });
        runtime.close().unwrap();
        let (tasks, _silent) = tasks;
        assert!(tasks.iter().all(Task::done));
        assert!(!path.exists(), "the file of the listener is gone");
    }
}

/// A listener whose queue is full, and what fills it.
async fn silent() -> (TcpListener, Vec<std::net::TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(HERE.parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap();
    let limit = Duration::from_millis(100);
    let mut fill = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&addr, limit) {
        fill.push(stream);
    }
    (listener, fill)
}

/// The peer ends writing and goes on reading: what it is sent still comes.
#[test]
fn a_half_closed_peer_is_answered() {
    each(|| async {
        let listener = TcpListener::bind(HERE).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let peer = spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(addr).unwrap();
            stream.write_all(b"question").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            all.len()
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"question");
        stream.write_all(&vec![1; 3_000_000]).await.unwrap();
        stream.close().await.unwrap();
        assert_eq!(peer.await, 3_000_000);
    });
}
