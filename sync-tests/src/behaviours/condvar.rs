//! Notifications, and the lock that is held after them.

use crate::{Job, On, still_waits, waiting};
use std::pin::Pin;
use std::sync::Arc;
use weftwork_sync::{Condvar, Mutex, OwnedMutexGuard};

type Pair = Arc<(Arc<Mutex<usize>>, Condvar)>;

fn pair() -> Pair {
    Arc::new((Arc::new(Mutex::new(0)), Condvar::new()))
}

type Waits = Pin<Box<dyn Future<Output = OwnedMutexGuard<usize>> + Send>>;

/// A future that has given the lock back and waits for a notification.
async fn waiter(pair: &Pair) -> Waits {
    let guard = pair.0.lock_owned().await;
    let pair = Arc::clone(pair);
    waiting(async move { pair.1.wait(guard).await }).await
}

/// Counts one up under the lock that the wait gave.
fn counts(on: &On, waiter: Waits) -> Job<()> {
    on.spawn(async move { *waiter.await += 1 })
}

pub async fn a_notified_waiter_has_the_lock(on: On) {
    let pair = pair();
    let waiter = waiter(&pair).await;
    let guard = pair.0.lock().await;
    pair.1.notify(1);
    let mut job = Box::pin(on.spawn(async move {
        let guard = waiter.await;
        assert!(OwnedMutexGuard::mutex(&guard).is_locked());
        *guard
    }));
    still_waits(&mut job).await;
    drop(guard);
    assert_eq!(job.await, Some(0));
    assert!(!pair.0.is_locked());
}

/// It was notified and goes before it has the lock: the notification is the next one's.
pub async fn a_notified_waiter_that_is_cancelled_passes_it_on(on: On) {
    let pair = pair();
    // In the line of the condition variable, and in that of the mutex.
    for reaches_the_lock in [false, true] {
        let mut first = waiter(&pair).await;
        let second = counts(&on, waiter(&pair).await);
        let guard = pair.0.lock().await;
        pair.1.notify(1);
        if reaches_the_lock {
            still_waits(&mut first).await;
        }
        drop(first);
        drop(guard);
        second.await.unwrap();
    }
    assert_eq!(*pair.0.lock().await, 2);
}

/// As above, but the cancel races with the waiter's own run: one of the two gets it.
pub async fn one_notification_and_a_cancel_wake_somebody(on: On) {
    for _ in 0..50 {
        let pair = pair();
        let first = counts(&on, waiter(&pair).await);
        let mut second = Box::pin(counts(&on, waiter(&pair).await));
        pair.1.notify(1);
        let was_first = first.cancel().await.is_some();
        if was_first {
            still_waits(&mut second).await;
            pair.1.notify(1);
        }
        second.await.unwrap();
        assert_eq!(*pair.0.lock().await, 1 + usize::from(was_first));
    }
}

pub async fn notify_n_wakes_n_in_order(on: On) {
    let pair = pair();
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(Box::pin(counts(&on, waiter(&pair).await)));
    }
    for (n, woken) in [(0, 0), (2, 2), (1, 3)] {
        pair.1.notify(n);
        for job in &mut jobs[woken - n..woken] {
            job.await.unwrap();
        }
        for job in &mut jobs[woken..] {
            still_waits(job).await;
        }
        assert_eq!(*pair.0.lock().await, woken);
    }
    pair.1.notify_all();
    for job in &mut jobs[3..] {
        job.await.unwrap();
    }
    assert_eq!(*pair.0.lock().await, 5);
}

pub async fn wait_for_looks_before_and_after_each_wait(on: On) {
    let pair = pair();
    let waits = {
        let pair = Arc::clone(&pair);
        on.spawn(async move {
            let guard = pair.0.lock().await;
            *pair.1.wait_for(guard, |it| *it >= 3).await
        })
    };
    let mut value = 0;
    while value < 3 {
        let mut guard = pair.0.lock().await;
        *guard += 1;
        value = *guard;
        pair.1.notify_all();
    }
    assert_eq!(waits.await, Some(3));
    let guard = pair.0.lock().await;
    assert_eq!(*pair.1.wait_for(guard, |it| *it == 3).await, 3);
}
