//! What the tests share: a reactor with a thread that waits on it, a small executor, pairs of
//! sockets, wakers that count.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::future::Future;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};
use weftwork_io_driver::{PollerKind, Reactor, Registered};
use weftwork_std_or_loom::atomic::Ordering::SeqCst;
use weftwork_std_or_loom::atomic::{AtomicBool, AtomicUsize};

/// Nothing here takes that long.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A reactor and the thread that waits on it.
pub(crate) struct Driven {
    pub(crate) reactor: Arc<Reactor>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Driven {
    pub(crate) fn new(kind: PollerKind) -> Self {
        let reactor = reactor(kind);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (reactor, stop) = (Arc::clone(&reactor), Arc::clone(&stop));
            move || {
                while !stop.load(SeqCst) {
                    turn(&reactor, None);
                }
            }
        });
        let thread = Some(thread);
        Self {
            reactor,
            stop,
            thread,
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        self.reactor.notify();
        let joined = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || joined.is_some_and(|joined| joined.is_ok()));
    }
}

pub(crate) fn reactor(kind: PollerKind) -> Arc<Reactor> {
    let reactor = Reactor::with_poller(kind).unwrap();
    assert_eq!(reactor.poller_kind(), kind);
    Arc::new(reactor)
}

/// Waits once and wakes whoever is to be woken.
pub(crate) fn turn(reactor: &Reactor, timeout: Option<Duration>) {
    let mut wakers = Vec::new();
    reactor.wait(timeout, &mut wakers).unwrap();
    wakers.into_iter().for_each(Waker::wake);
}

/// Lets the reactor deliver all that is there.
pub(crate) fn drain(reactor: &Reactor) {
    for _ in 0..3 {
        turn(reactor, Some(Duration::ZERO));
    }
}

/// Turns until it is so.
pub(crate) fn turn_until(reactor: &Reactor, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "it does not come true");
        turn(reactor, Some(Duration::from_millis(1)));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread; one that is not woken in time fails the test.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    let deadline = Instant::now() + LONG;
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(left > Duration::ZERO, "nobody wakes it");
        std::thread::park_timeout(left);
    }
}

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Two connected sockets; both block.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    one.set_nodelay(true).unwrap();
    other.set_nodelay(true).unwrap();
    (one, other)
}

/// A registered socket and its peer, which blocks.
pub(crate) fn registered(reactor: &Arc<Reactor>) -> (Registered<TcpStream>, TcpStream) {
    let (ours, peer) = pair();
    ours.set_nonblocking(true).unwrap();
    (Registered::new(reactor, ours).unwrap(), peer)
}

/// Waits until the system has something to read for the socket, without taking it.
pub(crate) fn until_readable(stream: &TcpStream) {
    let deadline = Instant::now() + LONG;
    let mut byte = [0];
    while let Err(error) = stream.peek(&mut byte) {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(Instant::now() < deadline, "nothing comes");
        std::thread::yield_now();
    }
}
