//! One holder at a time, first come, first served.

use crate::{On, still_waits, waiting, yield_now};
use std::sync::Arc;
use weftwork_sync::{Locked, Mutex, OwnedMutexGuard};

/// The task that gives the lock back and wants it again waits behind who waited before.
pub async fn release_then_acquire_goes_behind_the_waiter(on: On) {
    let mutex = Arc::new(Mutex::new(Vec::new()));
    let mut guard = mutex.lock().await;
    guard.push("first");
    let waiter = waiting(mutex.lock_owned()).await;
    drop(guard);
    assert_eq!(mutex.try_lock().unwrap_err(), Locked);
    let again = waiting(mutex.lock()).await;
    let waiter = on.spawn(async { waiter.await.push("waiter") });
    again.await.push("again");
    waiter.await.unwrap();
    assert_eq!(*mutex.lock().await, ["first", "waiter", "again"]);
}

/// The lock is promised to a waiter that is cancelled at that moment: the next one has it, whether the first
/// one had been faster or not.
pub async fn a_head_waiter_cancelled_while_the_lock_is_released_hands_it_on(on: On) {
    for _ in 0..50 {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock().await;
        let first = waiting(mutex.lock_owned()).await;
        let second = waiting(mutex.lock_owned()).await;
        let first = on.spawn(async { drop(first.await) });
        let second = on.spawn(async { drop(second.await) });
        drop(guard);
        first.cancel().await;
        second.await.unwrap();
        assert!(!mutex.is_locked());
    }
}

/// The same with nothing left to chance: the first one never runs again.
pub async fn a_promised_lock_that_is_dropped_goes_to_the_next_one(on: On) {
    let mutex = Arc::new(Mutex::new(()));
    let guard = mutex.lock().await;
    let first = waiting(mutex.lock_owned()).await;
    let gone = waiting(mutex.lock_owned()).await;
    let mut third = waiting(mutex.lock_owned()).await;
    drop(gone);
    drop(guard);
    still_waits(&mut third).await;
    let third = on.spawn(async { drop(third.await) });
    drop(first);
    third.await.unwrap();
}

pub async fn many_tasks_count_to_the_sum(on: On) {
    let mutex = Arc::new(Mutex::new(0));
    let jobs: Vec<_> = (0..20)
        .map(|_| {
            let mutex = Arc::clone(&mutex);
            on.spawn(async move {
                for _ in 0..50 {
                    let mut guard = mutex.lock().await;
                    let before = *guard;
                    yield_now().await;
                    *guard = before + 1;
                }
            })
        })
        .collect();
    for job in jobs {
        job.await.unwrap();
    }
    assert_eq!(*mutex.lock().await, 1000);
}

/// A guard that owns its share may go to another task, and be dropped there.
pub async fn an_owned_guard_travels(on: On) {
    let mutex = Arc::new(Mutex::new(1));
    let guard = Arc::clone(&mutex).lock_owned().await;
    let next = waiting(mutex.lock()).await;
    let job = on.spawn(async move {
        let mut part = OwnedMutexGuard::map(guard, |it| it, |it| it);
        *part += 1;
    });
    assert_eq!(*next.await, 2);
    job.await.unwrap();
}
