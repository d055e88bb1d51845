//! TCP: no connection, no byte and no descriptor is lost.

use crate::bytes::{cut_reader, cut_writer, read_all};
use crate::common::{ms, settle};
use crate::knife::{swept, swept_or_done};
use futures::{AsyncReadExt, AsyncWriteExt};
use std::net::SocketAddr;
use std::sync::Arc;
use weftwork::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use weftwork::time::{pause, resume};
use weftwork::{spawn, timeout, yield_now};
use weftwork_std_or_loom::Mutex;

const HERE: &str = "127.0.0.1:0";

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(HERE).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Two ends of a connection, in between which not much fits.
async fn pair() -> (TcpStream, TcpStream) {
    const ROOM: usize = 16 << 10;
    let (near, far) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
    near.set_send_buffer_size(ROOM).unwrap();
    far.set_recv_buffer_size(ROOM).unwrap();
    far.bind(HERE.parse().unwrap()).unwrap();
    let listener = far.listen(1).unwrap();
    let addr = listener.local_addr().unwrap();
    let (near, far) = futures::join!(near.connect(addr), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// What was taken so far: the connection, and the bytes that came.
#[derive(Default)]
struct Taken(Mutex<(Option<Arc<TcpStream>>, Vec<u8>)>);

/// Accepts the connection and reads the bytes that have not been taken.
async fn serve(listener: &TcpListener, taken: &Taken, bytes: usize) {
    let accepted = taken.0.lock().0.clone();
    let stream = match accepted {
        Some(stream) => stream,
        None => {
            let stream = Arc::new(listener.accept().await.unwrap().0);
            taken.0.lock().0 = Some(Arc::clone(&stream));
            stream
        }
    };
    while taken.0.lock().1.len() < bytes {
        let mut byte = [0; 1];
        (&*stream).read_exact(&mut byte).await.unwrap();
        taken.0.lock().1.push(byte[0]);
    }
}

#[test]
fn a_server_loses_no_connection_and_no_byte() {
    swept("TcpListener::accept, TcpStream", async |knife| {
        let (listener, addr) = listen().await;
        let listener = Arc::new(listener);
        let client = spawn(async move {
            settle().await;
            let mut stream = TcpStream::connect(addr).await.unwrap();
            for n in 0..4_u8 {
                yield_now().await;
                stream.write_all(&[n]).await.unwrap();
            }
            let mut end = [0; 1];
            stream.read_exact(&mut end).await.unwrap();
            end[0]
        });
        // What was taken so far lives outside of what is cut.
        let taken = Arc::new(Taken::default());
        let (inner, seen) = (Arc::clone(&listener), Arc::clone(&taken));
        let _ = knife
            .run(async move { serve(&inner, &seen, 2).await })
            .await;
        serve(&listener, &taken, 4).await;
        let stream = taken.0.lock().0.take().unwrap();
        (&*stream).write_all(&[7]).await.unwrap();
        assert_eq!(client.await, 7);
        assert_eq!(taken.0.lock().1, [0, 1, 2, 3]);
    });
}

#[test]
fn a_connection_that_is_polled_for() {
    swept("TcpListener::poll_accept", async |knife| {
        let (listener, addr) = listen().await;
        let listener = Arc::new(listener);
        let inner = Arc::clone(&listener);
        let client = spawn(async move {
            settle().await;
            TcpStream::connect(addr).await.unwrap()
        });
        let end = knife
            .run(async move {
                let accept = std::future::poll_fn(|cx| inner.poll_accept(cx));
                accept.await.unwrap().0
            })
            .await;
        let accepted = match end {
            Ok(stream) => stream,
            Err(_) => listener.accept().await.unwrap().0,
        };
        assert_eq!(
            accepted.peer_addr().unwrap(),
            client.await.local_addr().unwrap()
        );
    });
}

#[test]
fn an_address_and_a_name() {
    swept("TcpListener::bind, net::lookup_host", async |knife| {
        let end = knife.run(TcpListener::bind("localhost:0")).await;
        let addrs = knife.run(lookup_host("localhost:80")).await;
        assert!(addrs.is_err() || !addrs.unwrap().unwrap().is_empty());
        drop(end);
    });
}

/// An address that does not answer: a listener whose queue is full.
pub(crate) struct Silent {
    pub(crate) addr: SocketAddr,
    _kept: (std::net::TcpListener, Vec<std::net::TcpStream>),
}

impl Silent {
    pub(crate) fn new() -> Self {
        let listener = std::net::TcpListener::bind(HERE).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let addr = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = std::net::TcpStream::connect_timeout(&addr, ms(100)) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the queue has no end");
        }
        let kept = (listener, waiting);
        Self { addr, _kept: kept }
    }
}

#[test]
fn a_client_that_gets_no_answer() {
    let silent = Silent::new();
    swept("TcpStream::connect_timeout", async |knife| {
        let connect = TcpStream::connect_timeout(silent.addr, ms(5));
        let end = knife.run(connect).await;
        assert!(end.is_err() || end.unwrap().is_err());
    });
    swept("TcpSocket::connect", async |knife| {
        let socket = TcpSocket::new_v4().unwrap();
        let connect = timeout(ms(5), socket.connect(silent.addr));
        let end = knife.run(connect).await;
        assert!(end.is_err() || end.unwrap().is_err());
    });
}

/// Of several attempts that wait none is left, whenever the whole is given up.
#[test]
fn a_client_that_tries_several_addresses() {
    let silent = Silent::new();
    swept_or_done("TcpStream::connect", async |knife| {
        let (listener, addr) = listen().await;
        pause();
        let addrs = [silent.addr, silent.addr, addr];
        let end = knife.run(TcpStream::connect(addrs)).await;
        resume();
        if let Ok(stream) = end {
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(stream.unwrap().local_addr().unwrap(), peer);
        }
    });
}

#[test]
fn bytes_of_a_stream() {
    swept("TcpStream", async |knife| {
        let (writer, reader) = pair().await;
        cut_reader(knife, reader, writer).await;
    });
    swept("TcpStream", async |knife| {
        let (writer, reader) = pair().await;
        cut_writer(knife, writer, 96 << 10, read_all(reader)).await;
    });
    swept("OwnedReadHalf", async |knife| {
        let (one, other) = pair().await;
        let (reader, _) = one.into_split();
        cut_reader(knife, reader, other).await;
    });
    swept("OwnedWriteHalf", async |knife| {
        let (one, other) = pair().await;
        let (_, writer) = one.into_split();
        cut_writer(knife, writer, 96 << 10, read_all(other)).await;
    });
}

/// They take nothing in any case.
#[test]
fn looks_at_a_stream() {
    let names = "TcpStream::readable, TcpStream::writable, TcpStream::peek";
    swept(names, async |knife| {
        let (near, mut far) = pair().await;
        let near = Arc::new(near);
        let inner = Arc::clone(&near);
        let sender = spawn(async move {
            settle().await;
            far.write_all(b"ab").await.unwrap();
            far
        });
        let _ = knife
            .run(async move {
                inner.writable().await.unwrap();
                let mut byte = [0];
                assert_eq!(inner.peek(&mut byte).await.unwrap(), 1);
                assert_eq!(byte, *b"a");
                inner.readable().await.unwrap();
            })
            .await;
        drop(sender.await);
        assert_eq!(read_all(&*near).await, b"ab");
    });
}
