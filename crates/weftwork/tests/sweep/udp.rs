//! Datagrams, and descriptors of any kind: each datagram comes once, and whole.

use crate::common::settle;
use crate::knife::swept;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use weftwork::net::{AsyncFd, Direction, UdpSocket};
use weftwork::{spawn, yield_now};
use weftwork_std_or_loom::Mutex;

const HERE: &str = "127.0.0.1:0";

/// The numbers of the datagrams that came.
type Got = Arc<Mutex<Vec<u8>>>;

async fn bind() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(HERE).await.unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

#[test]
fn a_socket_with_a_name() {
    swept("UdpSocket::bind", async |knife| {
        let end = knife.run(UdpSocket::bind("localhost:0")).await;
        assert!(end.is_err() || end.unwrap().is_ok());
    });
    swept("UdpSocket::connect", async |knife| {
        let (socket, _) = bind().await;
        let end = knife
            .run(async move { socket.connect("localhost:9").await })
            .await;
        assert!(end.is_err() || end.unwrap().is_ok());
    });
}

/// Receives until so many have come, each of which is looked at before.
async fn receive(socket: &UdpSocket, got: &Mutex<Vec<u8>>, count: usize) {
    let mut datagram = [0; 8];
    while got.lock().len() < count {
        socket.readable().await.unwrap();
        assert_eq!(socket.peek(&mut datagram).await.unwrap(), 4);
        assert_eq!(socket.recv(&mut datagram).await.unwrap(), 4);
        got.lock().push(datagram[0]);
    }
}

#[test]
fn datagrams_of_a_peer() {
    let program = "UdpSocket::recv, UdpSocket::peek, UdpSocket::readable";
    swept(program, async |knife| {
        let ((near, here), (far, there)) = (bind().await, bind().await);
        near.connect(there).await.unwrap();
        far.connect(here).await.unwrap();
        let (near, got) = (Arc::new(near), Got::default());
        let (inner, seen) = (Arc::clone(&near), Arc::clone(&got));
        let sender = spawn(async move {
            for number in 0..3 {
                settle().await;
                far.send(&[number; 4]).await.unwrap();
            }
        });
        let _ = knife
            .run(async move { receive(&inner, &seen, 2).await })
            .await;
        receive(&near, &got, 3).await;
        sender.await;
        assert_eq!(*got.lock(), [0, 1, 2]);
    });
}

/// As `receive`, with the place where each one is from.
async fn receive_from(socket: &UdpSocket, got: &Mutex<Vec<u8>>, count: usize, peer: SocketAddr) {
    let mut datagram = [0; 8];
    while got.lock().len() < count {
        assert_eq!(socket.peek_from(&mut datagram).await.unwrap(), (4, peer));
        assert_eq!(socket.recv_from(&mut datagram).await.unwrap(), (4, peer));
        got.lock().push(datagram[0]);
        let received = poll_fn(|cx| socket.poll_recv_from(cx, &mut datagram));
        assert_eq!(received.await.unwrap(), (4, peer));
        got.lock().push(datagram[0]);
    }
}

#[test]
fn datagrams_with_their_senders() {
    let program = "UdpSocket::recv_from, UdpSocket::peek_from, UdpSocket::poll_recv_from";
    swept(program, async |knife| {
        let ((near, here), (far, there)) = (bind().await, bind().await);
        let (near, got) = (Arc::new(near), Got::default());
        let (inner, seen) = (Arc::clone(&near), Arc::clone(&got));
        let sender = spawn(async move {
            for number in 0..6 {
                settle().await;
                far.send_to(&[number; 4], here).await.unwrap();
            }
        });
        let _ = knife
            .run(async move { receive_from(&inner, &seen, 3, there).await })
            .await;
        receive_from(&near, &got, 5, there).await;
        sender.await;
        assert!(got.lock().is_sorted() && got.lock().len() >= 5);
    });
}

/// A send of a datagram waits only in a crowd; it is cut between two of them.
#[test]
fn datagrams_that_are_sent() {
    let program = "UdpSocket::send, UdpSocket::send_to, UdpSocket::poll_send_to, \
                   UdpSocket::writable";
    swept(program, async |knife| {
        let ((near, here), (far, _)) = (bind().await, bind().await);
        far.connect(here).await.unwrap();
        let (far, sent) = (Arc::new(far), Got::default());
        let (inner, seen) = (Arc::clone(&far), Arc::clone(&sent));
        let _ = knife
            .run(async move {
                for number in [0, 3, 6] {
                    inner.writable().await.unwrap();
                    inner.send(&[number]).await.unwrap();
                    seen.lock().push(number);
                    yield_now().await;
                    inner.send_to(&[number + 1], here).await.unwrap();
                    seen.lock().push(number + 1);
                    yield_now().await;
                    let datagram = [number + 2];
                    let send = poll_fn(|cx| inner.poll_send_to(cx, &datagram, here));
                    send.await.unwrap();
                    seen.lock().push(number + 2);
                    yield_now().await;
                }
            })
            .await;
        far.send(b"end").await.unwrap();
        let (mut got, mut datagram) = (Vec::new(), [0; 8]);
        while near.recv(&mut datagram).await.unwrap() == 1 {
            got.push(datagram[0]);
        }
        assert_eq!(got, *sent.lock());
    });
}

type Fd = AsyncFd<UnixStream>;

/// Two ends, the first one for an `AsyncFd`.
fn ends() -> (Arc<Fd>, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    (Arc::new(AsyncFd::new(near).unwrap()), far)
}

/// Reads in each of the ways in turn until so many bytes are there.
async fn read_on(fd: &Fd, got: &Mutex<Vec<u8>>, count: usize) {
    let mut byte = [0];
    while got.lock().len() < count {
        let way = got.lock().len() % 3;
        let mut read = |mut stream: &UnixStream| stream.read(&mut byte);
        let read = match way {
            0 => match fd.readable().await.unwrap().try_io(read) {
                Some(read) => read,
                None => continue,
            },
            1 => fd.io(Direction::Read, read).await,
            _ => poll_fn(|cx| fd.poll_io(Direction::Read, cx, &mut read)).await,
        };
        assert_eq!(read.unwrap(), 1);
        got.lock().push(byte[0]);
    }
}

#[test]
fn bytes_of_a_descriptor() {
    let program = "AsyncFd::readable, AsyncFd::io, AsyncFd::poll_io";
    swept(program, async |knife| {
        let (near, mut far) = ends();
        let got = Got::default();
        let (inner, seen) = (Arc::clone(&near), Arc::clone(&got));
        let sender = spawn(async move {
            for number in 0..6 {
                settle().await;
                far.write_all(&[number]).unwrap();
            }
            far
        });
        let _ = knife
            .run(async move { read_on(&inner, &seen, 5).await })
            .await;
        read_on(&near, &got, 6).await;
        drop(sender.await);
        assert_eq!(*got.lock(), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn a_descriptor_that_is_full() {
    swept("AsyncFd::writable", async |knife| {
        let (near, mut far) = ends();
        let fill = |near: &Fd| while (&mut near.get_ref()).write(&[0; 4096]).is_ok() {};
        fill(&near);
        let inner = Arc::clone(&near);
        let reader = spawn(async move {
            settle().await;
            far.set_nonblocking(true).unwrap();
            let mut all = Vec::new();
            // Until it is empty; what is written at the same time may be there already.
            let _ = far.read_to_end(&mut all);
            (far, all)
        });
        let written = knife
            .run(async move {
                loop {
                    let mut guard = inner.writable().await.unwrap();
                    if let Some(written) = guard.try_io(|mut stream| stream.write(&[1])) {
                        return written.unwrap();
                    }
                }
            })
            .await;
        let (mut far, mut all) = reader.await;
        let _ = far.read_to_end(&mut all);
        let came = all.iter().filter(|byte| **byte == 1).count();
        assert_eq!(came, written.unwrap_or(0));
    });
}
