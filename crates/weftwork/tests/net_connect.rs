//! Connecting: several addresses, time limits, cancels, options before and after.

mod common;

use common::{each, ms, until};
use futures::AsyncReadExt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork::net::{
    Keepalive, TcpListener, TcpSocket, TcpStream, descriptor_limit, raise_descriptor_limit,
};
use weftwork::{Handle, TaskError, spawn};

const HERE: &str = "127.0.0.1:0";

/// Something that keeps an address from answering while it lives.
struct Silent {
    listener: TcpListener,
    _waiting: Vec<std::net::TcpStream>,
}

impl Silent {
    /// A listener that accepts nothing and whose queue is full: a further connection gets no
    /// answer.
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(HERE.parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let addr = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = std::net::TcpStream::connect_timeout(&addr, ms(100)) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the queue has no end");
        }
        Self {
            listener,
            _waiting: waiting,
        }
    }

    fn addr(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(HERE).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    listen().await.1
}

fn sources() -> usize {
    Handle::current().reactor().len()
}

#[test]
fn an_address_that_is_silent_does_not_hold_up_the_next_one() {
    each(|| async {
        let silent = Silent::new();
        let (_listener, addr) = listen().await;
        let before = sources();
        let began = Instant::now();
        let stream = TcpStream::connect([silent.addr(), addr]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        // The second attempt gave the first one its time.
        assert!(began.elapsed() >= ms(250), "{:?}", began.elapsed());
        assert_eq!(sources(), before + 1, "the other attempt is given up");
    });
}

#[test]
fn an_address_that_refuses_makes_room_at_once() {
    each(|| async {
        let (_listener, addr) = listen().await;
        let mut addrs = vec![nobody().await; 40];
        addrs.push(addr);
        let began = Instant::now();
        let stream = TcpStream::connect(addrs).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        // With the delay between attempts it would be ten seconds.
        assert!(began.elapsed() < Duration::from_secs(5));
    });
}

/// Though an earlier attempt still waits, the failure of a later one is not waited out.
#[test]
fn refusals_beside_a_silent_address_make_room_at_once() {
    each(|| async {
        let silent = Silent::new();
        let (_listener, addr) = listen().await;
        let mut addrs = vec![silent.addr()];
        addrs.extend([nobody().await; 40]);
        addrs.push(addr);
        let began = Instant::now();
        let stream = TcpStream::connect(addrs).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert!(began.elapsed() < Duration::from_secs(5));
    });
}

/// A foreign executor, on a thread that has entered a runtime.
#[test]
fn a_foreign_executor_connects_too() {
    let background = weftwork::Background::start("loop").unwrap();
    let handle = background.handle();
    let _entered = handle.enter();
    let silent = Silent::new();
    common::foreign_block_on(async {
        let (_listener, addr) = listen().await;
        let stream = TcpStream::connect([silent.addr(), addr]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
    });
}

#[test]
fn if_all_fail_each_has_its_say() {
    each(|| async {
        let (one, other) = (nobody().await, nobody().await);
        let error = TcpStream::connect([one, other]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let text = error.to_string();
        assert!(text.contains(&one.to_string()), "{text}");
        assert!(text.contains(&other.to_string()), "{text}");
        assert!(text.contains("none of 2 addresses"), "{text}");
    });
}

#[test]
fn a_limit_of_time_ends_the_attempts() {
    each(|| async {
        let silent = Silent::new();
        let before = sources();
        let began = Instant::now();
        let late = TcpStream::connect_timeout([silent.addr(); 3], ms(300)).await;
        let error = late.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("300ms"), "{error}");
        assert!(began.elapsed() >= ms(300));
        assert_eq!(sources(), before);
        let (_listener, addr) = listen().await;
        let stream = TcpStream::connect_timeout(addr, common::LONG)
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        let refused = TcpStream::connect_timeout(nobody().await, common::LONG).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_cancel_gives_up_all_attempts() {
    each(|| async {
        let silent = Silent::new();
        let before = sources();
        let addrs = [silent.addr(); 4];
        let connecting = spawn(async move { TcpStream::connect(addrs).await });
        // Two of them are under way.
        until(|| sources() >= before + 2).await;
        connecting.cancel();
        let ended = connecting.outcome().await;
        assert!(matches!(ended, Err(TaskError::Cancelled(_))), "{ended:?}");
        assert_eq!(sources(), before);
    });
}

#[test]
fn options_are_set_before_and_after() {
    each(|| async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.set_recv_buffer_size(40_000).unwrap();
        assert!(socket.reuse_address().unwrap() && socket.reuse_port().unwrap());
        assert!(socket.recv_buffer_size().unwrap() >= 40_000);
        socket.bind(HERE.parse().unwrap()).unwrap();
        let listener = socket.listen(16).unwrap();
        let addr = listener.local_addr().unwrap();
        // A second one shares the port.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(addr).unwrap();
        drop(socket.listen(16).unwrap());

        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(HERE.parse().unwrap()).unwrap();
        socket.set_send_buffer_size(50_000).unwrap();
        socket.set_nodelay(true).unwrap();
        let stream = socket.connect(addr).await.unwrap();
        assert!(stream.nodelay().unwrap());
        let (_peer, from) = listener.accept().await.unwrap();
        assert_eq!(from, stream.local_addr().unwrap());

        assert_eq!(stream.keepalive().unwrap(), None);
        let secs = Duration::from_secs;
        let keepalive = Keepalive::default()
            .idle(secs(77))
            .interval(secs(7))
            .probes(3);
        stream.set_keepalive(Some(keepalive)).unwrap();
        assert_eq!(stream.keepalive().unwrap(), Some(keepalive));
        let too_short = Keepalive::default().interval(ms(999));
        let error = stream.set_keepalive(Some(too_short)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        stream.set_keepalive(None).unwrap();
        assert_eq!(stream.keepalive().unwrap(), None);
    });
}

#[test]
fn each_direction_is_shut_down_by_itself() {
    each(|| async {
        let (listener, addr) = listen().await;
        let one = TcpStream::connect(addr).await.unwrap();
        let (other, _) = listener.accept().await.unwrap();
        one.shutdown(std::net::Shutdown::Read).unwrap();
        assert_eq!((&one).read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(one.try_write(b"still").unwrap(), 5);
        let mut came = [0; 5];
        (&other).read_exact(&mut came).await.unwrap();
        assert_eq!(&came, b"still");
        one.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!((&other).read(&mut came).await.unwrap(), 0);
    });
}

#[test]
fn the_limit_of_descriptors_can_be_read_and_raised() {
    let raised = raise_descriptor_limit().unwrap();
    assert_eq!(descriptor_limit(), raised);
    assert_eq!(raise_descriptor_limit().unwrap(), raised);
    assert!(raised.is_none_or(|limit| limit > 64));
}

#[test]
fn connecting_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    each(|| async {
        let connecting = TcpStream::connect([nobody().await; 2]);
        is_send(&connecting);
        let timed = TcpStream::connect_timeout("localhost:1", ms(5));
        is_send(&timed);
        let socket = Arc::new(TcpSocket::new_v6().unwrap());
        socket.set_only_v6(true).unwrap();
        assert!(socket.only_v6().unwrap());
        let socket = Arc::into_inner(socket).unwrap();
        is_send(&socket.connect(nobody().await));
        connecting.await.unwrap_err();
    });
}
