//! The capacity limiter, case by case: plain threads, destructors, bounds.

mod common;

use common::{Dice, asks, poll, poll_once};
use std::sync::Arc;
use weftwork_sync::limiter::{Borrow, CapacityLimiter, NoTokens, Statistics, Token};
use weftwork_sync::{Semaphore, Who};
use weftwork_task_context::{ThreadKind, set_thread_kind};

#[test]
fn blocking_waits_on_a_thread_and_is_refused_on_a_worker() {
    let limiter = Arc::new(CapacityLimiter::new(1));
    let token = limiter.try_acquire().unwrap();
    let waiting = std::thread::spawn({
        let limiter = Arc::clone(&limiter);
        move || limiter.blocking_acquire().map(|token| token.borrower())
    });
    while limiter.waiters().is_empty() {
        std::thread::yield_now();
    }
    drop(token);
    assert_eq!(waiting.join().unwrap(), Ok(Who::Unknown));
    for kind in [ThreadKind::Worker, ThreadKind::Lane] {
        let before = set_thread_kind(kind);
        let refused = limiter.blocking_acquire().map(drop);
        set_thread_kind(before);
        assert!(refused.unwrap_err().to_string().contains("spawn_blocking"));
    }
    assert_eq!(limiter.available_tokens(), 1);
}

#[test]
fn without_a_token_it_says_what_to_do() {
    let limiter = CapacityLimiter::new(0);
    let none = limiter.try_acquire().unwrap_err();
    assert_eq!(none, NoTokens);
    assert!(none.to_string().contains("await `acquire()`"));
}

#[test]
#[should_panic(expected = "MAX_PERMITS")]
fn there_are_not_more_tokens_than_a_semaphore_has_permits() {
    let _ = CapacityLimiter::new(Semaphore::MAX_PERMITS + 1);
}

/// A waker that asks the limiter is called and dropped while no lock is held.
#[test]
fn wakers_may_ask_the_limiter_that_wakes_them() {
    let limiter = Arc::new(CapacityLimiter::new(1));
    let token = limiter.try_acquire().unwrap();
    let mut next = limiter.acquire();
    assert!(poll(&mut next, &asks(&limiter, |it| _ = it.statistics())).is_pending());
    drop(token);
    assert!(poll_once(&mut next).is_ready());
}

/// Threads borrow, wait, give up and are asked about, all at once: no token is lost, none is had by
/// two, and the account is empty in the end.
#[test]
fn the_account_is_right_while_threads_come_and_go() {
    let limiter = Arc::new(CapacityLimiter::new(3));
    let threads: Vec<_> = (0..4)
        .map(|seed| {
            let limiter = Arc::clone(&limiter);
            std::thread::spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..1000 {
                    let mut borrow = limiter.acquire_owned();
                    if poll_once(&mut borrow).is_pending() && dice.roll(2) == 0 {
                        drop(borrow);
                        drop(limiter.blocking_acquire());
                    }
                    assert!(limiter.borrowed_tokens() <= limiter.total_tokens());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let seen = Statistics {
        total_tokens: 3,
        borrowers: vec![],
        waiters: vec![],
    };
    assert_eq!(
        (limiter.statistics(), limiter.available_tokens()),
        (seen, 3)
    );
}

#[test]
fn thread_safety_is_as_promised() {
    fn shared<T: Send + Sync + Unpin>() {}
    shared::<CapacityLimiter>();
    shared::<Token<&'static CapacityLimiter>>();
    shared::<Token<Arc<CapacityLimiter>>>();
    shared::<Borrow<&'static CapacityLimiter>>();
    shared::<Borrow<Arc<CapacityLimiter>>>();
    shared::<Who>();
}
