//! The broadcast: case by case, and in random sequences against a plain model.

mod common;

use common::{Counter, Panics, Watched, cases, poll, poll_delivering, poll_once};
use futures::StreamExt;
use futures::executor::block_on;
use proptest::prelude::*;
use proptest::sample::Index;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;
use weftwork_std_or_loom::Mutex;
use weftwork_sync::BlockingError;
use weftwork_sync::broadcast::{
    self, Lagged, NoReceivers, Receiver, Recv, RecvError, Sender, TryRecvError,
};
use weftwork_task_context::{ThreadKind, set_thread_kind};

#[test]
fn every_receiver_gets_every_item() {
    let (sender, mut first) = broadcast::channel(8);
    let mut second = sender.subscribe();
    assert_eq!(sender.send("a"), Ok(2));
    let mut late = first.resubscribe();
    assert_eq!(sender.send("b"), Ok(3));
    for receiver in [&mut first, &mut second] {
        assert_eq!(receiver.len(), 2);
        assert_eq!(block_on(receiver.recv()), Ok("a"));
        assert_eq!(block_on(receiver.recv()), Ok("b"));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }
    assert_eq!(sender.len(), 1);
    assert_eq!(late.try_recv(), Ok("b"));
    assert!(sender.is_empty() && late.is_empty());
}

#[test]
fn who_is_slow_holds_up_nobody_and_hears_what_was_lost() {
    let (sender, mut slow) = broadcast::channel(2);
    let mut fast = sender.subscribe();
    for n in 0..5 {
        sender.send(n).unwrap();
        assert_eq!(fast.try_recv(), Ok(n));
    }
    assert_eq!(slow.len(), 2);
    assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(3)));
    assert_eq!((slow.try_recv(), slow.try_recv()), (Ok(3), Ok(4)));
    assert_eq!(slow.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn without_bound_nobody_lags() {
    let (sender, mut receiver) = broadcast::channel(0);
    (0..5000).for_each(|n| assert_eq!(sender.send(n), Ok(1)));
    (0..5000).for_each(|n| assert_eq!(receiver.try_recv(), Ok(n)));
}

#[test]
fn an_item_wakes_all_and_is_lost_by_no_cancel() {
    let (sender, mut first) = broadcast::channel(2);
    let mut second = sender.subscribe();
    let mut recv = Watched::new(first.recv());
    let mut other = Watched::new(second.recv());
    assert!(recv.poll().is_pending() && other.poll().is_pending());
    sender.send(1).unwrap();
    assert_eq!((recv.wakes(), other.wakes()), (1, 1));
    assert!(recv.poll_delivering().is_pending());
    drop(recv);
    assert_eq!(first.try_recv(), Ok(1));
    assert_eq!(other.poll(), Poll::Ready(Ok(1)));
}

#[test]
fn an_item_is_kept_for_as_long_as_somebody_needs_it() {
    let item = Arc::new(());
    let (sender, mut first) = broadcast::channel(4);
    let (mut second, third) = (sender.subscribe(), sender.subscribe());
    sender.send(Arc::clone(&item)).unwrap();
    sender.send(Arc::clone(&item)).unwrap();
    drop((first.try_recv(), second.try_recv()));
    assert_eq!(Arc::strong_count(&item), 3);
    drop(third);
    assert_eq!(
        Arc::strong_count(&item),
        2,
        "the first one went with its last receiver"
    );
    drop((first.try_recv(), second));
    assert_eq!(Arc::strong_count(&item), 1);
    assert!(sender.is_empty());
}

#[test]
fn the_last_receiver_gets_the_item_itself() {
    struct Uncloneable;
    impl Clone for Uncloneable {
        fn clone(&self) -> Self {
            panic!("it was cloned");
        }
    }
    let (sender, mut receiver) = broadcast::channel(1);
    sender.send(Uncloneable).unwrap();
    let Uncloneable = receiver.try_recv().unwrap();
}

#[test]
fn the_end_comes_after_the_items() {
    let (sender, mut receiver) = broadcast::channel(2);
    let clone = sender.clone();
    (0..3).for_each(|n| assert_eq!(sender.send(n), Ok(1)));
    drop(sender);
    drop(clone);
    let items = block_on(receiver.by_ref().collect::<Vec<_>>());
    assert_eq!(items, [Err(Lagged(1)), Ok(1), Ok(2)]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));

    let (sender, mut receiver) = broadcast::channel::<u8>(2);
    let mut recv = Watched::new(receiver.recv());
    assert!(recv.poll().is_pending());
    drop(sender);
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.poll(), Poll::Ready(Err(RecvError::Closed)));
}

#[test]
fn without_receivers_the_item_comes_back() {
    let (sender, receiver) = broadcast::channel(2);
    drop(receiver);
    assert_eq!(sender.send(1), Err(NoReceivers(1)));
    let mut receiver = sender.subscribe();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.receiver_count(), 1);
}

#[test]
fn a_stream_that_waited_and_a_recv_share_the_receiver() {
    let (sender, mut receiver) = broadcast::channel(2);
    assert!(poll_once(&mut receiver.next()).is_pending());
    sender.send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
    let mut next = Watched::new(receiver.next());
    assert!(next.poll().is_pending());
    sender.send(2).unwrap();
    assert_eq!(next.wakes(), 1);
    assert!(next.poll_delivering().is_pending());
    assert_eq!(next.poll(), Poll::Ready(Some(Ok(2))));
}

/// An item whose destructor uses the channel it was in.
#[derive(Clone)]
struct Reentrant {
    sender: Sender<Option<Reentrant>>,
    dropped: Arc<Mutex<usize>>,
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        let _ = self.sender.receiver_count();
        *self.dropped.lock() += 1;
    }
}

#[test]
fn destructors_run_outside_the_lock() {
    let (sender, receiver) = broadcast::channel(1);
    let dropped = Arc::new(Mutex::new(0));
    let item = || {
        Some(Reentrant {
            sender: sender.clone(),
            dropped: Arc::clone(&dropped),
        })
    };
    assert!(sender.send(item()).is_ok());
    assert!(sender.send(item()).is_ok());
    assert_eq!(*dropped.lock(), 1, "one was overwritten");
    drop(receiver);
    assert_eq!(*dropped.lock(), 2);
    assert!(sender.send(item()).is_err());
}

#[test]
fn a_panicking_waker_leaves_the_others_woken() {
    let (sender, mut first) = broadcast::channel(2);
    let mut second = sender.subscribe();
    let mut bad = first.recv();
    let mut good = Watched::new(second.recv());
    assert!(poll(&mut bad, &Waker::from(Arc::new(Panics))).is_pending());
    assert!(good.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| sender.send(1))).is_err());
    assert_eq!((good.wakes(), poll_once(&mut bad)), (1, Poll::Ready(Ok(1))));
}

/// What one receiver got: everything in order, if what was lost is counted too.
fn account(mut receiver: Receiver<u64>) -> (u64, u64) {
    let (mut next, mut lost) = (0, 0);
    loop {
        match block_on(receiver.recv()) {
            Ok(n) => {
                assert_eq!(n, next);
                next += 1;
            }
            Err(RecvError::Lagged(n)) => {
                next += n;
                lost += n;
            }
            Err(RecvError::Closed) => return (next, lost),
        }
    }
}

#[test]
fn threads_account_for_every_item() {
    const ITEMS: u64 = 20_000;
    for capacity in [1, 16, 0] {
        let (sender, first) = broadcast::channel(capacity);
        let others = [sender.subscribe(), sender.subscribe()];
        thread::scope(|scope| {
            let accounts = [first].into_iter().chain(others).map(|receiver| {
                let count = scope.spawn(move || account(receiver));
                move || count.join().unwrap()
            });
            let accounts: Vec<_> = accounts.collect();
            for n in 0..ITEMS {
                sender.send(n).unwrap();
                if n % 64 == 0 {
                    // Somebody comes, sees a little and goes.
                    let _ = poll_once(&mut sender.subscribe().recv());
                }
            }
            drop(sender);
            for account in accounts {
                let (seen, lost) = account();
                assert_eq!(seen, ITEMS);
                assert!(capacity > 0 || lost == 0);
            }
        });
    }
}

#[test]
fn blocking_receives_and_is_refused_on_a_worker() {
    let (sender, mut receiver) = broadcast::channel(0);
    let thread = thread::spawn(move || (0..100).for_each(|n| assert_eq!(sender.send(n), Ok(1))));
    (0..100).for_each(|n| assert_eq!(receiver.blocking_recv(), Ok(n)));
    let before = set_thread_kind(ThreadKind::Worker);
    let refused = receiver.blocking_recv();
    set_thread_kind(before);
    assert!(matches!(refused, Err(BlockingError::Refused(_))));
    thread.join().unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Send,
    Subscribe,
    DropReceiver(Index),
    DropSender,
    TryRecv(Index, u8),
    /// Polls a `recv` and drops it.
    Recv(Index, bool),
    /// Polls the receiver as a stream, which keeps its place in the line.
    PollNext(Index, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let which = || (any::<Index>(), prop::bool::weighted(0.2));
    prop_oneof![
        10 => Just(Step::Send),
        2 => Just(Step::Subscribe),
        2 => any::<Index>().prop_map(Step::DropReceiver),
        1 => prop_oneof![5 => Just(Step::Send), 1 => Just(Step::DropSender)],
        3 => (any::<Index>(), 1u8..6).prop_map(|(i, n)| Step::TryRecv(i, n)),
        4 => which().prop_map(|(i, delivering)| Step::Recv(i, delivering)),
        8 => which().prop_map(|(i, delivering)| Step::PollNext(i, delivering)),
    ]
}

/// A receiver, and what the model knows of it: what it has not received, and how many it lost.
struct Owed {
    receiver: Receiver<u32>,
    items: Vec<u32>,
    lost: u64,
    counter: Arc<Counter>,
    wakes: usize,
    in_line: bool,
}

impl Owed {
    fn new(receiver: Receiver<u32>) -> Self {
        Self {
            receiver,
            items: Vec::new(),
            lost: 0,
            counter: Counter::new(),
            wakes: 0,
            in_line: false,
        }
    }

    fn add(&mut self, item: u32, capacity: usize) {
        self.items.push(item);
        if capacity > 0 && self.items.len() > capacity {
            self.items.remove(0);
            self.lost += 1;
        }
        self.settle();
    }

    fn settle(&mut self) {
        self.wakes += usize::from(std::mem::take(&mut self.in_line));
    }

    fn next(&mut self, closed: bool) -> Result<u32, TryRecvError> {
        match std::mem::take(&mut self.lost) {
            0 if !self.items.is_empty() => Ok(self.items.remove(0)),
            0 if closed => Err(TryRecvError::Closed),
            0 => Err(TryRecvError::Empty),
            lost => Err(TryRecvError::Lagged(lost)),
        }
    }

    fn recv(&mut self, closed: bool) {
        let polled = poll_once(&mut self.receiver.recv());
        let expected = match self.next(closed) {
            Ok(item) => Poll::Ready(Ok(item)),
            Err(TryRecvError::Lagged(lost)) => Poll::Ready(Err(RecvError::Lagged(lost))),
            Err(TryRecvError::Closed) => Poll::Ready(Err(RecvError::Closed)),
            Err(TryRecvError::Empty) => Poll::Pending,
        };
        assert_eq!(polled, expected);
    }

    fn poll_next(&mut self, closed: bool) {
        let waker = Waker::from(Arc::clone(&self.counter));
        let polled = poll(&mut self.receiver.next(), &waker);
        let expected = match self.next(closed) {
            Ok(item) => Poll::Ready(Some(Ok(item))),
            Err(TryRecvError::Lagged(lost)) => Poll::Ready(Some(Err(Lagged(lost)))),
            Err(TryRecvError::Closed) => Poll::Ready(None),
            Err(TryRecvError::Empty) => Poll::Pending,
        };
        assert_eq!(polled, expected);
        self.in_line = expected.is_pending();
    }
}

struct Model {
    capacity: usize,
    sender: Option<Sender<u32>>,
    receivers: Vec<Owed>,
    sent: u32,
}

impl Model {
    fn send(&mut self) {
        let Some(sender) = &self.sender else { return };
        self.sent += 1;
        let expected = match self.receivers.len() {
            0 => Err(NoReceivers(self.sent)),
            receivers => Ok(receivers),
        };
        assert_eq!(sender.send(self.sent), expected);
        for owed in &mut self.receivers {
            owed.add(self.sent, self.capacity);
        }
    }

    fn run_on(&mut self, step: &Step, at: usize) {
        let closed = self.sender.is_none();
        let owed = &mut self.receivers[at];
        match *step {
            Step::TryRecv(_, times) => {
                (0..times).for_each(|_| assert_eq!(owed.receiver.try_recv(), owed.next(closed)));
            }
            Step::Recv(_, true) => {
                assert!(poll_delivering(&mut owed.receiver.recv(), Waker::noop()).is_pending());
            }
            Step::PollNext(_, true) => {
                assert!(poll_delivering(&mut owed.receiver.next(), Waker::noop()).is_pending());
            }
            Step::Recv(_, false) => owed.recv(closed),
            Step::PollNext(_, false) => owed.poll_next(closed),
            _ => drop(self.receivers.swap_remove(at)),
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Send => self.send(),
            Step::Subscribe => {
                let receiver = self.sender.as_ref().map(Sender::subscribe);
                self.receivers.extend(receiver.map(Owed::new));
            }
            Step::DropSender => {
                self.sender = None;
                self.receivers.iter_mut().for_each(Owed::settle);
            }
            Step::DropReceiver(which)
            | Step::TryRecv(which, _)
            | Step::Recv(which, _)
            | Step::PollNext(which, _) => {
                if !self.receivers.is_empty() {
                    self.run_on(step, which.index(self.receivers.len()));
                }
            }
        }
    }

    fn check(&self) {
        for owed in &self.receivers {
            assert_eq!(owed.receiver.len(), owed.items.len());
            assert_eq!(owed.counter.count(), owed.wakes);
        }
        if let Some(sender) = &self.sender {
            let owed = self.receivers.iter().map(|owed| owed.items.len());
            assert_eq!(sender.len(), owed.max().unwrap_or(0));
            assert_eq!(sender.receiver_count(), self.receivers.len());
        }
    }
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(
        capacity in 0usize..5,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let (sender, receiver) = broadcast::channel(capacity);
        let mut model = Model {
            capacity,
            sender: Some(sender),
            receivers: vec![Owed::new(receiver)],
            sent: 0,
        };
        for step in &steps {
            model.run(step);
            model.check();
        }
    }
}

#[test]
fn thread_safety_is_as_promised() {
    fn shared<T: Send + Sync + Unpin>() {}
    shared::<Sender<u8>>();
    shared::<Receiver<u8>>();
    shared::<Recv<'static, u8>>();
}
