//! Locks and signals: no permit and no wake-up is lost. `items` has queues and channels.

use crate::common::{Counter, settle, until};
use crate::knife::{Knife, swept};
use std::future::Future;
use std::sync::Arc;
use weftwork::sync::{
    Barrier, CancellationToken, CapacityLimiter, Condvar, Event, Mutex, Notify, OnceCell, RwLock,
    Semaphore,
};
use weftwork::{spawn, yield_now};

/// A rival wants the same three times, before and after; at the end nobody has it.
async fn with_a_rival<F>(knife: &Knife<'_>, turn: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (mine, other) = ([turn(), turn()], [turn(), turn(), turn()]);
    let rival = spawn(async {
        for turn in other {
            turn.await;
        }
    });
    let _ = knife
        .run(async {
            for turn in mine {
                turn.await;
            }
        })
        .await;
    rival.await;
}

#[test]
fn permits() {
    swept("semaphore::Acquire", async |knife| {
        let semaphore = Arc::new(Semaphore::new(2));
        with_a_rival(knife, || {
            let semaphore = Arc::clone(&semaphore);
            async move {
                let _permits = semaphore.acquire_many(2).await.unwrap();
                yield_now().await;
            }
        })
        .await;
        assert_eq!(semaphore.available_permits(), 2);
    });
    swept("semaphore::AcquireOwned", async |knife| {
        let semaphore = Arc::new(Semaphore::new(1));
        with_a_rival(knife, || {
            let permit = semaphore.acquire_owned();
            async move {
                let _permit = permit.await.unwrap();
                yield_now().await;
            }
        })
        .await;
        assert_eq!(semaphore.available_permits(), 1);
    });
    swept("limiter::Borrow", async |knife| {
        let limiter = Arc::new(CapacityLimiter::new(1));
        with_a_rival(knife, || {
            let token = limiter.acquire_owned();
            async move {
                let _token = token.await;
                yield_now().await;
            }
        })
        .await;
        assert_eq!(limiter.available_tokens(), 1);
        assert_eq!(limiter.borrowers(), []);
    });
}

#[test]
fn locks() {
    swept("mutex::Lock", async |knife| {
        let mutex = Arc::new(Mutex::new(0));
        with_a_rival(knife, || {
            let mutex = Arc::clone(&mutex);
            async move {
                let mut number = mutex.lock().await;
                yield_now().await;
                *number += 1;
            }
        })
        .await;
        assert!((3..=5).contains(&*mutex.try_lock().unwrap()));
    });
    swept("rwlock::Read, rwlock::Write", async |knife| {
        let lock = Arc::new(RwLock::new(0));
        with_a_rival(knife, || {
            let lock = Arc::clone(&lock);
            async move {
                let read = lock.read().await;
                yield_now().await;
                drop(read);
                *lock.write().await += 1;
                yield_now().await;
            }
        })
        .await;
        assert!((3..=5).contains(&*lock.try_write().unwrap()));
    });
}

#[test]
fn an_event() {
    swept("event::Wait", async |knife| {
        let event = Arc::new(Event::new());
        let (inner, setter) = (Arc::clone(&event), Arc::clone(&event));
        let setter = spawn(async move {
            settle().await;
            setter.set();
        });
        let _ = knife.run(async move { inner.wait().await }).await;
        setter.await;
        event.wait().await;
        assert!(event.waiters().is_empty());
    });
}

/// The one notification is for whoever waits; one that is cut leaves it to the next.
#[test]
fn notifications() {
    swept("notify::Notified", async |knife| {
        let notify = Arc::new(Notify::new());
        let (inner, sender) = (Arc::clone(&notify), Arc::clone(&notify));
        let sender = spawn(async move {
            settle().await;
            sender.notify_one();
        });
        let end = knife.run(async move { inner.notified().await }).await;
        if end.is_err() {
            notify.notified_owned().await;
        }
        sender.await;
        assert!(notify.waiters().is_empty());
    });
}

#[test]
fn conditions() {
    swept("condvar::Waiting, Condvar::wait_for", async |knife| {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let wait = |shared: Arc<(Mutex<u32>, Condvar)>| async move {
            let (mutex, condvar) = &*shared;
            let mut guard = mutex.lock().await;
            if *guard < 3 {
                guard = condvar.wait(guard).await;
            }
            let guard = condvar.wait_for(guard, |number| *number >= 3).await;
            assert!(*guard >= 3);
        };
        let (other, inner) = (spawn(wait(Arc::clone(&shared))), Arc::clone(&shared));
        let sender = spawn(async move {
            let (mutex, condvar) = &*inner;
            while *mutex.lock().await < 5 {
                settle().await;
                *mutex.lock().await += 1;
                condvar.notify(1);
                condvar.notify(1);
            }
            // For the one that came last.
            while !condvar.waiters().is_empty() {
                condvar.notify_all();
                yield_now().await;
            }
        });
        let _ = knife.run(wait(Arc::clone(&shared))).await;
        other.await;
        sender.await;
        assert!(shared.0.try_lock().is_ok(), "the lock is free");
    });
}

#[test]
fn a_barrier() {
    swept("barrier::Wait", async |knife| {
        let barrier = Arc::new(Barrier::new(2));
        let (inner, partner) = (Arc::clone(&barrier), Arc::clone(&barrier));
        let partner = spawn(async move {
            settle().await;
            partner.wait().await.unwrap()
        });
        let end = knife.run(async move { inner.wait().await.unwrap() }).await;
        let mine = match end {
            Ok(mine) => Some(mine),
            Err(_) => {
                until(|| partner.done() || barrier.n_waiting() == 1).await;
                match partner.done() {
                    // The last one had come, and the number of the one that was cut is gone.
                    true => None,
                    false => Some(barrier.wait().await.unwrap()),
                }
            }
        };
        let theirs = partner.await;
        assert!(mine.is_none_or(|mine| mine + theirs == 1), "0 and 1");
        assert!(!barrier.is_broken() && barrier.n_waiting() == 0);
    });
}

#[test]
fn tokens() {
    let program = "token::UntilCancelled, token::UntilCancelledOwned, \
                   CancellationToken::run_until_cancelled";
    swept(program, async |knife| {
        let token = CancellationToken::new();
        let (inner, child) = (token.clone(), token.child());
        let canceller = spawn(async move {
            settle().await;
            inner.cancel();
        });
        let waiting = token.clone();
        let _ = knife
            .run(async move {
                let body = waiting.run_until_cancelled(std::future::pending::<()>());
                assert_eq!(body.await, None);
                waiting.cancelled().await;
                child.cancelled_owned().await;
            })
            .await;
        let _ = knife.run(token.child().cancelled_owned()).await;
        canceller.await;
        assert!(token.is_cancelled() && token.waiters().is_empty());
    });
}

/// One that was cut leaves the cell to the next.
#[test]
fn a_cell_that_is_made_once() {
    swept(
        "OnceCell::get_or_init, OnceCell::get_or_try_init",
        async |knife| {
            let (cell, made) = (Arc::new(OnceCell::new()), Counter::default());
            let make = |number: u32| {
                let (cell, made) = (Arc::clone(&cell), made.clone());
                async move {
                    let init = || async {
                        yield_now().await;
                        made.add();
                        number
                    };
                    match number {
                        0 => *cell.get_or_init(init).await,
                        _ => *cell
                            .get_or_try_init(async || Ok::<_, ()>(init().await))
                            .await
                            .unwrap(),
                    }
                }
            };
            let other = spawn(make(0));
            let end = knife.run(make(1)).await;
            let first = other.await;
            assert!(end.is_err() || end.unwrap() == first);
            assert_eq!((made.get(), make(2).await), (1, first), "made once");
        },
    );
}
