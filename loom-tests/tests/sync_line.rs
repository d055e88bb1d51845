//! The line of `weftwork_sync` in which a waiter learns of its grant without the lock, and what
//! stands in a list or a tree while its owner goes.

#![cfg(weftwork_loom)]

use loom::future::block_on;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_loom_tests::{Flag, model_of_cases};
use weftwork_sync::{CancellationToken, Semaphore};

/// One poll whose wake-ups do not matter.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Two permits come back from two threads. The second waiter sees what both holders did, though one
/// of the two grants raised the mark for the first one alone; the first one sees what one did, also
/// if it reads the mark of the second.
#[test]
fn a_waiter_sees_what_came_before_all_grants_up_to_its_own() {
    model_of_cases::<2>(|case| {
        let semaphore = Arc::new(Semaphore::new(2));
        let mut waiters = [semaphore.acquire(), semaphore.acquire()];
        let holders = [(); 2].map(|()| {
            let permit = semaphore.try_acquire_owned().expect("it is free");
            let flag = Flag::default();
            (flag, permit)
        });
        assert!(waiters.iter_mut().all(|it| poll_once(it).is_pending()));
        let flags = holders.each_ref().map(|(flag, _)| flag.clone());
        let holders = holders.map(|(flag, permit)| {
            thread::spawn(move || {
                flag.set();
                drop(permit);
            })
        });
        let [first, second] = &mut waiters;
        let second = poll_once(second);
        if second.is_ready() {
            assert!(flags.iter().all(Flag::is_set));
            case(0);
        }
        let first = poll_once(first);
        if first.is_ready() {
            assert!(flags.iter().any(Flag::is_set));
            case(1);
        }
        drop((first, second, waiters));
        for holder in holders {
            holder.join().unwrap();
        }
        assert_eq!(semaphore.available_permits(), 2);
        assert!(semaphore.waiters().is_empty());
    });
}

/// Somebody who may have been granted a permit goes, while a newcomer takes its place in the slab and
/// another one waits: each knows its own.
#[test]
fn a_place_in_the_slab_goes_to_a_newcomer_while_its_old_owner_goes() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire_owned().expect("it is free");
        let mut goes = semaphore.acquire();
        assert!(poll_once(&mut goes).is_pending());
        let holder = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                drop(permit);
                let mut newcomer = semaphore.acquire();
                let _ = poll_once(&mut newcomer);
            })
        };
        let other = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(block_on(semaphore.acquire())))
        };
        drop(goes);
        holder.join().unwrap();
        other.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// A waiter is granted its permit or refused, and told so either way.
#[test]
fn a_grant_against_a_close() {
    model_of_cases::<2>(|case| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire_owned().expect("it is free");
        let mut waits = semaphore.acquire();
        assert!(poll_once(&mut waits).is_pending());
        let holder = thread::spawn(move || drop(permit));
        let closer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.close())
        };
        let answer = block_on(&mut waits);
        case(usize::from(answer.is_ok()));
        drop((answer, waits));
        holder.join().unwrap();
        closer.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// One clone cancels, the other is dropped, and the parent goes: the token leaves the tree once.
#[test]
fn a_cancel_against_the_drop_of_the_last_clones() {
    loom::model(|| {
        let parent = CancellationToken::new();
        let token = parent.child();
        let canceller = {
            let token = token.clone();
            thread::spawn(move || token.cancel())
        };
        let dropper = thread::spawn(move || drop(token));
        drop(parent);
        assert!(canceller.join().unwrap());
        dropper.join().unwrap();
    });
}
