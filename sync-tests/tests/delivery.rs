//! Where weftwork delivers a cancel to somebody who has just been given what it waited for: the
//! cancel wins, as in asyncio, and what was given goes to the next one.
//!
//! On one local thread, where tasks run in the order in which they were woken: the gift and the
//! cancel both come before the task runs again.

use std::rc::Rc;
use weftwork::local::{run_local, spawn};
use weftwork::{Task, TaskError, catch, yield_now};
use weftwork_sync::{Barrier, Condvar, Event, Mutex, Notify, OnceCell, RwLock, Semaphore};

/// A task that waits inside of a `catch`, and has begun to. It tells whether it was cancelled.
async fn catching(waits: impl Future + 'static) -> Task<bool> {
    let task = spawn(async { matches!(catch(waits).await, Err(TaskError::Cancelled(_))) });
    yield_now().await;
    assert!(!task.done());
    task
}

#[test]
fn a_lock_that_is_cancelled_goes_to_the_next_one() {
    run_local(async {
        let mutex = Rc::new(Mutex::new(()));
        let guard = mutex.lock().await;
        let lock = |mutex: &Rc<_>| {
            let mutex: Rc<Mutex<()>> = Rc::clone(mutex);
            async move { drop(mutex.lock().await) }
        };
        let (first, second) = (catching(lock(&mutex)).await, catching(lock(&mutex)).await);
        drop(guard);
        first.cancel();
        assert!(first.await);
        assert!(!second.await);
        assert!(!mutex.is_locked());
    });
}

#[test]
fn permits_and_turns_to_write_go_to_the_next_one() {
    run_local(async {
        let semaphore = Rc::new(Semaphore::new(0));
        let acquire = || {
            let semaphore = Rc::clone(&semaphore);
            async move { semaphore.acquire().await.unwrap().forget() }
        };
        let (first, second) = (catching(acquire()).await, catching(acquire()).await);
        semaphore.add_permits(1);
        first.cancel();
        assert!(first.await);
        assert!(!second.await);

        let lock = Rc::new(RwLock::new(0));
        let read = lock.read().await;
        let write = || {
            let lock = Rc::clone(&lock);
            async move { *lock.write().await += 1 }
        };
        let (first, second) = (catching(write()).await, catching(write()).await);
        drop(read);
        first.cancel();
        assert!(first.await);
        assert!(!second.await);
        assert_eq!(*lock.read().await, 1);
    });
}

#[test]
fn notifications_go_to_the_next_one() {
    run_local(async {
        let notify = Rc::new(Notify::new());
        let notified = || {
            let notify = Rc::clone(&notify);
            async move { notify.notified().await }
        };
        let (first, second) = (catching(notified()).await, catching(notified()).await);
        notify.notify_one();
        first.cancel();
        assert!(first.await);
        assert!(!second.await);

        let pair = Rc::new((Mutex::new(0), Condvar::new()));
        let wait = || {
            let pair = Rc::clone(&pair);
            async move { *pair.1.wait(pair.0.lock().await).await += 1 }
        };
        let (first, second) = (catching(wait()).await, catching(wait()).await);
        pair.1.notify(1);
        first.cancel();
        assert!(first.await);
        assert!(!second.await);
        assert_eq!(*pair.0.lock().await, 1);
    });
}

/// Nothing is handed on: the others have it as well.
#[test]
fn what_all_get_is_lost_for_the_cancelled_one_alone() {
    run_local(async {
        let event = Rc::new(Event::new());
        let waits = || {
            let event = Rc::clone(&event);
            async move { event.wait().await }
        };
        let (first, second) = (catching(waits()).await, catching(waits()).await);
        event.set();
        first.cancel();
        assert!(first.await);
        assert!(!second.await);

        let barrier = Rc::new(Barrier::new(3));
        let waits = || {
            let barrier = Rc::clone(&barrier);
            async move { barrier.wait().await.unwrap() }
        };
        let (first, second) = (catching(waits()).await, catching(waits()).await);
        let third = spawn(waits());
        yield_now().await;
        first.cancel();
        assert!(first.await);
        assert!(!second.await);
        assert_eq!(
            (third.await, barrier.n_waiting(), barrier.is_broken()),
            (2, 0, false)
        );
    });
}

#[test]
fn an_initialiser_that_is_cancelled_lets_the_next_one_run() {
    run_local(async {
        let (cell, go) = (Rc::new(OnceCell::new()), Rc::new(Event::new()));
        let init = |value: u32| {
            let (cell, go) = (Rc::clone(&cell), Rc::clone(&go));
            async move {
                let made = cell.get_or_init(|| async {
                    go.wait().await;
                    value
                });
                assert_eq!(*made.await, 2);
            }
        };
        let (first, second) = (catching(init(1)).await, catching(init(2)).await);
        go.set();
        first.cancel();
        assert!(first.await);
        assert!(!second.await);
        assert_eq!(cell.get(), Some(&2));
    });
}
