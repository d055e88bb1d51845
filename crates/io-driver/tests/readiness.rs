//! The protocol of readiness, step by step, for every poller that runs here.

mod common;

use common::{Count, Driven, block_on, drain, reactor, registered, turn_until, until_readable};
use std::cell::Cell;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use weftwork_io_driver::{Direction, PollerKind, Reactor, Registered};
use weftwork_task_context::{CancelSource, Cancelled, with_frame};

/// Reads at most `room` bytes, and counts the attempts.
struct Reader<'a> {
    registered: &'a Registered<TcpStream>,
    attempts: Cell<usize>,
    waker: Arc<Count>,
}

impl<'a> Reader<'a> {
    fn new(registered: &'a Registered<TcpStream>) -> Self {
        Self {
            registered,
            attempts: Cell::new(0),
            waker: Count::new(),
        }
    }

    fn poll(&self, room: usize) -> Poll<io::Result<Vec<u8>>> {
        let waker = self.waker.waker();
        let mut buf = vec![0; room];
        let polled = self.registered.poll_read_stream(
            &mut Context::from_waker(&waker),
            room,
            |mut stream| {
                self.attempts.set(self.attempts.get() + 1);
                stream.read(&mut buf)
            },
        );
        polled.map_ok(|count| {
            buf.truncate(count);
            buf
        })
    }

    fn gives(&self, room: usize, expected: &[u8]) {
        match self.poll(room) {
            Poll::Ready(Ok(came)) => assert_eq!(came, expected),
            other => panic!("{other:?}, expected {expected:?}"),
        }
    }

    fn waits(&self) {
        let polled = self.poll(8);
        assert!(polled.is_pending(), "{polled:?}");
    }

    /// The attempts since the last question.
    fn attempts(&self) -> usize {
        self.attempts.take()
    }
}

fn each(body: impl Fn(&Arc<Reactor>, PollerKind)) {
    for &kind in PollerKind::all() {
        body(&reactor(kind), kind);
    }
}

#[test]
fn a_read_waits_for_an_event_and_an_event_wakes_once() {
    each(|reactor, kind| {
        let (ours, mut peer) = registered(reactor);
        let reader = Reader::new(&ours);
        drain(reactor);
        reader.waits();
        reader.waits();
        assert_eq!(reader.attempts(), 1, "the second poll knows");
        drain(reactor);
        assert_eq!(reader.waker.get(), 0, "{kind:?}");
        peer.write_all(b"some").unwrap();
        turn_until(reactor, || reader.waker.get() > 0);
        drain(reactor);
        assert_eq!(reader.waker.get(), 1);
        reader.gives(4, b"some");
        reader.waits();
    });
}

#[test]
fn a_short_read_is_the_last_attempt_where_the_poller_tells_the_end() {
    each(|reactor, kind| {
        let (ours, mut peer) = registered(reactor);
        let reader = Reader::new(&ours);
        peer.write_all(b"12345678").unwrap();
        until_readable(ours.get_ref());
        drain(reactor);
        reader.gives(4, b"1234");
        reader.gives(8, b"5678");
        assert_eq!(reader.attempts(), 2);
        reader.waits();
        let wasted = usize::from(!cfg!(target_os = "linux") || kind != PollerKind::all()[0]);
        assert_eq!(reader.attempts(), wasted, "{kind:?}");
        peer.write_all(b"9").unwrap();
        turn_until(reactor, || reader.waker.get() > 0);
        reader.gives(8, b"9");
    });
}

#[test]
fn what_comes_during_a_short_read_keeps_the_stream_ready() {
    each(|reactor, _| {
        let (ours, mut peer) = registered(reactor);
        let reader = Reader::new(&ours);
        drain(reactor);
        reader.waits();
        peer.write_all(b"first").unwrap();
        turn_until(reactor, || reader.waker.get() > 0);
        let waker = reader.waker.waker();
        let mut cx = Context::from_waker(&waker);
        let mut buf = [0; 8];
        let polled = ours.poll_read_stream(&mut cx, 8, |mut stream| {
            let count = stream.read(&mut buf)?;
            peer.write_all(b"second").unwrap();
            until_readable(stream);
            drain(reactor);
            Ok(count)
        });
        assert!(matches!(polled, Poll::Ready(Ok(5))), "{polled:?}");
        reader.gives(8, b"second");
    });
}

/// The end came before, with, or after the event of the data: it is seen without another one.
#[test]
fn the_end_is_seen_after_a_short_read() {
    for end_after in 0..3 {
        each(|reactor, kind| {
            let (ours, mut peer) = registered(reactor);
            let reader = Reader::new(&ours);
            drain(reactor);
            peer.write_all(b"last").unwrap();
            until_readable(ours.get_ref());
            if end_after == 0 {
                peer.shutdown(Shutdown::Write).unwrap();
            }
            drain(reactor);
            if end_after == 1 {
                peer.shutdown(Shutdown::Write).unwrap();
            }
            reader.gives(8, b"last");
            if end_after == 2 {
                peer.shutdown(Shutdown::Write).unwrap();
            }
            let mut end = Poll::Pending;
            turn_until(reactor, || {
                if end.is_pending() {
                    end = reader.poll(8);
                }
                end.is_ready()
            });
            let Poll::Ready(Ok(end)) = end else {
                panic!("{kind:?}: {end:?}");
            };
            assert_eq!(end, b"");
            reader.gives(8, b"");
        });
    }
}

/// A read stops before an urgent byte, though more has come.
#[test]
fn an_urgent_byte_does_not_make_the_stream_look_empty() {
    each(|reactor, kind| {
        let (ours, mut peer) = registered(reactor);
        let reader = Reader::new(&ours);
        drain(reactor);
        peer.write_all(b"before").unwrap();
        rustix::net::send(&peer, b"!", rustix::net::SendFlags::OOB).unwrap();
        peer.write_all(b"after").unwrap();
        until_readable(ours.get_ref());
        drain(reactor);
        let mut came = Vec::new();
        turn_until(reactor, || {
            while let Poll::Ready(more) = reader.poll(64) {
                came.extend(more.unwrap());
            }
            came.len() >= 11
        });
        assert_eq!(came, b"beforeafter", "{kind:?}");
    });
}

#[test]
fn an_event_between_the_attempt_and_its_refusal_is_not_lost() {
    each(|reactor, kind| {
        let (ours, mut peer) = registered(reactor);
        drain(reactor);
        let waker = Count::new();
        let mut attempts = 0;
        let polled = ours.poll_io(
            Direction::Read,
            &mut Context::from_waker(&waker.waker()),
            |mut stream| {
                attempts += 1;
                let mut buf = [0; 8];
                let result = stream.read(&mut buf);
                if attempts == 1 {
                    peer.write_all(b"x").unwrap();
                    until_readable(stream);
                    drain(reactor);
                }
                result
            },
        );
        // Where a poller tells only what was armed, the event comes when it is armed again.
        if polled.is_pending() {
            assert_eq!(kind, PollerKind::Oneshot);
            turn_until(reactor, || waker.get() > 0);
        } else {
            assert!(matches!(polled, Poll::Ready(Ok(1))), "{polled:?}");
            assert_eq!(attempts, 2);
        }
    });
}

#[test]
fn writing_waits_for_room() {
    each(|reactor, kind| {
        let (ours, mut peer) = registered(reactor);
        let waker = Count::new();
        let chunk = [7; 1 << 16];
        let mut written = 0;
        let write = || {
            let waker = waker.waker();
            let mut cx = Context::from_waker(&waker);
            ours.poll_io(Direction::Write, &mut cx, |mut stream| stream.write(&chunk))
        };
        while let Poll::Ready(count) = write() {
            written += count.unwrap();
        }
        drain(reactor);
        let before = waker.get();
        assert!(write().is_pending(), "{kind:?}");
        let mut all = vec![0; written];
        peer.read_exact(&mut all).unwrap();
        turn_until(reactor, || waker.get() > before);
        assert!(write().is_ready());
    });
}

#[test]
fn everyone_who_polls_one_direction_is_woken() {
    each(|reactor, _| {
        let (ours, mut peer) = registered(reactor);
        drain(reactor);
        let anonymous = [(); 5].map(|()| Reader::new(&ours));
        for reader in &anonymous {
            reader.waits();
        }
        let keyed = [(); 5].map(|()| Count::new());
        let futures = [(); 5].map(|()| {
            let read = |mut stream: &TcpStream| stream.read(&mut [0; 1]);
            Box::pin(ours.io(Direction::Read, read))
        });
        let mut futures = Vec::from(futures);
        for (future, waker) in futures.iter_mut().zip(&keyed) {
            let waker = waker.waker();
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        // One takes its waker along.
        futures.truncate(4);
        assert_eq!(Arc::strong_count(&keyed[4]), 1);
        peer.write_all(b"x").unwrap();
        turn_until(reactor, || keyed[0].get() > 0);
        drain(reactor);
        assert!(anonymous.iter().all(|reader| reader.waker.get() == 1));
        let woken = keyed.each_ref().map(|waker| waker.get());
        assert_eq!(woken, [1, 1, 1, 1, 0]);
    });
}

#[test]
fn wakers_of_abandoned_polls_do_not_pile_up() {
    each(|reactor, _| {
        let (ours, mut peer) = registered(reactor);
        let patient = Reader::new(&ours);
        drain(reactor);
        patient.waits();
        let abandoned: Vec<_> = (0..10_000).map(|_| Count::new()).collect();
        for waker in &abandoned {
            let waker = waker.waker();
            let cx = Context::from_waker(&waker);
            assert!(ours.poll_ready(Direction::Read, &cx).is_pending());
        }
        let held = |waker: &&Arc<Count>| Arc::strong_count(waker) > 1;
        assert!(abandoned.iter().filter(held).count() <= 1024);
        // Whoever had to go was woken, and comes back.
        assert_eq!(patient.waker.get(), 1);
        patient.waits();
        peer.write_all(b"x").unwrap();
        turn_until(reactor, || patient.waker.get() == 2);
    });
}

#[test]
fn nothing_is_taken_and_nobody_is_woken_while_a_cancel_is_delivered() {
    each(|reactor, _| {
        let (ours, mut peer) = registered(reactor);
        peer.write_all(b"kept").unwrap();
        until_readable(ours.get_ref());
        drain(reactor);
        let reader = Reader::new(&ours);
        let cause = Cancelled::new(None, CancelSource::Outside);
        let ((), _) = with_frame(Some(&cause), || {
            reader.waits();
            let waker = reader.waker.waker();
            let mut cx = Context::from_waker(&waker);
            assert!(ours.poll_ready(Direction::Read, &cx).is_pending());
            let accept = pin!(ours.io(Direction::Read, |mut stream| stream.read(&mut [0; 8])));
            assert!(accept.poll(&mut cx).is_pending());
        });
        drain(reactor);
        assert_eq!((reader.attempts(), reader.waker.get()), (0, 0));
        reader.gives(8, b"kept");
    });
}

#[test]
fn a_try_does_not_wait_and_knows_what_was_refuted() {
    each(|reactor, _| {
        let (ours, mut peer) = registered(reactor);
        drain(reactor);
        let attempts = Cell::new(0);
        let read = || {
            ours.try_io(Direction::Read, |mut stream| {
                attempts.set(attempts.get() + 1);
                stream.read(&mut [0; 8])
            })
        };
        for _ in 0..3 {
            assert_eq!(read().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
        assert_eq!(attempts.get(), 1);
        peer.write_all(b"x").unwrap();
        until_readable(ours.get_ref());
        turn_until(reactor, || read().is_ok());
    });
}

#[test]
fn what_starts_unready_is_not_tried_before_an_event() {
    each(|reactor, kind| {
        let (ours, mut peer) = common::pair();
        ours.set_nonblocking(true).unwrap();
        let ours = Registered::unready(reactor, ours).unwrap();
        let reader = Reader::new(&ours);
        reader.waits();
        assert_eq!(reader.attempts(), 0, "{kind:?}");
        peer.write_all(b"x").unwrap();
        turn_until(reactor, || reader.waker.get() > 0);
        reader.gives(8, b"x");
        // What was there before the registration is an event too.
        let ours = ours.into_inner();
        assert!(reactor.is_empty());
        peer.write_all(b"y").unwrap();
        until_readable(&ours);
        let ours = Registered::unready(reactor, ours).unwrap();
        let reader = Reader::new(&ours);
        reader.waits();
        turn_until(reactor, || reader.waker.get() > 0);
        reader.gives(8, b"y");
    });
}

#[test]
fn readiness_is_taken_back_only_by_the_latest_moment() {
    each(|reactor, kind| {
        let (ours, mut peer) = common::pair();
        ours.set_nonblocking(true).unwrap();
        let ours = Registered::unready(reactor, ours).unwrap();
        let waker = Count::new();
        let waker_of_it = waker.waker();
        let mut cx = Context::from_waker(&waker_of_it);
        let ready = |cx: &mut Context<'_>| pin!(ours.ready(Direction::Read)).poll(cx);
        assert!(ready(&mut cx).is_pending());
        peer.write_all(b"x").unwrap();
        let mut seen = Poll::Pending;
        turn_until(reactor, || {
            seen = ready(&mut cx);
            seen.is_ready()
        });
        let Poll::Ready(Ok(old)) = seen else {
            panic!("{kind:?}: {seen:?}");
        };
        assert!(ready(&mut cx).is_ready(), "nothing has said otherwise");
        ours.get_ref().read_exact(&mut [0]).unwrap();
        ours.refute(Direction::Read, old).unwrap();
        assert!(ready(&mut cx).is_pending());
        peer.write_all(b"y").unwrap();
        turn_until(reactor, || ready(&mut cx).is_ready());
        ours.refute(Direction::Read, old).unwrap();
        assert!(ready(&mut cx).is_ready(), "what came later stays");
    });
}

#[test]
fn a_notification_ends_this_wait_or_the_next_one() {
    for &kind in PollerKind::all() {
        let reactor = reactor(kind);
        for _ in 0..3 {
            reactor.notify();
            reactor.notify();
            common::turn(&reactor, None);
        }
        let waiting = Driven::new(kind);
        for _ in 0..1000 {
            waiting.reactor.notify();
        }
        drop(waiting);
        let began = std::time::Instant::now();
        let limit = Duration::from_millis(20);
        while began.elapsed() < limit {
            common::turn(&reactor, Some(limit));
        }
    }
}

#[test]
fn connecting_waits_for_the_answer() {
    for &kind in PollerKind::all() {
        let driven = Driven::new(kind);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stream = block_on(weftwork_io_driver::connect(&driven.reactor, addr)).unwrap();
        let (peer, from) = listener.accept().unwrap();
        assert_eq!(from, stream.get_ref().local_addr().unwrap());
        drop((peer, listener));
        let refused = block_on(weftwork_io_driver::connect(&driven.reactor, addr));
        assert_eq!(
            refused.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
        assert_eq!(driven.reactor.len(), 1);
        drop(stream);
        assert!(driven.reactor.is_empty());
    }
}
