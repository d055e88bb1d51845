//! `StreamWriter` over a sink that does as it is told: what is buffered, drained, closed, lost.

mod common;

use common::{EVERYWHERE, Watchdog, each, settle, until};
use futures::io::Cursor;
use futures::{AsyncWrite, join};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork::net::StreamWriter;
use weftwork::{Runtime, RuntimeError, gather, spawn};
use weftwork_std_or_loom::Mutex;

/// The other end of a sink: it takes what there is room for.
#[derive(Clone, Default)]
struct Far(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    room: usize,
    came: Vec<u8>,
    flushed: usize,
    closed: bool,
    error: Option<ErrorKind>,
    waker: Option<Waker>,
}

impl Far {
    fn with_room(room: usize) -> (Self, StreamWriter) {
        let far = Self::default();
        far.0.lock().room = room;
        let writer = StreamWriter::new(far.clone()).unwrap();
        (far, writer)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.0.lock();
            change(&mut state);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn make_room(&self, room: usize) {
        self.change(|state| state.room += room);
    }

    fn came(&self) -> Vec<u8> {
        self.0.lock().came.clone()
    }

    fn poll<R>(
        &self,
        cx: &Context<'_>,
        act: impl FnOnce(&mut State) -> Option<R>,
    ) -> Poll<io::Result<R>> {
        let mut state = self.0.lock();
        if let Some(error) = state.error {
            return Poll::Ready(Err(error.into()));
        }
        match act(&mut state) {
            Some(result) => Poll::Ready(Ok(result)),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Far {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, |state| {
            let count = state.room.min(buf.len());
            state.room -= count;
            state.came.extend_from_slice(&buf[..count]);
            (count > 0).then_some(count)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |state| {
            state.flushed = state.came.len();
            Some(())
        })
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |state| {
            state.closed = true;
            Some(())
        })
    }
}

#[test]
fn what_goes_at_once_needs_no_task_and_is_flushed() {
    each(|| async {
        let (far, writer) = Far::with_room(usize::MAX);
        writer.write(b"one ").unwrap();
        writer.writelines(["two ", "three"]).unwrap();
        assert_eq!(far.came(), b"one two three");
        assert_eq!(far.0.lock().flushed, 13);
        assert_eq!(writer.write_buffer_size(), 0);
        writer.drain().await.unwrap();
    });
}

#[test]
fn drain_waits_from_the_high_mark_down_to_the_low_one() {
    each(|| async {
        let (far, writer) = Far::with_room(5);
        writer.set_write_buffer_limits(100, 20);
        writer.write(&[1; 105]).unwrap();
        assert_eq!(writer.write_buffer_size(), 100);
        writer.drain().await.expect("it is not above the mark");
        writer.write(&[2; 10]).unwrap();
        let writer = Arc::new(writer);
        let draining = [(); 3].map(|()| {
            let writer = Arc::clone(&writer);
            spawn(async move { writer.drain().await })
        });
        settle().await;
        far.make_room(89);
        until(|| writer.write_buffer_size() == 21).await;
        settle().await;
        assert!(!draining.iter().any(weftwork::Task::done));
        far.make_room(1);
        for result in gather(draining).await {
            result.unwrap();
        }
        assert_eq!(writer.write_buffer_size(), 20);
        // With marks of zero everything has to be gone.
        writer.set_write_buffer_limits(0, 0);
        let draining = spawn({
            let writer = Arc::clone(&writer);
            async move { writer.drain().await }
        });
        settle().await;
        assert!(!draining.done());
        far.make_room(1000);
        draining.await.unwrap();
        let mut all = vec![1; 105];
        all.extend([2; 10]);
        assert_eq!(far.came(), all);
    });
}

#[test]
fn a_cancelled_drain_stops_nothing_and_leaves_nothing() {
    each(|| async {
        let (far, writer) = Far::with_room(0);
        writer.set_write_buffer_limits(0, 0);
        writer.write(b"kept").unwrap();
        let writer = Arc::new(writer);
        for _ in 0..100 {
            let draining = spawn({
                let writer = Arc::clone(&writer);
                async move { writer.drain().await }
            });
            weftwork::yield_now().await;
            draining.cancel();
            assert!(draining.outcome().await.unwrap_err().is_cancelled());
        }
        far.make_room(4);
        writer.drain().await.unwrap();
        assert_eq!(far.came(), b"kept");
    });
}

#[test]
fn writes_of_many_tasks_are_each_in_one_piece() {
    const WRITES: usize = 200;
    each(|| async {
        let (far, writer) = Far::with_room(0);
        let writer = Arc::new(writer);
        let feeding = spawn({
            let far = far.clone();
            async move {
                loop {
                    far.make_room(fastrand::usize(1..40));
                    weftwork::yield_now().await;
                }
            }
        });
        gather((0..8_u8).map(|task| {
            let writer = Arc::clone(&writer);
            async move {
                for n in 0..WRITES {
                    let len = 3 + (n * 7 + usize::from(task)) % 30;
                    let mut message = vec![task; len];
                    message[0] = 100;
                    message[1] = len as u8;
                    writer.write(&message).unwrap();
                    writer.drain().await.unwrap();
                    if n % 3 == 0 {
                        weftwork::yield_now().await;
                    }
                }
            }
        }))
        .await;
        writer.close();
        writer.wait_closed().await.unwrap();
        feeding.cancel();
        let all = far.came();
        let mut rest = &all[..];
        let mut counts = [0; 8];
        while let [100, len, ..] = *rest {
            let (message, behind) = rest.split_at(usize::from(len));
            let task = message[2];
            assert!(message[2..].iter().all(|&byte| byte == task), "torn");
            counts[usize::from(task)] += 1;
            rest = behind;
        }
        assert_eq!((rest, counts), (&[][..], [WRITES; 8]));
    });
}

/// While one write is under way, another one comes: from the stream itself, to have it happen
/// in the middle.
#[test]
fn a_write_in_the_middle_of_another_one_comes_after_it() {
    #[derive(Clone, Default)]
    struct Inner {
        writer: Arc<Mutex<Option<Arc<StreamWriter>>>>,
        came: Arc<Mutex<Vec<u8>>>,
    }
    impl AsyncWrite for Inner {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            let mut came = self.came.lock();
            if came.len() == 2 {
                let writer = self.writer.lock().take();
                if let Some(writer) = writer {
                    writer.write(b"second").unwrap();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            let count = buf.len().min(2);
            came.extend_from_slice(&buf[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    each(|| async {
        let inner = Inner::default();
        let writer = Arc::new(StreamWriter::new(inner.clone()).unwrap());
        *inner.writer.lock() = Some(Arc::clone(&writer));
        writer.write(b"first, ").unwrap();
        writer.close();
        writer.wait_closed().await.unwrap();
        assert_eq!(&*inner.came.lock(), b"first, second");
    });
}

#[test]
fn an_error_of_the_stream_is_told_to_everybody() {
    each(|| async {
        let (far, writer) = Far::with_room(0);
        writer.set_write_buffer_limits(0, 0);
        writer.write(b"lost").unwrap();
        let writer = Arc::new(writer);
        let draining = spawn({
            let writer = Arc::clone(&writer);
            async move { writer.drain().await.unwrap_err() }
        });
        settle().await;
        far.change(|state| state.error = Some(ErrorKind::ConnectionReset));
        assert_eq!(draining.await.kind(), ErrorKind::ConnectionReset);
        for error in [
            writer.write(b"more").unwrap_err(),
            writer.drain().await.unwrap_err(),
            writer.write_eof().unwrap_err(),
            writer.wait_closed().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        assert!(writer.is_closing());
        assert_eq!(writer.write_buffer_size(), 0);
        writer.close();

        // At once, without a task.
        let (far, writer) = Far::with_room(0);
        far.change(|state| state.error = Some(ErrorKind::BrokenPipe));
        writer.write(b"x").unwrap();
        assert_eq!(
            writer.drain().await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn the_end_comes_after_what_was_written() {
    each(|| async {
        for eof in [false, true] {
            let (far, writer) = Far::with_room(2);
            writer.write(b"before").unwrap();
            if eof {
                writer.write_eof().unwrap();
                writer.write_eof().unwrap();
                assert!(!writer.is_closing());
            } else {
                writer.close();
                writer.close();
                assert!(writer.is_closing());
            }
            let refused = writer.write(b"after").unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::BrokenPipe);
            settle().await;
            assert!(!far.0.lock().closed);
            far.make_room(100);
            until(|| far.0.lock().closed).await;
            assert_eq!(far.came(), b"before");
            writer.close();
            writer.wait_closed().await.unwrap();
            writer.write_eof().unwrap();
        }
    });
}

#[test]
fn a_dropped_writer_sends_what_was_written() {
    each(|| async {
        let (far, writer) = Far::with_room(2);
        writer.write(b"all of it").unwrap();
        drop(writer);
        settle().await;
        assert_eq!(far.came(), b"al");
        far.make_room(100);
        until(|| far.0.lock().closed).await;
        assert_eq!(far.came(), b"all of it");
        // Nothing holds the stream any more.
        until(|| Arc::strong_count(&far.0) == 1).await;
    });
}

#[test]
fn a_stuck_stream_can_be_given_up() {
    each(|| async {
        for buffered in [false, true] {
            let (far, writer) = Far::with_room(0);
            let writer = Arc::new(writer);
            if buffered {
                writer.set_write_buffer_limits(0, 0);
                writer.write(b"stuck").unwrap();
            }
            let waiting = spawn({
                let writer = Arc::clone(&writer);
                async move { writer.wait_closed().await.unwrap_err() }
            });
            settle().await;
            writer.abort();
            writer.abort();
            assert_eq!(waiting.await.kind(), ErrorKind::ConnectionAborted);
            let drained = writer.drain().await.unwrap_err();
            assert_eq!(drained.kind(), ErrorKind::ConnectionAborted);
            until(|| Arc::strong_count(&far.0) == 1).await;
            assert_eq!(far.came(), b"");
        }
    });
}

/// Give up, write and make room against each other, many times.
#[test]
fn giving_up_against_writing() {
    each(|| async {
        for _ in 0..common::scaled(3000) {
            let (far, writer) = Far::with_room(3);
            let writer = Arc::new(writer);
            let write = {
                let writer = Arc::clone(&writer);
                spawn(async move {
                    for _ in 0..5 {
                        if writer.write(b"0123456789").is_err() || writer.drain().await.is_err() {
                            break;
                        }
                    }
                })
            };
            let abort = {
                let writer = Arc::clone(&writer);
                spawn(async move {
                    if fastrand::bool() {
                        weftwork::yield_now().await;
                    }
                    writer.abort();
                })
            };
            let room = far.clone();
            let feed = spawn(async move { room.make_room(25) });
            join!(write, abort, feed);
            assert!(writer.wait_closed().await.is_err());
            until(|| Arc::strong_count(&far.0) == 1).await;
            assert!(b"0123456789".repeat(5).starts_with(&far.came()));
        }
    });
}

#[test]
fn the_end_of_the_runtime_is_an_error_and_no_hang() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let (far, writer) = runtime.block_on(async {
            let (far, writer) = Far::with_room(0);
            writer.write(b"never sent").unwrap();
            settle().await;
            (far, writer)
        });
        runtime.close().unwrap();
        let error = common::foreign_block_on(writer.wait_closed()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        assert!(error.to_string().contains("wait_closed"), "{error}");
        assert!(writer.write(b"x").is_err());
        assert_eq!(Arc::strong_count(&far.0), 1);
        // One that was idle finds nobody who could write.
        let runtime = kind.runtime(Runtime::builder());
        let (_far, writer) = runtime.block_on(async { Far::with_room(0) });
        runtime.close().unwrap();
        writer.write(b"x").unwrap();
        common::foreign_block_on(writer.wait_closed()).unwrap_err();
    }
    let outside = StreamWriter::new(Cursor::new(Vec::new())).unwrap_err();
    assert_eq!(outside.to_string(), RuntimeError::NoRuntime.to_string());
}
