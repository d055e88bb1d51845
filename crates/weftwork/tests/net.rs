//! TCP: listener and stream on the runtime.

mod common;

use common::{Counter, each, settle, until};
use futures::{AsyncReadExt, AsyncWriteExt, join};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use weftwork::net::{TcpListener, TcpStream, lookup_host};
use weftwork::{Runtime, RuntimeError, Task, gather, spawn, spawn_blocking};

const HERE: &str = "127.0.0.1:0";

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(HERE).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Two connected streams.
async fn pair() -> (TcpStream, TcpStream) {
    let (listener, addr) = listen().await;
    let (one, other) = join!(TcpStream::connect(addr), listener.accept());
    let (other, peer) = other.unwrap();
    let one = one.unwrap();
    assert_eq!(one.local_addr().unwrap(), peer);
    assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
    (one, other)
}

/// Sends back what comes until the end.
async fn echo(stream: TcpStream) -> u64 {
    let copied = futures::io::copy(&stream, &mut &stream).await.unwrap();
    (&stream).close().await.unwrap();
    copied
}

/// The byte at a place of the stream of this seed.
fn byte(seed: u64, place: usize) -> u8 {
    let mixed = (place as u64 ^ seed << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as u8
}

fn bytes(seed: u64, count: usize) -> Vec<u8> {
    (0..count).map(|place| byte(seed, place)).collect()
}

#[test]
fn many_connections_are_served_at_once() {
    each(|| async {
        const CONNECTIONS: u64 = 100;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = spawn(async move {
            let mut serving = Vec::new();
            for _ in 0..CONNECTIONS {
                let (stream, _) = listener.accept().await.unwrap();
                serving.push(spawn(echo(stream)));
            }
            gather(serving).await.into_iter().sum::<u64>()
        });
        gather((0..CONNECTIONS).map(|n| async move {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            for round in 0..20_u64 {
                let sent = (n * 1000 + round).to_le_bytes();
                stream.write_all(&sent).await.unwrap();
                let mut came = [0; 8];
                stream.read_exact(&mut came).await.unwrap();
                assert_eq!(sent, came);
            }
        }))
        .await;
        assert_eq!(server.await, CONNECTIONS * 20 * 8);
    });
}

/// Both ends write more than all buffers hold, while they read, in chunks of random sizes.
#[test]
fn large_transfers_both_ways_at_once() {
    const TOTAL: usize = 1 << 20;
    async fn send(mut stream: impl futures::AsyncWrite + Unpin, seed: u64) {
        let mut rest = &bytes(seed, TOTAL)[..];
        while !rest.is_empty() {
            let most = 1 << fastrand::u32(0..18);
            let (now, later) = rest.split_at(fastrand::usize(1..=most).min(rest.len()));
            stream.write_all(now).await.unwrap();
            rest = later;
        }
        stream.close().await.unwrap();
    }
    async fn receive(mut stream: impl futures::AsyncRead + Unpin, seed: u64) {
        let mut came = Vec::new();
        loop {
            let most = 1 << fastrand::u32(0..18);
            let mut buf = vec![0; fastrand::usize(1..=most)];
            let count = stream.read(&mut buf).await.unwrap();
            if count == 0 {
                break;
            }
            came.extend_from_slice(&buf[..count]);
        }
        assert!(came == bytes(seed, TOTAL), "what came is not what was sent");
    }
    each(|| async {
        let (one, other) = pair().await;
        // By reference in one task, by halves in two.
        let by_reference = spawn(async move {
            join!(send(&one, 1), receive(&one, 2));
        });
        let (reader, writer) = other.into_split();
        let sending = spawn(send(writer, 2));
        receive(reader, 1).await;
        sending.await;
        by_reference.await;
    });
}

#[test]
fn the_end_of_writing_leaves_reading_open() {
    each(|| async {
        let (mut one, mut other) = pair().await;
        one.write_all(b"question").await.unwrap();
        one.close().await.unwrap();
        let mut came = Vec::new();
        other.read_to_end(&mut came).await.unwrap();
        assert_eq!(came, b"question");
        assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0, "the end stays");
        other.write_all(b"answer").await.unwrap();
        other.shutdown(Shutdown::Write).unwrap();
        came.clear();
        one.read_to_end(&mut came).await.unwrap();
        assert_eq!(came, b"answer");
        let after = one.write(b"more").await.unwrap_err();
        assert_eq!(after.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn shutdown_ends_a_wait_for_data() {
    each(|| async {
        let (one, _other) = pair().await;
        let one = Arc::new(one);
        let reader = Arc::clone(&one);
        let reading = spawn(async move { (&*reader).read(&mut [0; 8]).await });
        settle().await;
        assert!(!reading.done());
        one.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reading.await.unwrap(), 0);
    });
}

/// A task that reads is cancelled again and again; whatever it has not returned is still there.
#[test]
fn a_cancelled_read_takes_nothing() {
    const TOTAL: usize = 20_000;
    each(|| async {
        let (one, other) = pair().await;
        let sent = bytes(3, TOTAL);
        let writing = spawn(async move {
            for chunk in bytes(3, TOTAL).chunks(97) {
                (&other).write_all(chunk).await.unwrap();
                weftwork::yield_now().await;
            }
        });
        let one = Arc::new(one);
        let mut came = Vec::new();
        let mut cancels = 0;
        loop {
            let reader = Arc::clone(&one);
            let reading = spawn(async move {
                let mut buf = [0; 50];
                let count = (&*reader).read(&mut buf).await.unwrap();
                buf[..count].to_vec()
            });
            for _ in 0..fastrand::usize(0..4) {
                weftwork::yield_now().await;
            }
            if fastrand::bool() {
                reading.cancel();
            }
            match reading.outcome().await {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => came.extend(bytes),
                Err(error) => {
                    assert!(error.is_cancelled());
                    cancels += 1;
                }
            }
        }
        assert!(
            came == sent,
            "{} of {TOTAL} bytes after {cancels} cancels",
            came.len()
        );
        assert!(cancels > 0);
        writing.await;
    });
}

/// What a cancelled write has not reported was not written.
#[test]
fn a_cancelled_write_has_written_nothing() {
    each(|| async {
        let (one, other) = pair().await;
        let one = Arc::new(one);
        let mut written = 0;
        let receiving = spawn(async move {
            let mut all = Vec::new();
            (&other).read_to_end(&mut all).await.unwrap();
            all
        });
        for round in 0..200_u32 {
            let writer = Arc::clone(&one);
            let from = written;
            let writing = spawn(async move {
                let chunk: Vec<u8> = (from..from + 30_000).map(|place| byte(4, place)).collect();
                (&*writer).write(&chunk).await.unwrap()
            });
            for _ in 0..fastrand::usize(0..3) {
                weftwork::yield_now().await;
            }
            if round % 2 == 0 {
                writing.cancel();
            }
            written += writing.outcome().await.unwrap_or(0);
        }
        one.shutdown(Shutdown::Write).unwrap();
        let all = receiving.await;
        assert_eq!(all.len(), written);
        assert!(all == bytes(4, written));
    });
}

#[test]
fn a_cancelled_accept_loses_no_connection() {
    const CONNECTIONS: usize = 60;
    each(|| async {
        let (listener, addr) = listen().await;
        let listener = Arc::new(listener);
        let clients: Vec<Task<Vec<u8>>> = (0..CONNECTIONS)
            .map(|_| {
                spawn(async move {
                    let mut stream = TcpStream::connect(addr).await.unwrap();
                    let mut came = Vec::new();
                    stream.read_to_end(&mut came).await.unwrap();
                    came
                })
            })
            .collect();
        let mut accepted = 0;
        while accepted < CONNECTIONS {
            let accepting = Arc::clone(&listener);
            let task = spawn(async move { accepting.accept().await.unwrap() });
            if fastrand::bool() {
                weftwork::yield_now().await;
            }
            if fastrand::bool() {
                task.cancel();
            }
            if let Ok((mut stream, _)) = task.outcome().await {
                stream.write_all(b"served").await.unwrap();
                accepted += 1;
            }
        }
        for came in gather(clients).await {
            assert_eq!(came, b"served");
        }
    });
}

/// While a cancel is delivered, a leaf declines: the value stays for the next one.
#[test]
fn a_cancel_wins_over_data_that_is_there() {
    each(|| async {
        let (one, mut other) = pair().await;
        let (one, taken) = (Arc::new(one), Counter::default());
        let (reader, count) = (Arc::clone(&one), taken.clone());
        let reading = spawn(async move {
            let caught = weftwork::catch(async {
                (&*reader).read_exact(&mut [0; 4]).await.unwrap();
                count.add();
            });
            assert!(caught.await.unwrap_err().is_cancelled());
            // After the catch it reads again.
            let mut buf = [0; 8];
            let count = (&*reader).read(&mut buf).await.unwrap();
            buf[..count].to_vec()
        });
        settle().await;
        reading.cancel();
        other.write_all(b"kept").await.unwrap();
        assert_eq!(reading.await, b"kept");
        assert_eq!(taken.get(), 0);
        drop(one);
    });
}

#[test]
fn a_cancelled_connect_leaves_no_socket() {
    each(|| async {
        let (_listener, addr) = listen().await;
        for _ in 0..50 {
            let connecting = spawn(TcpStream::connect(addr));
            if fastrand::bool() {
                weftwork::yield_now().await;
            }
            connecting.cancel();
            drop(connecting.outcome().await);
        }
        let reactor = Arc::clone(weftwork::Handle::current().reactor());
        until(|| reactor.len() == 1).await;
    });
}

#[test]
fn two_tasks_read_one_stream_by_reference() {
    const TOTAL: usize = 5000;
    each(|| async {
        let (one, other) = pair().await;
        let one = Arc::new(one);
        let readers = [(); 2].map(|()| {
            let one = Arc::clone(&one);
            spawn(async move {
                let (mut count, mut sum, mut buf) = (0, 0_u64, [0; 3]);
                loop {
                    let n = (&*one).read(&mut buf).await.unwrap();
                    if n == 0 {
                        return (count, sum);
                    }
                    count += n;
                    sum += buf[..n].iter().map(|&byte| u64::from(byte)).sum::<u64>();
                }
            })
        });
        let sent = bytes(5, TOTAL);
        for chunk in sent.chunks(61) {
            (&other).write_all(chunk).await.unwrap();
            weftwork::yield_now().await;
        }
        drop(other);
        let got = gather(readers).await;
        let sum = sent.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        assert_eq!((got[0].0 + got[1].0, got[0].1 + got[1].1), (TOTAL, sum));
    });
}

#[test]
fn many_tasks_wait_at_one_listener() {
    const WAITING: usize = 200;
    each(|| async {
        let (listener, addr) = listen().await;
        let listener = Arc::new(listener);
        let served = Counter::default();
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let (listener, served) = (Arc::clone(&listener), served.clone());
                spawn(async move {
                    listener.accept().await.unwrap();
                    served.add();
                })
            })
            .collect();
        settle().await;
        let mut streams = Vec::new();
        for n in 1..=WAITING {
            streams.push(TcpStream::connect(addr).await.unwrap());
            if n % 50 == 0 {
                until(|| served.get() == n).await;
            }
        }
        gather(waiting).await;
    });
}

#[test]
fn a_refused_connection_is_an_error_and_the_next_address_is_tried() {
    each(|| async {
        let (closed, nobody) = listen().await;
        drop(closed);
        let error = TcpStream::connect(nobody).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let (listener, somebody) = listen().await;
        let stream = TcpStream::connect([nobody, somebody]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), somebody);
        let none = TcpStream::connect(Vec::new()).await.unwrap_err();
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
        let taken = TcpListener::bind(somebody).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        TcpListener::bind([somebody, nobody]).await.unwrap();
        drop(listener);
    });
}

#[test]
fn a_reset_is_an_error_on_both_directions() {
    each(|| async {
        let (mut one, other) = pair().await;
        assert_eq!(other.linger().unwrap(), None);
        other.set_linger(Some(Duration::ZERO)).unwrap();
        assert_eq!(other.linger().unwrap(), Some(Duration::ZERO));
        let reading = spawn(async move {
            let error = one.read(&mut [0; 8]).await.unwrap_err();
            (one, error)
        });
        settle().await;
        drop(other);
        let (mut one, error) = reading.await;
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = one.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        one.close().await.expect("closing what is closed is fine");
    });
}

#[test]
fn vectors_peeking_and_options() {
    each(|| async {
        let (mut one, mut other) = pair().await;
        one.set_nodelay(true).unwrap();
        assert!(one.nodelay().unwrap());
        one.set_ttl(33).unwrap();
        assert_eq!(one.ttl().unwrap(), 33);
        assert!(one.take_error().unwrap().is_none());
        let slices = [
            IoSlice::new(b"one"),
            IoSlice::new(b""),
            IoSlice::new(b"two"),
        ];
        assert_eq!(one.write_vectored(&slices).await.unwrap(), 6);
        assert_eq!(one.read(&mut []).await.unwrap(), 0, "no room, no wait");
        let mut peeked = [0; 8];
        assert_eq!(other.peek(&mut peeked).await.unwrap(), 6);
        assert_eq!(other.peek(&mut peeked).await.unwrap(), 6);
        let (mut a, mut b) = ([0; 2], [0; 8]);
        let mut slices = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(other.read_vectored(&mut slices).await.unwrap(), 6);
        assert_eq!((&a, &b[..4]), (b"on", &b"etwo"[..]));

        assert_eq!(
            other.try_read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        let reading = spawn(async move {
            let mut buf = [0; 8];
            loop {
                other.readable().await.unwrap();
                match other.try_read(&mut buf) {
                    Ok(count) => return buf[..count].to_vec(),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
        });
        settle().await;
        one.writable().await.unwrap();
        assert_eq!(one.try_write(b"tried").unwrap(), 5);
        assert_eq!(reading.await, b"tried");
    });
}

#[test]
fn halves_come_together_again_and_the_writer_ends_the_stream() {
    each(|| async {
        let (one, mut other) = pair().await;
        let (third, _fourth) = pair().await;
        let (reader, writer) = one.into_split();
        let (strange, _writer) = third.into_split();
        let error = strange.reunite(writer).unwrap_err();
        let one = reader.reunite(error.1).unwrap();
        let (_reader, mut writer) = one.into_split();
        writer.write_all(b"all").await.unwrap();
        drop(writer);
        let mut came = Vec::new();
        other.read_to_end(&mut came).await.unwrap();
        assert_eq!(came, b"all");
    });
}

#[test]
fn a_plain_thread_is_the_peer() {
    each(|| async {
        let (listener, addr) = listen().await;
        let peer = spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(addr).unwrap();
            let sent = bytes(6, 300_000);
            let mut back = vec![0; sent.len()];
            std::thread::scope(|scope| {
                let mut writer = stream.try_clone().unwrap();
                let sent = &sent;
                scope.spawn(move || writer.write_all(sent).unwrap());
                stream.read_exact(&mut back).unwrap();
            });
            assert!(back == sent);
        });
        let (stream, _) = std::future::poll_fn(|cx| listener.poll_accept(cx))
            .await
            .unwrap();
        assert_eq!(echo(stream).await, 300_000);
        peer.await;
    });
}

#[test]
fn sockets_of_std_are_taken_over() {
    each(|| async {
        let listener = std::net::TcpListener::bind(HERE).unwrap();
        let addr = listener.local_addr().unwrap();
        let connected = std::net::TcpStream::connect(addr).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let mut one = TcpStream::from_std(connected).unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        let reading = spawn(async move {
            let mut buf = [0; 2];
            other.read_exact(&mut buf).await.map(|()| buf)
        });
        settle().await;
        one.write_all(b"ok").await.unwrap();
        assert_eq!(&reading.await.unwrap(), b"ok");
    });
}

#[test]
fn names_and_numbers_are_looked_up() {
    each(|| async {
        for host in ["127.0.0.1:80", "[::1]:80", "localhost:80"] {
            let addrs = lookup_host(host).await.unwrap();
            assert!(!addrs.is_empty());
            for addr in addrs {
                assert!(
                    addr.ip().is_loopback() && addr.port() == 80,
                    "{host}: {addr}"
                );
            }
        }
        let addrs = lookup_host((String::from("::1"), 7)).await.unwrap();
        assert_eq!(addrs, ["[::1]:7".parse().unwrap()]);
        for wrong in ["127.0.0.1", "host:port", "::1:80:", ":80", "host:66000"] {
            let error = lookup_host(wrong).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}: {error}");
            assert!(error.to_string().contains(wrong), "{error}");
        }
        let error = lookup_host("no-such-host.invalid:80").await.unwrap_err();
        assert!(
            error.to_string().contains("no-such-host.invalid"),
            "{error}"
        );
    });
}

#[test]
fn numbers_need_no_pool() {
    let runtime = Runtime::builder().workers(1).build().unwrap();
    runtime.block_on(async {
        let (_listener, addr) = listen().await;
        TcpStream::connect(addr.to_string()).await.unwrap();
        TcpStream::connect(("127.0.0.1", addr.port()))
            .await
            .unwrap();
        assert_eq!(weftwork::Handle::current().blocking_threads(), 0);
    });
}

#[test]
fn sockets_and_their_futures_move_between_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    fn is_shared<T: Send + Sync + Unpin>(value: T) -> T {
        value
    }
    each(|| async {
        let listener = is_shared(is_send(TcpListener::bind(HERE)).await.unwrap());
        let addr = listener.local_addr().unwrap();
        let (one, other) = join!(
            is_send(TcpStream::connect(addr)),
            is_send(listener.accept())
        );
        let (reader, writer) = is_shared(one.unwrap()).into_split();
        is_send(is_shared(writer).writable()).await.unwrap();
        drop(other);
        is_send(is_shared(reader).readable()).await.unwrap();
    });
}

#[test]
fn outside_of_a_runtime_the_error_says_so() {
    let no_runtime = RuntimeError::NoRuntime.to_string();
    let errors = [
        common::foreign_block_on(TcpListener::bind(HERE)).unwrap_err(),
        common::foreign_block_on(TcpStream::connect(HERE)).unwrap_err(),
        common::foreign_block_on(lookup_host("localhost:1")).unwrap_err(),
        TcpListener::from_std(std::net::TcpListener::bind(HERE).unwrap()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), no_runtime);
    }
}
