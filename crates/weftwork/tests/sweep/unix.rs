//! Unix sockets: no connection, no byte and no datagram is lost, and no descriptor stays.

use crate::bytes::{cut_reader, cut_writer, read_all};
use crate::common::settle;
use crate::folder::Folder;
use crate::knife::swept;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use weftwork::net::{UnixDatagram, UnixListener, UnixStream};
use weftwork::spawn;
use weftwork_std_or_loom::Mutex;

/// A connection is given to whoever was not cut.
#[test]
fn a_connection() {
    async fn accept(listener: &UnixListener, polls: bool) -> UnixStream {
        let accepted = match polls {
            true => poll_fn(|cx| listener.poll_accept(cx)).await,
            false => listener.accept().await,
        };
        accepted.unwrap().0
    }
    for polls in [false, true] {
        let program = "UnixListener::accept, UnixListener::poll_accept";
        swept(program, async |knife| {
            let folder = Folder::new();
            let path = folder.path("socket");
            let listener = Arc::new(UnixListener::bind(&path).unwrap());
            let inner = Arc::clone(&listener);
            let client = spawn(async move {
                settle().await;
                UnixStream::connect(path).await.unwrap()
            });
            let end = knife.run(async move { accept(&inner, polls).await }).await;
            let far = match end {
                Ok(far) => far,
                Err(_) => accept(&listener, polls).await,
            };
            drop(client.await);
            assert_eq!(read_all(far).await, []);
        });
    }
}

#[test]
fn a_client_of_a_listener_whose_queue_is_full() {
    swept("UnixStream::connect", async |knife| {
        let folder = Folder::new();
        let path = folder.path("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let first = UnixStream::connect(&path).await.unwrap();
        let listener = UnixListener::from_std(listener).unwrap();
        let (connect, acceptor) = (
            UnixStream::connect(path),
            spawn(async move {
                settle().await;
                listener.accept().await.unwrap();
                listener
            }),
        );
        let end = knife.run(connect).await;
        let listener = acceptor.await;
        if let Ok(connected) = end {
            let (far, _) = listener.accept().await.unwrap();
            drop(connected.unwrap());
            assert_eq!(read_all(far).await, []);
        }
        drop(first);
    });
}

#[test]
fn bytes_of_a_stream() {
    swept("UnixStream", async |knife| {
        let (reader, writer) = UnixStream::pair().unwrap();
        cut_reader(knife, reader, writer).await;
    });
    swept("UnixStream", async |knife| {
        let (reader, writer) = UnixStream::pair().unwrap();
        cut_writer(knife, writer, 600 << 10, read_all(reader)).await;
    });
}

/// Reads, as soon as it may, until there are two bytes.
async fn look(stream: &UnixStream, got: &Mutex<Vec<u8>>) {
    while got.lock().len() < 2 {
        stream.readable().await.unwrap();
        let mut byte = [0];
        match stream.try_read(&mut byte) {
            Ok(1) => got.lock().push(byte[0]),
            read => assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock),
        }
    }
    stream.writable().await.unwrap();
}

#[test]
fn looks_at_a_stream() {
    swept(
        "UnixStream::readable, UnixStream::writable",
        async |knife| {
            let (near, far) = UnixStream::pair().unwrap();
            let (near, got) = (Arc::new(near), Arc::new(Mutex::default()));
            let (inner, seen) = (Arc::clone(&near), Arc::clone(&got));
            let sender = spawn(async move {
                for byte in [b"a", b"b"] {
                    settle().await;
                    far.writable().await.unwrap();
                    assert_eq!(far.try_write(byte).unwrap(), 1);
                }
            });
            let _ = knife.run(async move { look(&inner, &seen).await }).await;
            look(&near, &got).await;
            sender.await;
            assert_eq!(*got.lock(), b"ab");
        },
    );
}

async fn receive(socket: &UnixDatagram, got: &Mutex<Vec<u8>>, count: usize) {
    let mut datagram = [0; 8];
    while got.lock().len() < count {
        let number = got.lock().len();
        let length = match number % 2 {
            0 => socket.recv(&mut datagram).await.unwrap(),
            _ => socket.recv_from(&mut datagram).await.unwrap().0,
        };
        assert_eq!(length, 4);
        got.lock().push(datagram[0]);
    }
}

#[test]
fn datagrams_that_come() {
    swept(
        "UnixDatagram::recv, UnixDatagram::recv_from",
        async |knife| {
            let (near, far) = UnixDatagram::pair().unwrap();
            let (near, got) = (Arc::new(near), Arc::new(Mutex::default()));
            let (inner, seen) = (Arc::clone(&near), Arc::clone(&got));
            let sender = spawn(async move {
                for number in 0..4 {
                    settle().await;
                    far.send(&[number; 4]).await.unwrap();
                }
            });
            let _ = knife
                .run(async move { receive(&inner, &seen, 3).await })
                .await;
            receive(&near, &got, 4).await;
            sender.await;
            assert_eq!(*got.lock(), [0, 1, 2, 3]);
        },
    );
}

/// Each one is sent once, or not at all, also where the receiver's queue is full.
#[test]
fn datagrams_that_are_sent() {
    swept("UnixDatagram::send, UnixDatagram::send_to", async |knife| {
        const COUNT: usize = 40;
        let folder = Folder::new();
        let path = folder.path("socket");
        let near = UnixDatagram::bind(&path).unwrap();
        let (to, any) = (
            UnixDatagram::unbound().unwrap(),
            UnixDatagram::unbound().unwrap(),
        );
        to.connect(&path).unwrap();
        let sent = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&sent);
        let receiver = spawn(async move {
            let mut got = Vec::new();
            let mut datagram = [0; 8];
            loop {
                settle().await;
                let length = near.recv(&mut datagram).await.unwrap();
                match length {
                    1 => got.push(datagram[0]),
                    _ => return got,
                }
            }
        });
        let _ = knife
            .run(async move {
                for number in 0..COUNT {
                    let datagram = [u8::try_from(number).unwrap()];
                    match number % 2 {
                        0 => to.send(&datagram).await.unwrap(),
                        _ => any.send_to(&datagram, &path).await.unwrap(),
                    };
                    *seen.lock() += 1;
                }
            })
            .await;
        let last = UnixDatagram::unbound().unwrap();
        last.send_to(b"end", folder.path("socket")).await.unwrap();
        let got = receiver.await;
        assert_eq!(got.len(), *sent.lock());
        assert!(got.is_sorted());
    });
}
