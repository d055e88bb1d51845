//! Queues, channels and tokens of `weftwork_sync`: who is promised or handed something, and goes
//! or is shut out at that moment. Each primitive has one lock; what is judged is the protocol.

#![cfg(weftwork_loom)]

use loom::future::block_on;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_loom_tests::{Drops, model_of_cases};
use weftwork_sync::{CancellationToken, PriorityQueue, Queue, broadcast, channel, oneshot, watch};

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// An item is taken by the consumer, or comes back to the producer.
#[test]
fn a_put_and_a_get_against_a_shutdown() {
    model_of_cases::<2>(|case| {
        let (queue, drops) = (Arc::new(Queue::new(1)), Drops::default());
        let item = drops.counted();
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || block_on(queue.put(item)).is_ok())
        };
        let consumer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || block_on(queue.get()).is_ok())
        };
        queue.shutdown(false);
        let (put, got) = (producer.join().unwrap(), consumer.join().unwrap());
        assert_eq!(put, got);
        assert_eq!(drops.count(), 1);
        case(usize::from(put));
    });
}

/// The first consumer may have been promised the item when it goes: the second one gets it.
#[test]
fn an_item_of_a_consumer_that_goes_reaches_the_next_one() {
    loom::model(|| {
        let queue = Arc::new(PriorityQueue::new(0));
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.try_put(1).expect("it is open"))
        };
        let mut first = Box::pin(queue.get());
        let polled = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_pending() {
            let next = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || block_on(queue.get()))
            };
            drop(first);
            assert_eq!(next.join().unwrap(), Ok(1));
        }
        producer.join().unwrap();
    });
}

/// A slot that was promised to a producer that goes is the next one's.
#[test]
fn a_slot_of_a_producer_that_goes_reaches_the_next_one() {
    model_of_cases::<2>(|case| {
        let queue = Arc::new(Queue::new(1));
        queue.try_put(0).expect("it is empty");
        let consumer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || block_on(queue.get()))
        };
        let (mut first, mut second) = (Box::pin(queue.put(1)), Box::pin(queue.put(2)));
        let cx = &mut Context::from_waker(Waker::noop());
        let put = first.as_mut().poll(cx).is_ready();
        if put {
            assert_eq!(queue.try_get(), Ok(1));
        } else {
            assert!(second.as_mut().poll(cx).is_pending());
        }
        drop(first);
        block_on(second).expect("it is open");
        assert_eq!((consumer.join().unwrap(), queue.try_get()), (Ok(0), Ok(2)));
        case(usize::from(put));
    });
}

/// A put that goes, against a consumer who comes for its item, and a put behind it.
#[test]
fn an_item_is_withdrawn_from_a_rendezvous_or_taken() {
    model_of_cases::<2>(|case| {
        let queue = Arc::new(Queue::rendezvous());
        let consumer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || std::iter::from_fn(|| block_on(queue.get()).ok()).sum::<i32>())
        };
        let _ = poll_once(queue.put(1));
        block_on(queue.put(2)).expect("it is open");
        queue.shutdown(false);
        let sum = consumer.join().unwrap();
        assert!(sum == 2 || sum == 3);
        case(usize::from(sum == 3));
    });
}

/// Two consumers wait, and a put goes that may have been promised to the first one: that one has what
/// comes next, and nobody passes it.
#[test]
fn a_consumer_whose_item_is_withdrawn_keeps_its_place() {
    model_of_cases::<2>(|case| {
        let queue = Arc::new(Queue::rendezvous());
        let (mut first, mut second) = (Box::pin(queue.get()), Box::pin(queue.get()));
        assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let _ = poll_once(queue.put(1));
                block_on(queue.put(2))
            })
        };
        assert!(poll_once(&mut second).is_pending());
        let taken = block_on(first).expect("it is open");
        if taken == 1 {
            assert_eq!(block_on(second), Ok(2));
        } else {
            assert!(poll_once(&mut second).is_pending());
        }
        producer.join().unwrap().expect("it is open");
        case(taken - 1);
    });
}

#[test]
fn a_channel_ends_after_what_was_sent() {
    loom::model(|| {
        let (sender, receiver) = channel(1);
        let producer = thread::spawn(move || block_on(sender.send(1)).expect("somebody receives"));
        assert_eq!(block_on(receiver.recv()), Ok(1));
        assert!(block_on(receiver.recv()).is_err());
        producer.join().unwrap();
    });
}

/// The last receiver goes: the item comes back, or goes down with the channel.
#[test]
fn a_send_against_the_end_of_the_receivers() {
    loom::model(|| {
        let ((sender, receiver), drops) = (channel(1), Drops::default());
        let items = [drops.counted(), drops.counted()];
        let producer = thread::spawn(move || {
            for item in items {
                drop(block_on(sender.send(item)));
            }
            assert!(sender.is_closed());
        });
        drop(receiver);
        producer.join().unwrap();
        assert_eq!(drops.count(), 2);
    });
}

#[test]
fn a_watched_value_and_the_end_both_arrive() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let setter = thread::spawn(move || {
            sender.send(1).expect("somebody looks");
        });
        assert_eq!(block_on(receiver.changed()), Ok(()));
        assert_eq!(*receiver.borrow(), 1);
        assert!(block_on(receiver.changed()).is_err());
        setter.join().unwrap();
    });
}

/// Two senders change the value at once, while a receiver goes, which the third part waits for.
#[test]
fn no_change_of_a_watched_value_is_lost() {
    loom::model(|| {
        let (sender, receiver) = watch::channel(0);
        let other = {
            let sender = sender.clone();
            thread::spawn(move || {
                sender.send_modify(|value| *value += 1);
                drop(receiver);
            })
        };
        sender.send_modify(|value| *value += 1);
        block_on(sender.closed());
        assert_eq!(*sender.borrow(), 2);
        other.join().unwrap();
    });
}

/// One receiver goes while an item is sent: the other one gets it, and it is dropped once.
#[test]
fn a_broadcast_against_a_receiver_that_goes() {
    loom::model(|| {
        let ((sender, mut receiver), drops) = (broadcast::channel(1), Drops::default());
        let (goer, item) = (receiver.resubscribe(), Arc::new(drops.counted()));
        let sender = thread::spawn(move || {
            assert!(sender.send(item).is_ok());
        });
        let goer = thread::spawn(move || drop(goer));
        assert!(block_on(receiver.recv()).is_ok());
        assert!(block_on(receiver.recv()).is_err());
        sender.join().unwrap();
        goer.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}

/// A receiver is overtaken or not, and hears of it.
#[test]
fn a_slow_receiver_of_a_broadcast_accounts_for_all() {
    model_of_cases::<2>(|case| {
        let (sender, mut receiver) = broadcast::channel(1);
        let sender = thread::spawn(move || {
            for n in 0..2 {
                assert_eq!(sender.send(n), Ok(1));
            }
        });
        let first = block_on(receiver.recv());
        match first {
            Ok(n) => assert_eq!(n, 0),
            Err(error) => assert_eq!(error, broadcast::RecvError::Lagged(1)),
        }
        assert_eq!(block_on(receiver.recv()), Ok(1));
        case(usize::from(first.is_ok()));
        sender.join().unwrap();
    });
}

/// The tokens in between are dropped while the root is cancelled: the leaf hears of it.
#[test]
fn a_cancel_against_the_creation_of_grandchildren() {
    loom::model(|| {
        let root = CancellationToken::new();
        let child = root.child();
        let canceller = thread::spawn(move || root.cancel());
        let leaf = child.child();
        drop(child);
        block_on(leaf.cancelled());
        assert!(leaf.is_cancelled());
        assert!(canceller.join().unwrap());
    });
}

/// Two clones are dropped at once, by one who has just made a child: whoever is last takes the token
/// out of the tree, and the child stays in it.
#[test]
fn the_last_clone_of_a_token_leaves_its_child() {
    loom::model(|| {
        let root = CancellationToken::new();
        let (token, clone) = {
            let token = root.child();
            (token.clone(), token)
        };
        let parent = thread::spawn(move || token.child());
        drop(clone);
        let child = parent.join().unwrap();
        assert!(root.cancel() && child.is_cancelled());
    });
}

/// Two set a oneshot while its receiver goes: one may win, and each value is dropped once.
#[test]
fn two_results_against_a_receiver_that_goes() {
    loom::model(|| {
        let ((sender, receiver), drops) = (oneshot::channel(), Drops::default());
        let sender = Arc::new(sender);
        let values = [drops.counted(), drops.counted()];
        let setters = values.map(|value| {
            let sender = Arc::clone(&sender);
            thread::spawn(move || sender.send(value).is_ok())
        });
        drop(receiver);
        let [first, second] = setters.map(|setter| setter.join().unwrap());
        assert!(!(first && second) && drops.count() == 2);
        assert!(poll_once(sender.closed()).is_ready());
    });
}
