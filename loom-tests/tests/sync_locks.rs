//! The locks and signals of `weftwork_sync`: each has one lock, so what is judged is the protocol
//! around it: who has been granted something and goes, and which waker is called.

#![cfg(weftwork_loom)]

use loom::future::block_on;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_loom_tests::{Drops, Flag};
use weftwork_sync::{
    Barrier, BrokenBarrier, Condvar, Event, Mutex, Notify, OnceCell, OwnedRwLockWriteGuard, RwLock,
    Semaphore,
};

/// One poll whose wake-ups do not matter.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Whoever waits when it is closed hears of it; whoever has a permit keeps it.
#[test]
fn a_close_ends_the_wait_for_a_permit() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire_owned().expect("it is free");
        let closer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.close())
        };
        assert!(block_on(semaphore.acquire()).is_err());
        drop(permit);
        closer.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// A permit that comes back, a close, and a waiter that goes: it is not lost.
#[test]
fn a_permit_survives_a_close_and_a_waiter_that_goes() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire_owned().expect("it is free");
        let holder = thread::spawn(move || drop(permit));
        let closer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.close())
        };
        {
            let mut goes = semaphore.acquire();
            let _ = poll_once(&mut goes);
        }
        holder.join().unwrap();
        closer.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// The lock orders what its holders do, though the value is no atomic.
#[test]
fn a_mutex_is_handed_over() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::new(0));
        let flag = Flag::default();
        let other = {
            let (mutex, flag) = (Arc::clone(&mutex), flag.clone());
            thread::spawn(move || {
                let mut guard = block_on(mutex.lock());
                *guard += 1;
                flag.set();
            })
        };
        {
            let mut guard = block_on(mutex.lock());
            assert_eq!(flag.is_set(), *guard == 1);
            *guard += 1;
        }
        other.join().unwrap();
        assert_eq!(*block_on(mutex.lock()), 2);
    });
}

/// Somebody who may have been promised the lock goes: the next one gets it.
#[test]
fn a_mutex_passes_a_waiter_that_goes() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.try_lock_owned().expect("it is free");
        let holder = thread::spawn(move || drop(guard));
        let next = {
            let mut first = mutex.lock();
            let _ = poll_once(&mut first);
            let mutex = Arc::clone(&mutex);
            // It queues behind the first one or comes after it.
            let next = thread::spawn(move || drop(block_on(mutex.lock())));
            next
        };
        holder.join().unwrap();
        next.join().unwrap();
        assert!(!mutex.is_locked());
    });
}

/// Whoever sees the event sees what was before it; and a clear takes it from nobody who waited.
#[test]
fn an_event_that_is_set_and_cleared_wakes_who_waited() {
    loom::model(|| {
        let (event, flag) = (Arc::new(Event::new()), Flag::default());
        let mut waits = event.wait();
        assert!(poll_once(&mut waits).is_pending());
        let setter = {
            let (event, flag) = (Arc::clone(&event), flag.clone());
            thread::spawn(move || {
                flag.set();
                event.set();
                event.clear();
            })
        };
        block_on(&mut waits);
        assert!(flag.is_set());
        setter.join().unwrap();
        assert!(!event.is_set());
    });
}

/// A waiter that goes, one that stays, and a set: the one that stays is woken.
#[test]
fn an_event_wakes_who_stays() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let waiter = {
            let event = Arc::clone(&event);
            thread::spawn(move || block_on(event.wait()))
        };
        let setter = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.set())
        };
        {
            let mut goes = event.wait();
            let _ = poll_once(&mut goes);
        }
        waiter.join().unwrap();
        setter.join().unwrap();
    });
}

/// One notification, and the waiter that may have got it goes: the other one gets it.
#[test]
fn a_notification_passes_a_waiter_that_goes() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let (first, second) = (notify.notified_owned(), notify.notified_owned());
        let notifier = {
            let notify = Arc::clone(&notify);
            thread::spawn(move || notify.notify_one())
        };
        let goes = thread::spawn(move || drop(first));
        block_on(second);
        notifier.join().unwrap();
        goes.join().unwrap();
    });
}

/// The waiter takes the notification that is kept, or is woken by it.
#[test]
fn a_notification_is_kept_or_wakes() {
    loom::model(|| {
        let (notify, flag) = (Arc::new(Notify::new()), Flag::default());
        let notifier = {
            let (notify, flag) = (Arc::clone(&notify), flag.clone());
            thread::spawn(move || {
                flag.set();
                notify.notify_one();
            })
        };
        block_on(notify.notified());
        assert!(flag.is_set());
        notifier.join().unwrap();
    });
}

/// The change happens under the lock, so the waiter sees it or is notified.
#[test]
fn a_condition_variable_loses_no_notification() {
    loom::model(|| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let other = Arc::clone(&pair);
        let changer = thread::spawn(move || {
            *block_on(other.0.lock()) += 1;
            other.1.notify(1);
        });
        let waits = async {
            let guard = pair.0.lock().await;
            *pair.1.wait_for(guard, |it| *it > 0).await
        };
        assert_eq!(block_on(waits), 1);
        changer.join().unwrap();
    });
}

/// A waiter that was notified, or is about to be, goes: the other one has the lock in the end.
#[test]
fn a_condition_variable_passes_a_waiter_that_goes() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::new(()));
        let condvar = Arc::new(Condvar::new());
        let mut first = condvar.wait(mutex.try_lock_owned().expect("it is free"));
        assert!(poll_once(&mut first).is_pending());
        let mut second = condvar.wait(mutex.try_lock_owned().expect("it is free"));
        assert!(poll_once(&mut second).is_pending());
        let notifier = {
            let condvar = Arc::clone(&condvar);
            thread::spawn(move || condvar.notify(1))
        };
        // It may be notified by now, and then it has the lock; or it is notified before it goes.
        let first_has_it = poll_once(&mut first).is_ready();
        drop(first);
        notifier.join().unwrap();
        if first_has_it {
            assert!(poll_once(&mut second).is_pending());
        } else {
            drop(block_on(second));
        }
        assert!(!mutex.is_locked());
    });
}

/// Either the last one comes first and both pass, or the abort does and both are refused.
#[test]
fn a_barrier_that_is_aborted_refuses_or_has_let_pass() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let other = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || block_on(barrier.wait()))
        };
        let aborts = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || barrier.abort())
        };
        let (mine, others) = (block_on(barrier.wait()), other.join().unwrap());
        aborts.join().unwrap();
        // Whoever was the last has passed; the other one may be refused before it has gone.
        let passed = [mine, others].iter().filter(|it| it.is_ok()).count();
        if passed == 2 {
            assert_eq!(mine.unwrap() + others.unwrap(), 1);
        } else if passed == 1 {
            assert!([mine, others].contains(&Ok(1)));
        }
        assert!(barrier.is_broken());
        assert_eq!(block_on(barrier.wait()), Err(BrokenBarrier));
    });
}

/// Somebody who has come goes, before or after the last one comes: whoever stays passes, with it or
/// with the one who comes in its place.
#[test]
fn a_barrier_does_without_who_goes() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let mut goes = barrier.wait();
        assert!(poll_once(&mut goes).is_pending());
        let stays = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || block_on(barrier.wait()))
        };
        drop(goes);
        let mut comes = barrier.wait();
        let last = poll_once(&mut comes);
        let passed = stays.join().unwrap();
        assert_eq!(last == Poll::Ready(Ok(1)), passed == Ok(0));
        assert!(passed.is_ok() && !barrier.is_broken());
    });
}

/// Nobody writes between the change and the reading of it, and the writer has its turn.
#[test]
fn a_downgrade_lets_no_writer_in_between() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let mut writes = lock.try_write_owned().expect("it is free");
        let writer = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *block_on(lock.write()) += 1)
        };
        *writes += 1;
        let reads = OwnedRwLockWriteGuard::downgrade(writes);
        assert_eq!(*reads, 1);
        drop(reads);
        writer.join().unwrap();
        assert_eq!(*block_on(lock.read()), 2);
    });
}

/// A writer that waits and goes lets the reader behind it in.
#[test]
fn a_writer_that_goes_lets_the_readers_behind_it_in() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(()));
        let reads = lock.try_read_owned().expect("it is free");
        let reader = {
            let mut writer = lock.write();
            let _ = poll_once(&mut writer);
            let lock = Arc::clone(&lock);
            // It queues behind the writer or comes after it.
            let reader = thread::spawn(move || drop(block_on(lock.read())));
            reader
        };
        reader.join().unwrap();
        drop(reads);
        assert!(lock.try_write().is_ok());
    });
}

/// Two who need it: it is made once, and both see it. (The flag tells loom that it matters who
/// comes first: it does not see the accesses to the value.)
#[test]
fn a_cell_is_made_once() {
    loom::model(|| {
        let (cell, drops) = (Arc::new(OnceCell::new()), Drops::default());
        let flag = Flag::default();
        let make = |cell: &OnceCell<_>, drops: &Drops, flag: &Flag| {
            let _ = flag.is_set();
            let made = block_on(cell.get_or_init(|| async {
                flag.set();
                drops.counted()
            }));
            std::ptr::from_ref(made) as usize
        };
        let other = {
            let (cell, drops, flag) = (Arc::clone(&cell), drops.clone(), flag.clone());
            thread::spawn(move || make(&cell, &drops, &flag))
        };
        let mine = make(&cell, &drops, &flag);
        assert_eq!(other.join().unwrap(), mine);
        assert_eq!(drops.count(), 0);
        drop(cell);
        assert_eq!(drops.count(), 1);
    });
}
