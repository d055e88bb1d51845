//! The semaphore, case by case.

mod common;

use common::{Panics, Watched, poll, poll_once};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;
use weftwork_sync::semaphore::{Acquire, AcquireOwned};
use weftwork_sync::{BlockingError, Closed, Semaphore, SemaphorePermit, TryAcquireError};
use weftwork_task_context::{ThreadKind, set_thread_kind};

fn granted<T>(answer: Poll<Result<T, Closed>>) -> T {
    match answer {
        Poll::Ready(Ok(permit)) => permit,
        Poll::Ready(Err(closed)) => panic!("{closed}"),
        Poll::Pending => panic!("pending"),
    }
}

#[test]
fn a_newcomer_does_not_pass_a_waiter() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let mut first = Watched::new(semaphore.acquire());
    let mut second = Watched::new(semaphore.acquire());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    drop(held);
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    // The permit is the first waiter's, though it has not run yet.
    assert_eq!(semaphore.available_permits(), 0);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    assert!(poll_once(&mut semaphore.acquire()).is_pending());
    drop(granted(first.poll()));
    assert_eq!(second.wakes(), 1);
    drop(granted(second.poll()));
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn a_small_wish_waits_behind_a_large_one() {
    let semaphore = Semaphore::new(2);
    let one = semaphore.try_acquire().unwrap();
    let mut large = Watched::new(semaphore.acquire_many(3));
    let mut small = Watched::new(semaphore.acquire());
    assert!(large.poll().is_pending());
    assert!(small.poll().is_pending());
    assert_eq!(semaphore.available_permits(), 1);
    assert!(semaphore.try_acquire().is_err());
    // Nothing can be promised to the large one yet.
    drop(one);
    assert_eq!((large.wakes(), small.wakes()), (0, 0));
    // When it gives up, the small one behind it may have its permit at once.
    drop(large);
    assert_eq!(small.wakes(), 1);
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(granted(small.poll()).num_permits(), 1);
}

#[test]
fn a_waiter_that_goes_away_hands_its_permit_on() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let mut first = Watched::new(semaphore.acquire());
    let mut second = Watched::new(semaphore.acquire());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    drop(held);
    drop(first);
    assert_eq!(second.wakes(), 1);
    granted(second.poll()).forget();
    assert_eq!(semaphore.available_permits(), 0);
}

#[test]
fn the_latest_waker_counts() {
    let semaphore = Semaphore::new(0);
    let mut waiting = semaphore.acquire();
    assert!(poll_once(&mut waiting).is_pending());
    let mut moved = Watched::new(waiting);
    assert!(moved.poll().is_pending());
    assert!(moved.poll().is_pending());
    semaphore.add_permits(1);
    assert_eq!(moved.wakes(), 1);
}

#[test]
fn closing_ends_waiting_but_keeps_promises() {
    let semaphore = Arc::new(Semaphore::new(0));
    let mut promised = Watched::new(semaphore.acquire_owned());
    let mut waiting = Watched::new(semaphore.acquire_owned());
    assert!(promised.poll().is_pending());
    assert!(waiting.poll().is_pending());
    semaphore.add_permits(1);
    semaphore.close();
    assert!(semaphore.is_closed());
    assert_eq!((promised.wakes(), waiting.wakes()), (1, 1));
    assert_eq!(granted(promised.poll()).num_permits(), 1);
    assert!(matches!(waiting.poll(), Poll::Ready(Err(Closed))));
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
    assert!(matches!(
        poll_once(&mut semaphore.acquire()),
        Poll::Ready(Err(Closed))
    ));
}

#[test]
fn a_delivered_cancel_wins_over_a_promised_permit() {
    let semaphore = Semaphore::new(1);
    let mut fresh = Watched::new(semaphore.acquire());
    assert!(fresh.poll_delivering().is_pending());
    assert_eq!(semaphore.available_permits(), 1, "it must take nothing");
    let held = granted(fresh.poll());
    let mut first = Watched::new(semaphore.acquire());
    let mut second = Watched::new(semaphore.acquire());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    drop(held);
    assert!(first.poll_delivering().is_pending());
    assert_eq!((first.wakes(), second.wakes()), (1, 0), "no wake of itself");
    // A task that swallows the cancel finds its permit; one that is dropped hands it on.
    drop(granted(first.poll()));
    assert!(second.poll_delivering().is_pending());
    drop(second);
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn permits_never_overflow() {
    let most = Semaphore::MAX_PERMITS;
    let semaphore = Semaphore::new(most);
    let all = granted(poll_once(&mut semaphore.acquire_many(most)));
    // All are taken, and still there is no room for another.
    let message = catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(1))).unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("MAX_PERMITS"), "{message}");
    all.forget();
    semaphore.add_permits(most);
    assert_eq!(semaphore.available_permits(), most);
    // What is taken out makes room as well.
    assert_eq!(semaphore.forget_permits(usize::MAX), most);
    semaphore.add_permits(most);
    assert!(catch_unwind(|| Semaphore::new(usize::MAX)).is_err());
}

#[test]
fn zero_permits_are_there_at_once() {
    let semaphore = Semaphore::new(0);
    assert!(poll_once(&mut semaphore.acquire()).is_pending());
    assert_eq!(
        granted(poll_once(&mut semaphore.acquire_many(0))).num_permits(),
        0
    );
}

#[test]
fn a_panicking_waker_costs_nobody_his_permit() {
    let semaphore = Semaphore::new(0);
    let panics = Waker::from(Arc::new(Panics));
    let mut bad = semaphore.acquire();
    let mut worse = semaphore.acquire();
    let mut good = Watched::new(semaphore.acquire());
    assert!(poll(&mut bad, &panics).is_pending());
    assert!(poll(&mut worse, &panics).is_pending());
    assert!(good.poll().is_pending());
    let panicked = catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(3))).unwrap_err();
    assert_eq!(panicked.downcast_ref(), Some(&"from a waker"));
    assert_eq!(good.wakes(), 1);
    drop(granted(poll_once(&mut bad)));
    drop(worse);
    drop(granted(good.poll()));
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn blocking_waits_on_a_thread_and_is_refused_on_a_worker() {
    let semaphore = Arc::new(Semaphore::new(0));
    let waiting = std::thread::spawn({
        let semaphore = Arc::clone(&semaphore);
        move || semaphore.blocking_acquire().map(SemaphorePermit::forget)
    });
    std::thread::sleep(Duration::from_millis(20));
    assert!(!waiting.is_finished());
    semaphore.add_permits(2);
    waiting.join().unwrap().unwrap();
    for kind in [ThreadKind::Worker, ThreadKind::Lane] {
        let before = set_thread_kind(kind);
        // Refused also where it would not have to wait, so that the mistake shows early.
        let refused = semaphore.blocking_acquire().unwrap_err();
        set_thread_kind(before);
        assert!(matches!(refused, BlockingError::Refused(_)));
        assert!(refused.to_string().contains("spawn_blocking"), "{refused}");
    }
    semaphore.close();
    let closed = semaphore.blocking_acquire().unwrap_err();
    assert_eq!(closed, BlockingError::Failed(Closed));
}

#[test]
fn many_waiters_leave_in_any_order() {
    let semaphore = Semaphore::new(0);
    let mut waiters: Vec<_> = (0..1000)
        .map(|_| Watched::new(semaphore.acquire()))
        .collect();
    for waiter in &mut waiters {
        assert!(waiter.poll().is_pending());
    }
    // Two of three go, from the middle of the line; the others keep their order.
    let mut number = 0;
    waiters.retain(|_| {
        number += 1;
        number % 3 == 0
    });
    for turn in 0..waiters.len() {
        semaphore.add_permits(1);
        let woken = waiters.iter().filter(|waiter| waiter.wakes() > 0).count();
        assert_eq!(woken, turn + 1);
        assert_eq!(waiters[turn].wakes(), 1);
    }
}

#[test]
fn a_second_poll_after_the_answer_panics_and_harms_nothing() {
    let semaphore = Semaphore::new(1);
    let mut acquire = semaphore.acquire();
    drop(granted(poll_once(&mut acquire)));
    let panicked = catch_unwind(AssertUnwindSafe(|| poll_once(&mut acquire).is_ready()));
    assert!(panicked.is_err());
    drop(acquire);
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn thread_safety_is_as_promised() {
    fn shared<T: Send + Sync + Unpin>() {}
    shared::<Semaphore>();
    shared::<SemaphorePermit<'static>>();
    shared::<Acquire<'static>>();
    shared::<AcquireOwned>();
}
