//! The watched value: case by case, and in random sequences against a plain model.

mod common;

use common::{Panics, Watched, cases, poll, poll_once};
use futures::executor::block_on;
use proptest::prelude::*;
use proptest::sample::Index;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use weftwork_std_or_loom::Mutex;
use weftwork_sync::BlockingError;
use weftwork_sync::watch::{
    self, Changed, NoReceivers, Receiver, Ref, Sender, SendersGone, UntilClosed,
};
use weftwork_task_context::{ThreadKind, set_thread_kind};

#[test]
fn a_receiver_sees_the_latest_value_once() {
    let (sender, mut receiver) = watch::channel(0);
    let mut late = receiver.clone();
    assert_eq!(receiver.has_changed(), Ok(false));
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!(receiver.has_changed(), Ok(true));
    assert!(receiver.borrow().has_changed(), "looking is not seeing");
    assert!(poll_once(&mut receiver.changed()).is_ready());
    assert_eq!(*receiver.borrow_and_update(), 2);
    assert!(poll_once(&mut receiver.changed()).is_pending());
    assert!(late.borrow_and_update().has_changed());
    assert!(!late.borrow_and_update().has_changed());
    late.mark_changed();
    assert_eq!(late.has_changed(), Ok(true));
    late.mark_unchanged();
    assert_eq!(late.has_changed(), Ok(false));
    assert!(poll_once(&mut sender.subscribe().changed()).is_pending());
}

#[test]
fn a_change_wakes_all_who_wait() {
    let (sender, mut first) = watch::channel(0);
    let mut second = sender.subscribe();
    let mut first = Watched::new(first.changed());
    let mut second = Watched::new(second.changed());
    assert!(first.poll().is_pending() && second.poll().is_pending());
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 1));
    assert!(first.poll_delivering().is_pending());
    assert_eq!(first.poll(), Poll::Ready(Ok(())));
    drop(second);
}

#[test]
fn a_wait_that_is_dropped_has_seen_nothing() {
    let (sender, mut receiver) = watch::channel(0);
    let mut changed = Watched::new(receiver.changed());
    assert!(changed.poll().is_pending());
    sender.send(1).unwrap();
    assert!(changed.poll_delivering().is_pending());
    drop(changed);
    assert_eq!(receiver.has_changed(), Ok(true));
    assert!(poll_once(&mut receiver.changed()).is_ready());
}

#[test]
fn the_last_value_outlives_the_senders() {
    let (sender, mut receiver) = watch::channel(0);
    let other = sender.clone();
    drop(sender);
    other.send(1).unwrap();
    drop(other);
    assert_eq!(receiver.has_changed(), Ok(true));
    assert_eq!(block_on(receiver.changed()), Ok(()));
    assert_eq!(block_on(receiver.changed()), Err(SendersGone));
    assert_eq!(receiver.has_changed(), Err(SendersGone));
    assert_eq!(*receiver.borrow(), 1);

    let (sender, mut receiver) = watch::channel(0);
    let mut changed = Watched::new(receiver.changed());
    assert!(changed.poll().is_pending());
    drop(sender);
    assert_eq!(changed.wakes(), 1);
    assert_eq!(changed.poll(), Poll::Ready(Err(SendersGone)));
}

#[test]
fn a_sender_learns_that_nobody_looks() {
    let (sender, receiver) = watch::channel(0);
    let clone = receiver.clone();
    let mut closed = Watched::new(sender.closed());
    let mut left = Watched::new(sender.closed());
    assert!(closed.poll().is_pending() && left.poll().is_pending());
    drop(left);
    drop(receiver);
    assert_eq!(closed.wakes(), 0);
    drop(clone);
    assert_eq!(closed.wakes(), 1);
    assert!(closed.poll_delivering().is_pending());
    assert!(closed.poll().is_ready() && sender.is_closed());
    assert_eq!(sender.send(1), Err(NoReceivers(1)));
    assert_eq!(*sender.borrow(), 0, "what came back was not set");
    assert_eq!(*sender.send_replace(2), 0);
    let receiver = sender.subscribe();
    assert!(!sender.is_closed());
    assert_eq!((*receiver.borrow(), receiver.has_changed()), (2, Ok(false)));
}

#[test]
fn a_borrowed_value_holds_up_nobody() {
    let (sender, mut receiver) = watch::channel(vec![1]);
    let (here, there) = (receiver.borrow(), sender.borrow());
    sender.send_modify(|value| value.push(2));
    assert_eq!((&*here, &*there), (&vec![1], &vec![1]));
    assert_eq!(*receiver.borrow_and_update(), [1, 2]);
}

#[test]
fn a_panic_in_modify_changes_nothing() {
    let (sender, receiver) = watch::channel(vec![1]);
    let modified = catch_unwind(AssertUnwindSafe(|| {
        sender.send_modify(|value| {
            value.clear();
            panic!("from the program");
        });
    }));
    assert!(modified.is_err());
    assert_eq!(
        (&*receiver.borrow(), receiver.has_changed()),
        (&vec![1], Ok(false))
    );
}

#[test]
fn a_modify_that_was_overtaken_begins_again() {
    let (sender, receiver) = watch::channel(0);
    let mut calls = 0;
    sender.send_modify(|value| {
        calls += 1;
        if calls == 1 {
            sender.send(10).unwrap();
        }
        *value += 1;
    });
    assert_eq!((*receiver.borrow(), calls), (11, 2));
}

#[test]
fn wait_for_looks_at_what_is_there_first() {
    let (sender, mut receiver) = watch::channel(5);
    assert_eq!(*block_on(receiver.wait_for(|&n| n == 5)).unwrap(), 5);
    {
        let mut wait = pin!(receiver.wait_for(|&n| n > 6));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        sender.send(6).unwrap();
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        sender.send(7).unwrap();
        assert!(matches!(wait.as_mut().poll(&mut cx), Poll::Ready(Ok(n)) if *n == 7));
    }
    drop(sender);
    let gone = block_on(receiver.wait_for(|&n| n > 7)).map(|value| *value);
    assert_eq!(gone, Err(SendersGone));
}

/// A value whose destructor looks at the watch it was in.
#[derive(Clone)]
struct Reentrant(Arc<Mutex<Option<Receiver<Option<Reentrant>>>>>);

impl Drop for Reentrant {
    fn drop(&mut self) {
        if let Some(receiver) = &*self.0.lock() {
            assert!(receiver.borrow().is_none());
        }
    }
}

#[test]
fn destructors_run_outside_the_lock() {
    let place = Arc::new(Mutex::new(None));
    let (sender, receiver) = watch::channel(Some(Reentrant(Arc::clone(&place))));
    *place.lock() = Some(receiver);
    sender.send(None).unwrap();
    place.lock().take();
}

/// A value whose destructor looks at its sender.
#[derive(Clone)]
struct Asks(Weak<Sender<Asks>>);

impl Drop for Asks {
    fn drop(&mut self) {
        if let Some(sender) = self.0.upgrade() {
            assert_eq!(sender.receiver_count(), 1);
        }
    }
}

#[test]
fn a_copy_that_was_overtaken_is_dropped_outside_the_lock() {
    let (sender, _receiver) = watch::channel(Asks(Weak::new()));
    let sender = Arc::new(sender);
    let mut calls = 0;
    sender.send_modify(|value| {
        *value = Asks(Arc::downgrade(&sender));
        calls += 1;
        if calls == 1 {
            sender.send(value.clone()).unwrap();
        }
    });
    assert_eq!(calls, 2);
}

#[test]
fn a_panicking_waker_leaves_the_others_woken() {
    let (sender, mut first) = watch::channel(0);
    let mut second = sender.subscribe();
    let mut bad = first.changed();
    let mut good = Watched::new(second.changed());
    assert!(poll(&mut bad, &Waker::from(Arc::new(Panics))).is_pending());
    assert!(good.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| sender.send(1))).is_err());
    assert_eq!(
        (good.wakes(), poll_once(&mut bad)),
        (1, Poll::Ready(Ok(())))
    );
}

#[test]
fn threads_modify_at_once_and_lose_nothing() {
    const EACH: u32 = 2000;
    let (sender, mut receiver) = watch::channel(0);
    // Before the first change, or it would have nothing to wait for.
    let mut late = sender.subscribe();
    thread::scope(|scope| {
        for _ in 0..4 {
            let sender = sender.clone();
            scope.spawn(move || (0..EACH).for_each(|_| sender.send_modify(|n| *n += 1)));
        }
        drop(sender);
        scope.spawn(move || {
            let mut last = 0;
            while block_on(late.changed()).is_ok() {
                let now = *late.borrow_and_update();
                assert!(last <= now);
                last = now;
            }
            assert_eq!(last, 4 * EACH);
        });
        while receiver.blocking_changed().is_ok() {}
        assert_eq!(*receiver.borrow(), 4 * EACH);
    });
    let before = set_thread_kind(ThreadKind::Worker);
    let refused = receiver.blocking_changed();
    set_thread_kind(before);
    assert!(matches!(refused, Err(BlockingError::Refused(_))));
}

#[derive(Clone, Debug)]
enum Step {
    Send,
    Modify(bool),
    Subscribe,
    CloneReceiver(Index),
    DropReceiver(Index),
    DropSender,
    CloneSender,
    Look(Index, bool),
    /// A receiver begins to wait for a change.
    Wait(Index),
    PollWait(Index, bool),
    DropWait(Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Send),
        2 => any::<bool>().prop_map(Step::Modify),
        2 => Just(Step::Subscribe),
        1 => any::<Index>().prop_map(Step::CloneReceiver),
        2 => any::<Index>().prop_map(Step::DropReceiver),
        1 => Just(Step::DropSender),
        1 => Just(Step::CloneSender),
        4 => (any::<Index>(), any::<bool>()).prop_map(|(i, seen)| Step::Look(i, seen)),
        5 => any::<Index>().prop_map(Step::Wait),
        9 => (any::<Index>(), prop::bool::weighted(0.2)).prop_map(|(i, d)| Step::PollWait(i, d)),
        1 => any::<Index>().prop_map(Step::DropWait),
    ]
}

type Answer = (Receiver<usize>, Result<(), SendersGone>);

/// A receiver that waits for a change, and gives itself back with the answer.
struct Waiting {
    future: Watched<Pin<Box<dyn Future<Output = Answer>>>>,
    seen: usize,
    in_line: bool,
    wakes: usize,
}

/// All values there ever were, and which one each receiver has seen last.
struct Model {
    values: Vec<usize>,
    senders: Vec<Sender<usize>>,
    receivers: Vec<(Receiver<usize>, usize)>,
    waiting: Vec<Waiting>,
}

impl Model {
    fn last(&self) -> usize {
        self.values.len() - 1
    }

    fn add(&mut self, value: usize) {
        self.values.push(value);
        self.settle();
    }

    fn settle(&mut self) {
        for waiting in &mut self.waiting {
            waiting.wakes += usize::from(std::mem::take(&mut waiting.in_line));
        }
    }

    fn send(&mut self) {
        let Some(sender) = self.senders.first() else {
            return;
        };
        let value = self.values.len() * 3;
        let sent = sender.send(value);
        if self.receivers.is_empty() && self.waiting.is_empty() {
            return assert_eq!(sent, Err(NoReceivers(value)));
        }
        sent.unwrap();
        self.add(value);
    }

    fn begin_to_wait(&mut self, at: usize) {
        let (mut receiver, seen) = self.receivers.swap_remove(at);
        self.waiting.push(Waiting {
            future: Watched::new(Box::pin(async move {
                let changed = receiver.changed().await;
                (receiver, changed)
            })),
            seen,
            in_line: false,
            wakes: 0,
        });
    }

    fn poll_wait(&mut self, at: usize, delivering: bool) {
        let (last, closed) = (self.last(), self.senders.is_empty());
        let waiting = &mut self.waiting[at];
        if delivering {
            return assert!(waiting.future.poll_delivering().is_pending());
        }
        let expected = match last != waiting.seen {
            true => Ok(()),
            false if closed => Err(SendersGone),
            false => {
                waiting.in_line = true;
                return assert!(waiting.future.poll().is_pending());
            }
        };
        let Poll::Ready((receiver, changed)) = waiting.future.poll() else {
            panic!("it missed {expected:?}")
        };
        assert_eq!(changed, expected);
        self.waiting.swap_remove(at);
        self.receivers.push((receiver, last));
    }

    fn pick(&self, which: Index) -> Option<usize> {
        (!self.receivers.is_empty()).then(|| which.index(self.receivers.len()))
    }

    fn run_on(&mut self, step: &Step, at: usize) {
        let last = self.last();
        match *step {
            Step::CloneReceiver(_) => {
                let clone = (self.receivers[at].0.clone(), self.receivers[at].1);
                self.receivers.push(clone);
            }
            Step::DropReceiver(_) => drop(self.receivers.swap_remove(at)),
            Step::Look(_, mark) => {
                let (receiver, seen) = &mut self.receivers[at];
                let value = match mark {
                    true => receiver.borrow_and_update(),
                    false => receiver.borrow(),
                };
                assert_eq!(
                    (*value, value.has_changed()),
                    (self.values[last], last != *seen)
                );
                *seen = if mark { last } else { *seen };
            }
            Step::Wait(_) => self.begin_to_wait(at),
            _ => unreachable!("it is about no receiver"),
        }
    }

    fn run(&mut self, step: &Step) {
        let first = self.senders.first();
        match *step {
            Step::Send => self.send(),
            Step::Modify(really) => {
                let Some(sender) = first else { return };
                let next = self.values.len() * 3;
                let modify = |value: &mut usize| {
                    *value = next;
                    really
                };
                assert_eq!(sender.send_if_modified(modify), really);
                if really {
                    self.add(next);
                }
            }
            Step::Subscribe => {
                if let Some(sender) = first {
                    self.receivers.push((sender.subscribe(), self.last()));
                }
            }
            Step::CloneSender => self.senders.extend(first.cloned()),
            Step::DropSender => {
                self.senders.pop();
                if self.senders.is_empty() {
                    self.settle();
                }
            }
            Step::PollWait(which, _) | Step::DropWait(which) if !self.waiting.is_empty() => {
                let at = which.index(self.waiting.len());
                match *step {
                    Step::PollWait(_, delivering) => self.poll_wait(at, delivering),
                    _ => drop(self.waiting.swap_remove(at)),
                }
            }
            Step::PollWait(..) | Step::DropWait(_) => {}
            Step::CloneReceiver(which)
            | Step::DropReceiver(which)
            | Step::Look(which, _)
            | Step::Wait(which) => {
                if let Some(at) = self.pick(which) {
                    self.run_on(step, at);
                }
            }
        }
    }

    fn check(&self) {
        for (receiver, seen) in &self.receivers {
            let expected = match self.last() != *seen {
                false if self.senders.is_empty() => Err(SendersGone),
                changed => Ok(changed),
            };
            assert_eq!(receiver.has_changed(), expected);
        }
        for waiting in &self.waiting {
            assert_eq!(waiting.future.wakes(), waiting.wakes);
        }
        if let Some(sender) = self.senders.first() {
            let count = self.receivers.len() + self.waiting.len();
            assert_eq!(sender.receiver_count(), count);
            assert_eq!(sender.is_closed(), count == 0);
            assert_eq!(*sender.borrow(), *self.values.last().unwrap());
        }
    }
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(steps in prop::collection::vec(step(), 1..80)) {
        let (sender, receiver) = watch::channel(0);
        let mut model = Model {
            values: vec![0],
            senders: vec![sender],
            receivers: vec![(receiver, 0)],
            waiting: Vec::new(),
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
    shared::<Changed<'static, u8>>();
    shared::<UntilClosed<'static, u8>>();
    shared::<Ref<u8>>();
}
