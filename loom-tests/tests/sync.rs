//! The primitives of `weftwork_sync`: each has one lock, so what is judged is the protocol
//! around it: who has been granted something and goes, and which waker is called.

#![cfg(weftwork_loom)]

use loom::future::block_on;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use weftwork_loom_tests::{Drops, Flag};
use weftwork_sync::{CancellationToken, CapacityLimiter, Queue, Semaphore, oneshot};

#[test]
fn a_result_that_is_set_reaches_the_receiver() {
    loom::model(|| {
        let ((sender, receiver), drops) = (oneshot::channel(), Drops::default());
        let value = drops.counted();
        let setter = thread::spawn(move || sender.send(value).is_ok());
        assert!(block_on(receiver).is_ok());
        assert!(setter.join().unwrap() && drops.count() == 1);
    });
}

/// The sender goes without a word: the receiver is told.
#[test]
fn a_sender_that_goes_ends_the_wait() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel::<()>();
        let goer = thread::spawn(move || drop(sender));
        assert!(block_on(receiver).is_err());
        goer.join().unwrap();
    });
}

/// Either the value goes down with the channel, or it comes back to the sender.
#[test]
fn a_result_for_a_receiver_that_goes_is_dropped_once() {
    loom::model(|| {
        let ((sender, receiver), drops) = (oneshot::channel(), Drops::default());
        let value = drops.counted();
        let setter = thread::spawn(move || drop(sender.send(value)));
        drop(receiver);
        setter.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_permit_that_is_given_back_wakes_who_waits() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire_owned().expect("it is free");
        let holder = thread::spawn(move || drop(permit));
        drop(block_on(semaphore.acquire()));
        holder.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// Somebody who may have been granted the permit goes: it is handed on to the next one.
#[test]
fn a_permit_of_a_waiter_that_goes_reaches_the_next_one() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire_owned().expect("it is free");
        let holder = thread::spawn(move || drop(permit));
        let next = {
            let mut first = pin!(semaphore.acquire());
            let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            let semaphore = Arc::clone(&semaphore);
            // It queues behind the first one or comes after it.
            let next = thread::spawn(move || drop(block_on(semaphore.acquire_owned())));
            next
        };
        holder.join().unwrap();
        next.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// A token that comes back, a waiter that goes, and another one: it is on one account or on none, and
/// not lost.
#[test]
fn a_token_is_on_one_account_or_on_none() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(1));
        let token = limiter.try_acquire_owned().expect("it is free");
        let holder = thread::spawn(move || drop(token));
        {
            let mut first = pin!(limiter.acquire());
            let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(limiter.borrowed_tokens() <= 1);
        }
        drop(block_on(limiter.acquire()));
        holder.join().unwrap();
        let seen = (limiter.borrowed_tokens(), limiter.available_tokens());
        assert_eq!(seen, (0, 1));
    });
}

#[test]
fn an_item_passes_a_full_queue() {
    loom::model(|| {
        let (queue, drops) = (Arc::new(Queue::new(1)), Drops::default());
        let items = [drops.counted(), drops.counted()];
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                for item in items {
                    block_on(queue.put(item)).expect("it is open");
                }
            })
        };
        for _ in 0..2 {
            block_on(queue.get()).expect("it is open");
        }
        producer.join().unwrap();
        assert!(drops.count() == 2 && queue.is_empty());
    });
}

#[test]
fn a_cancelled_token_ends_the_wait_on_its_child() {
    loom::model(|| {
        let (token, flag) = (CancellationToken::new(), Flag::default());
        let parent = token.clone();
        let seen = flag.clone();
        let canceller = thread::spawn(move || {
            seen.set();
            parent.cancel();
        });
        let child = token.child();
        block_on(child.cancelled());
        assert!(flag.is_set() && token.is_cancelled() && child.is_cancelled());
        canceller.join().unwrap();
    });
}
