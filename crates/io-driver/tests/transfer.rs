//! Large transfers between threads, in chunks of random sizes, for every poller that runs here.

mod common;

use common::{Driven, block_on, pair};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use weftwork_io_driver::{Direction, PollerKind, Registered, tcp};

const TOTAL: usize = 4 << 20;

/// The byte at a place of stream `n`; no two places nearby look alike.
fn byte(n: usize, place: usize) -> u8 {
    let mixed = (place as u64 ^ (n as u64) << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as u8
}

/// Small ones are as likely as large ones.
fn any_size(random: &mut fastrand::Rng) -> usize {
    let most = 1 << random.u32(0..20);
    random.usize(1..=most)
}

async fn send(stream: &Registered<TcpStream>, n: usize, random: &mut fastrand::Rng) {
    let mut sent = 0;
    while sent < TOTAL {
        let most = any_size(random);
        let chunk: Vec<u8> = (sent..TOTAL.min(sent + most))
            .map(|place| byte(n, place))
            .collect();
        let write = |mut stream: &TcpStream| stream.write(&chunk);
        sent += stream.io(Direction::Write, write).await.unwrap();
    }
    stream.get_ref().shutdown(Shutdown::Write).unwrap();
}

async fn receive(stream: &Registered<TcpStream>, n: usize, random: &mut fastrand::Rng) {
    let mut came = 0;
    loop {
        let mut buf = vec![0; any_size(random)];
        let room = buf.len();
        let count =
            poll_fn(|cx| stream.poll_read_stream(cx, room, |mut stream| stream.read(&mut buf)))
                .await
                .unwrap();
        if count == 0 {
            break;
        }
        for (offset, &got) in buf[..count].iter().enumerate() {
            assert_eq!(got, byte(n, came + offset), "at {}", came + offset);
        }
        came += count;
    }
    assert_eq!(came, TOTAL);
}

/// One registration serves a thread for each direction, and so does its peer.
#[test]
fn both_directions_of_both_ends_at_once() {
    for &kind in PollerKind::all() {
        let driven = Driven::new(kind);
        let (one, other) = pair();
        let ends = [one, other].map(|end| {
            end.set_nonblocking(true).unwrap();
            Registered::new(&driven.reactor, end).unwrap()
        });
        let seed = fastrand::u64(..);
        println!("{kind:?}, seed {seed}");
        thread::scope(|scope| {
            for (n, end) in ends.iter().enumerate() {
                let mut random = fastrand::Rng::with_seed(seed + n as u64);
                let mut fork = random.fork();
                scope.spawn(move || block_on(send(end, n, &mut random)));
                scope.spawn(move || block_on(receive(end, 1 - n, &mut fork)));
            }
        });
    }
}

/// Several threads read one stream: each byte comes to exactly one of them.
#[test]
fn readers_share_a_stream_without_loss() {
    const BYTES: usize = 50_000;
    for &kind in PollerKind::all() {
        let driven = Driven::new(kind);
        let (ours, mut peer) = common::registered(&driven.reactor);
        let read_some = |keyed: bool| {
            let mut sum = (0_usize, 0_u64);
            loop {
                let mut buf = [0; 7];
                let count = if keyed {
                    let read = |mut stream: &TcpStream| stream.read(&mut buf);
                    block_on(ours.io(Direction::Read, read))
                } else {
                    block_on(poll_fn(|cx| {
                        ours.poll_read_stream(cx, 7, |mut stream| stream.read(&mut buf))
                    }))
                };
                let count = count.unwrap();
                if count == 0 {
                    return sum;
                }
                sum.0 += count;
                sum.1 += buf[..count]
                    .iter()
                    .map(|&byte| u64::from(byte))
                    .sum::<u64>();
            }
        };
        let sent: Vec<u8> = (0..BYTES).map(|place| byte(0, place)).collect();
        let sums = thread::scope(|scope| {
            let readers =
                [true, true, false, false].map(|keyed| scope.spawn(move || read_some(keyed)));
            for chunk in sent.chunks(100) {
                peer.write_all(chunk).unwrap();
                if fastrand::u8(..) < 32 {
                    thread::yield_now();
                }
            }
            peer.shutdown(Shutdown::Write).unwrap();
            readers.map(|reader| reader.join().unwrap())
        });
        let expected = sent.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        assert_eq!(
            sums.iter().map(|sum| sum.0).sum::<usize>(),
            BYTES,
            "{kind:?}"
        );
        assert_eq!(sums.iter().map(|sum| sum.1).sum::<u64>(), expected);
    }
}

/// Many threads wait for connections at one listener: each connection comes to one of them.
#[test]
fn acceptors_share_a_listener_without_loss() {
    const CONNECTIONS: usize = 300;
    for &kind in PollerKind::all() {
        let driven = Driven::new(kind);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = Registered::new(&driven.reactor, listener).unwrap();
        let left = Arc::new(weftwork_std_or_loom::Mutex::new(CONNECTIONS));
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    loop {
                        {
                            let mut left = left.lock();
                            if *left == 0 {
                                break;
                            }
                            *left -= 1;
                        }
                        let (stream, peer) =
                            block_on(listener.io(Direction::Read, tcp::accept)).unwrap();
                        assert_eq!(stream.peer_addr().unwrap(), peer);
                        // It does not block.
                        let read = (&stream).read(&mut [0]);
                        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
                        (&stream).write_all(b"!").unwrap();
                    }
                });
            }
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..CONNECTIONS / 3 {
                        let mut stream = TcpStream::connect(addr).unwrap();
                        stream.read_exact(&mut [0]).unwrap();
                    }
                });
            }
        });
        assert_eq!(*left.lock(), 0, "{kind:?}");
    }
}
