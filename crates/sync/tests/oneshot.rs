//! The oneshot, case by case.

mod common;

use common::{Panics, Watched, poll, poll_once};
use futures::executor::block_on;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;
use weftwork_sync::BlockingError;
use weftwork_sync::oneshot::{self, Receiver, RecvError, Sender, TryRecvError, UntilClosed, Why};
use weftwork_task_context::{ThreadKind, set_thread_kind};

#[test]
fn the_value_arrives_once() {
    let (sender, receiver) = oneshot::channel();
    let mut receiver = Watched::new(receiver);
    assert!(receiver.poll().is_pending());
    assert!(!sender.is_done());
    sender.send(1).unwrap();
    assert!(sender.is_done() && !sender.is_closed());
    assert_eq!(receiver.wakes(), 1);
    let again = sender.send(2).unwrap_err();
    assert_eq!((again.value, again.why), (2, Why::AlreadySet));
    assert!(again.to_string().contains("invalid state"), "{again}");
    assert!(matches!(receiver.poll(), Poll::Ready(Ok(1))));
    assert!(matches!(
        receiver.poll(),
        Poll::Ready(Err(RecvError::Taken))
    ));
    assert!(!sender.cancel(), "also once it is taken");
}

#[test]
fn the_latest_waker_counts() {
    let (sender, mut receiver) = oneshot::channel();
    let old = Watched::new(std::future::pending::<()>());
    assert!(poll_once(&mut receiver).is_pending());
    let mut receiver = Watched::new(receiver);
    assert!(receiver.poll().is_pending());
    sender.send(()).unwrap();
    assert_eq!((old.wakes(), receiver.wakes()), (0, 1));
}

#[test]
fn errors_and_cancels_arrive() {
    let (sender, receiver) = oneshot::channel::<()>();
    let broken = std::io::Error::other("broken");
    sender.set_error(broken).unwrap();
    let refused = sender.set_error("another").unwrap_err();
    assert_eq!(refused.value.to_string(), "another");
    let error = block_on(receiver).unwrap_err();
    let source = error
        .source()
        .and_then(<dyn Error>::downcast_ref::<std::io::Error>);
    assert_eq!(source.unwrap().to_string(), "broken");

    let (sender, receiver) = oneshot::channel::<()>();
    assert!(sender.cancel_with("not needed"));
    assert!(!sender.cancel());
    let error = block_on(receiver).unwrap_err();
    assert!(matches!(&error, RecvError::Cancelled(Some(msg)) if msg == "not needed"));
    assert!(error.to_string().contains("not needed"));
}

#[test]
fn a_dropped_sender_is_an_error_unless_it_has_sent() {
    let (sender, receiver) = oneshot::channel::<()>();
    let mut receiver = Watched::new(receiver);
    assert!(receiver.poll().is_pending());
    drop(sender);
    assert_eq!(receiver.wakes(), 1);
    assert!(matches!(
        receiver.poll(),
        Poll::Ready(Err(RecvError::SenderDropped))
    ));

    let (sender, receiver) = oneshot::channel();
    sender.send(1).unwrap();
    drop(sender);
    assert_eq!(block_on(receiver).unwrap(), 1);
}

#[test]
fn the_sender_learns_that_the_receiver_is_gone() {
    let (sender, receiver) = oneshot::channel();
    let mut closed = Watched::new(sender.closed());
    let mut also = Watched::new(sender.closed());
    let mut left = Watched::new(sender.closed());
    assert!(closed.poll().is_pending() && also.poll().is_pending() && left.poll().is_pending());
    drop(left);
    drop(receiver);
    assert_eq!((closed.wakes(), also.wakes()), (1, 1));
    assert!(closed.poll_delivering().is_pending());
    assert!(closed.poll().is_ready() && also.poll().is_ready());
    assert!(poll_once(&mut sender.closed()).is_ready());
    let gone = sender.send(1).unwrap_err();
    assert_eq!((gone.value, gone.why), (1, Why::ReceiverGone));
}

#[test]
fn close_keeps_what_was_sent() {
    let (sender, mut receiver) = oneshot::channel();
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
    sender.send(1).unwrap();
    receiver.close();
    assert!(sender.is_closed());
    assert_eq!(receiver.try_recv().unwrap(), 1);

    let (sender, mut receiver) = oneshot::channel();
    receiver.close();
    assert_eq!(sender.send(1).unwrap_err().why, Why::ReceiverGone);
    drop(sender);
    assert!(matches!(block_on(receiver), Err(RecvError::Closed)));
}

#[test]
fn a_delivered_cancel_wins_over_the_value() {
    let (sender, receiver) = oneshot::channel();
    let mut receiver = Watched::new(receiver);
    sender.send(1).unwrap();
    assert!(receiver.poll_delivering().is_pending());
    assert_eq!(receiver.wakes(), 0);
    assert!(matches!(receiver.poll(), Poll::Ready(Ok(1))));
}

/// A value whose destructor uses the other half.
struct Reentrant(Arc<Sender<Reentrant>>);

impl Drop for Reentrant {
    fn drop(&mut self) {
        assert!(self.0.is_closed());
    }
}

#[test]
fn destructors_run_outside_the_lock() {
    let (sender, receiver) = oneshot::channel();
    let sender = Arc::new(sender);
    assert!(sender.send(Reentrant(Arc::clone(&sender))).is_ok());
    drop(receiver);
    assert_eq!(Arc::strong_count(&sender), 1);
}

#[test]
fn a_panicking_waker_leaves_the_value() {
    let (sender, mut receiver) = oneshot::channel();
    assert!(poll(&mut receiver, &Waker::from(Arc::new(Panics))).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| sender.send(1))).is_err());
    assert_eq!(receiver.try_recv().unwrap(), 1);
}

#[test]
fn blocking_receives_from_another_thread() {
    let (sender, mut receiver) = oneshot::channel();
    let before = set_thread_kind(ThreadKind::Worker);
    let refused = receiver.blocking_recv().unwrap_err();
    set_thread_kind(before);
    assert!(matches!(refused, BlockingError::Refused(_)));
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        sender.send(1)
    });
    assert_eq!(receiver.blocking_recv().unwrap(), 1);
    thread.join().unwrap().unwrap();
}

#[test]
fn thread_safety_is_as_promised() {
    fn shared<T: Send + Sync + Unpin>() {}
    // A value need not be `Sync`.
    type Item = std::cell::Cell<u8>;
    shared::<Sender<Item>>();
    shared::<Receiver<Item>>();
    shared::<UntilClosed<'static, Item>>();
}
