//! The oneshot, case by case.

mod common;

use common::{Panics, Watched, cases, poll, poll_once};
use futures::executor::block_on;
use proptest::prelude::*;
use proptest::sample::Index;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
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

#[derive(Clone, Debug)]
enum Step {
    Send(u32),
    SetError,
    Cancel,
    PollReceiver(bool),
    TryRecv,
    Close,
    DropReceiver,
    /// Somebody waits for the receiver to go.
    Wait,
    PollWait(Index, bool),
    DropWait(Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => any::<u32>().prop_map(Step::Send),
        1 => Just(Step::SetError),
        1 => Just(Step::Cancel),
        6 => any::<bool>().prop_map(Step::PollReceiver),
        3 => Just(Step::TryRecv),
        1 => Just(Step::Close),
        1 => Just(Step::DropReceiver),
        4 => Just(Step::Wait),
        6 => (any::<Index>(), any::<bool>()).prop_map(|(i, d)| Step::PollWait(i, d)),
        2 => any::<Index>().prop_map(Step::DropWait),
    ]
}

/// What a receiver has to get, in words that can be compared.
fn word(result: Result<u32, RecvError>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => format!("{error:?}"),
    }
}

type Closed<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What was set, whether it was taken, and who is still there.
struct Model<'a> {
    sender: Option<&'a Sender<u32>>,
    receiver: Option<Watched<Receiver<u32>>>,
    set: Option<String>,
    gone: bool,
    /// The receiver is pending.
    waits: bool,
    wakes: usize,
    closers: Vec<(Watched<Closed<'a>>, usize, bool)>,
}

impl<'a> Model<'a> {
    /// The model as it is once the sender is dropped: what was not set will not be.
    fn without_sender(mut self) -> Model<'static> {
        if !self.gone {
            self.set("SenderDropped".to_owned());
        }
        Model {
            sender: None,
            receiver: self.receiver,
            set: self.set,
            gone: self.gone,
            waits: self.waits,
            wakes: self.wakes,
            closers: Vec::new(),
        }
    }

    /// Nothing else can be set, and why.
    fn refusal(&self) -> Option<Why> {
        match self.set {
            _ if self.gone => Some(Why::ReceiverGone),
            Some(_) => Some(Why::AlreadySet),
            None => None,
        }
    }

    fn set(&mut self, word: String) {
        self.set.get_or_insert(word);
        self.wakes += usize::from(std::mem::take(&mut self.waits));
    }

    fn set_by_sender(&mut self, step: &Step) {
        let (Some(sender), refusal) = (self.sender, self.refusal()) else {
            return;
        };
        let word = match *step {
            Step::Send(value) => {
                let sent = sender.send(value);
                assert_eq!(
                    sent.err().map(|e| (e.value, e.why)),
                    refusal.map(|why| (value, why))
                );
                value.to_string()
            }
            Step::SetError => {
                let set = sender.set_error("bad");
                assert_eq!(set.err().map(|e| e.why), refusal);
                r#"Failed("bad")"#.to_owned()
            }
            _ => {
                assert_eq!(sender.cancel(), refusal.is_none());
                "Cancelled(None)".to_owned()
            }
        };
        if refusal.is_none() {
            self.set(word);
        }
    }

    /// What the receiver has to give now, which is taken by that.
    fn take(&mut self) -> Option<String> {
        let word = self.set.clone()?;
        self.set = Some("Taken".to_owned());
        Some(word)
    }

    fn poll_receiver(&mut self, delivering: bool) {
        let Some(mut receiver) = self.receiver.take() else {
            return;
        };
        if delivering {
            assert!(receiver.poll_delivering().is_pending());
        } else {
            let expected = self.take();
            self.waits = expected.is_none();
            match receiver.poll() {
                Poll::Ready(result) => assert_eq!(Some(word(result)), expected),
                Poll::Pending => assert_eq!(expected, None),
            }
        }
        self.receiver = Some(receiver);
    }

    fn try_recv(&mut self) {
        let Some(mut receiver) = self.receiver.take() else {
            return;
        };
        let got = match receiver.future.try_recv() {
            Ok(value) => Some(word(Ok(value))),
            Err(TryRecvError::Failed(error)) => Some(word(Err(error))),
            Err(TryRecvError::Empty) => None,
        };
        assert_eq!(got, self.take());
        self.receiver = Some(receiver);
    }

    fn receiver_goes(&mut self) {
        self.gone = true;
        for (_, wakes, waits) in &mut self.closers {
            *wakes += usize::from(std::mem::take(waits));
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Send(_) | Step::SetError | Step::Cancel => self.set_by_sender(step),
            Step::PollReceiver(delivering) => self.poll_receiver(delivering),
            Step::TryRecv => self.try_recv(),
            Step::Close => {
                if let Some(receiver) = &mut self.receiver {
                    receiver.future.close();
                    self.set.get_or_insert_with(|| "Closed".to_owned());
                    self.receiver_goes();
                }
            }
            Step::DropReceiver => {
                if self.receiver.take().is_some() {
                    self.receiver_goes();
                }
            }
            Step::Wait => self.closers.extend(self.sender.map(|sender| {
                let closed: Closed<'a> = Box::pin(sender.closed());
                (Watched::new(closed), 0, false)
            })),
            Step::PollWait(which, delivering) if !self.closers.is_empty() => {
                let at = which.index(self.closers.len());
                let (closer, _, waits) = &mut self.closers[at];
                if delivering {
                    return assert!(closer.poll_delivering().is_pending());
                }
                assert_eq!(closer.poll().is_ready(), self.gone);
                *waits = !self.gone;
                if self.gone {
                    self.closers.swap_remove(at);
                }
            }
            Step::DropWait(which) if !self.closers.is_empty() => {
                self.closers.swap_remove(which.index(self.closers.len()));
            }
            Step::PollWait(..) | Step::DropWait(_) => {}
        }
    }

    fn check(&self) {
        if let Some(receiver) = &self.receiver {
            assert_eq!(receiver.wakes(), self.wakes);
        }
        if let Some(sender) = self.sender {
            assert_eq!(sender.is_done(), self.refusal().is_some());
            assert_eq!(sender.is_closed(), self.gone);
        }
        for (closer, wakes, _) in &self.closers {
            assert_eq!(closer.wakes(), *wakes);
        }
    }
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(
        before in prop::collection::vec(step(), 0..40),
        after in prop::collection::vec(step(), 0..10),
    ) {
        let (sender, receiver) = oneshot::channel();
        let mut model = Model {
            sender: Some(&sender),
            receiver: Some(Watched::new(receiver)),
            set: None,
            gone: false,
            waits: false,
            wakes: 0,
            closers: Vec::new(),
        };
        for step in &before {
            model.run(step);
            model.check();
        }
        let mut model = model.without_sender();
        drop(sender);
        for step in &after {
            model.run(step);
            model.check();
        }
    }
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
