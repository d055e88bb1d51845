//! Mutex and reader-writer lock, case by case: what the models do not reach.

mod common;

use common::{Panics, Watched, asks, poll, poll_once};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Waker};
use weftwork_sync::mutex::Lock;
use weftwork_sync::rwlock::{Read, Write};
use weftwork_sync::{
    Locked, Mapped, MappedRef, Mutex, MutexGuard, OwnedMutexGuard, OwnedRwLockReadGuard,
    OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use weftwork_task_context::{ThreadKind, set_thread_kind};

fn got<T>(answer: Poll<T>) -> T {
    match answer {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("pending"),
    }
}

#[test]
fn a_panic_gives_the_value_back_as_it_is() {
    let mutex = Mutex::new(1);
    let lock = RwLock::new(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        *mutex.try_lock().unwrap() += 1;
        *lock.try_write().unwrap() += 1;
        let (mut in_mutex, mut in_lock) = (mutex.try_lock().unwrap(), lock.try_write().unwrap());
        *in_mutex += 1;
        *in_lock += 1;
        panic!("with both");
    }));
    assert!(panicked.is_err());
    assert_eq!(
        (*mutex.try_lock().unwrap(), *lock.try_read().unwrap()),
        (3, 3)
    );
}

#[test]
fn who_has_the_whole_needs_no_guard() {
    let mut mutex = Mutex::from(String::from("a"));
    mutex.get_mut().push('b');
    assert_eq!(mutex.into_inner(), "ab");
    let mut lock = RwLock::from(String::from("a"));
    lock.get_mut().push('b');
    drop(lock.try_read().unwrap());
    lock.try_write().unwrap().push('c');
    assert_eq!(lock.into_inner(), "abc");
    assert_eq!(
        (
            Mutex::<u8>::default().into_inner(),
            RwLock::<u8>::default().into_inner()
        ),
        (0, 0)
    );
}

#[test]
fn a_leaked_guard_is_named() {
    let mut mutex = Mutex::new(1);
    std::mem::forget(mutex.try_lock().unwrap());
    assert!(mutex.is_locked());
    let message = catch_unwind(AssertUnwindSafe(|| *mutex.get_mut())).unwrap_err();
    assert!(
        message
            .downcast_ref::<String>()
            .is_some_and(|it| it.contains("leaked"))
            || message
                .downcast_ref::<&str>()
                .is_some_and(|it| it.contains("leaked"))
    );
    let lock = RwLock::new(1);
    std::mem::forget(lock.try_read().unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| lock.into_inner())).is_err());
}

#[test]
fn parts_of_parts_and_the_whole_again() {
    let mutex = Mutex::new((1, [2, 3]));
    let second = MutexGuard::map(mutex.try_lock().unwrap(), |it| &it.1, |it| &mut it.1);
    let mut last = Mapped::new(second, |it| &it[1], |it| &mut it[1]);
    *last += 1;
    assert_eq!(mutex.try_lock().unwrap_err(), Locked);
    let mut whole = Mapped::into_whole(Mapped::into_whole(last));
    whole.0 += 1;
    drop(whole);
    assert_eq!(*mutex.try_lock().unwrap(), (2, [2, 4]));

    let lock = Arc::new(RwLock::new(vec![1, 2]));
    let mut part = OwnedRwLockWriteGuard::map(
        lock.try_write_owned().unwrap(),
        |it| it.as_slice(),
        |it| it.as_mut_slice(),
    );
    part.reverse();
    drop(part);
    let read = OwnedRwLockReadGuard::map(lock.try_read_owned().unwrap(), |it| &it[0]);
    assert_eq!((*read, format!("{read:?}").as_str()), (2, "2"));
    assert!(lock.try_write().is_err());
    assert_eq!(MappedRef::into_whole(read).len(), 2);
}

#[test]
fn blocking_forms_wait_on_a_thread_and_are_refused_on_a_worker() {
    let mutex = Arc::new(Mutex::new(0));
    let lock = Arc::new(RwLock::new(0));
    let (in_mutex, in_lock) = (mutex.try_lock().unwrap(), lock.try_write().unwrap());
    let waiting = std::thread::spawn({
        let (mutex, lock) = (Arc::clone(&mutex), Arc::clone(&lock));
        move || {
            *mutex.blocking_lock().unwrap() += 1;
            let read = *lock.blocking_read().unwrap();
            *lock.blocking_write().unwrap() += 1;
            read
        }
    });
    drop((in_mutex, in_lock));
    assert_eq!(waiting.join().unwrap(), 0);
    assert_eq!(
        (*mutex.try_lock().unwrap(), *lock.try_read().unwrap()),
        (1, 1)
    );
    for kind in [ThreadKind::Worker, ThreadKind::Lane] {
        let before = set_thread_kind(kind);
        let refused = [
            mutex.blocking_lock().map(drop).unwrap_err(),
            lock.blocking_read().map(drop).unwrap_err(),
            lock.blocking_write().map(drop).unwrap_err(),
        ];
        set_thread_kind(before);
        assert!(
            refused
                .iter()
                .all(|it| it.to_string().contains("spawn_blocking"))
        );
    }
}

/// Wakers are called and dropped while no lock is held: they may ask the lock.
#[test]
fn wakers_may_use_the_lock_that_wakes_them() {
    let mutex = Arc::new(Mutex::new(0));
    let ask = || asks(&mutex, |it| _ = it.is_locked());
    let held = mutex.try_lock().unwrap();
    let (mut first, mut second, mut third) = (mutex.lock(), mutex.lock(), mutex.lock());
    assert!(poll(&mut first, &ask()).is_pending());
    assert!(poll(&mut second, &ask()).is_pending());
    assert!(poll(&mut third, &ask()).is_pending());
    assert!(poll(&mut third, &ask()).is_pending(), "a waker is replaced");
    drop(second);
    drop(held);
    drop(first);
    drop(got(poll(&mut third, &ask())));

    let lock = Arc::new(RwLock::new(0));
    let ask = || asks(&lock, |it| _ = it.try_read());
    let held = lock.try_write().unwrap();
    let (mut read, mut write) = (lock.read(), lock.write());
    assert!(poll(&mut read, &ask()).is_pending());
    assert!(poll(&mut write, &ask()).is_pending());
    drop(RwLockWriteGuard::downgrade(held));
    drop(read);
    drop(got(poll(&mut write, &ask())));
}

#[test]
fn a_panicking_waker_costs_nobody_his_turn() {
    let panics = Waker::from(Arc::new(Panics));
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut bad = mutex.lock();
    let mut good = Watched::new(mutex.lock());
    assert!(poll(&mut bad, &panics).is_pending());
    assert!(good.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(held))).is_err());
    drop(bad);
    assert_eq!(good.wakes(), 1);
    drop(got(good.poll()));

    let lock = RwLock::new(0);
    let held = lock.try_write().unwrap();
    let mut bad = lock.read();
    let mut good = Watched::new(lock.read());
    assert!(poll(&mut bad, &panics).is_pending());
    assert!(good.poll().is_pending());
    let panicked = catch_unwind(AssertUnwindSafe(|| RwLockWriteGuard::downgrade(held)));
    assert!(panicked.is_err());
    assert_eq!(good.wakes(), 1);
    drop((got(poll_once(&mut bad)), got(good.poll())));
    assert!(lock.try_write().is_ok(), "the guard went with the panic");
}

#[test]
fn a_second_poll_after_the_answer_panics_and_harms_nothing() {
    let mutex = Mutex::new(());
    let mut lock = mutex.lock();
    drop(got(poll_once(&mut lock)));
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(&mut lock).is_ready())).is_err());
    drop(lock);
    assert!(!mutex.is_locked());
}

/// What is given back, and the locks themselves, drop their value once.
#[test]
fn values_are_dropped_once() {
    let value = Arc::new(());
    let mutex = Arc::new(Mutex::new(Arc::clone(&value)));
    let lock = Arc::new(RwLock::new(Arc::clone(&value)));
    let guard = mutex.try_lock_owned().unwrap();
    let read = lock.try_read_owned().unwrap();
    drop((mutex, lock));
    assert_eq!(Arc::strong_count(&value), 3);
    drop((guard, read));
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn thread_safety_is_as_promised() {
    fn shared<T: Send + Sync + Unpin>() {}
    shared::<Mutex<u8>>();
    shared::<MutexGuard<'static, u8>>();
    shared::<OwnedMutexGuard<u8>>();
    shared::<Lock<&'static Mutex<u8>, u8>>();
    shared::<RwLock<u8>>();
    shared::<RwLockReadGuard<'static, u8>>();
    shared::<RwLockWriteGuard<'static, u8>>();
    shared::<OwnedRwLockReadGuard<u8>>();
    shared::<Read<Arc<RwLock<u8>>, u8>>();
    shared::<Write<&'static RwLock<u8>, u8>>();
    shared::<Mapped<MutexGuard<'static, u8>, u8>>();
    // A value that may move but not be shared needs no more than that.
    fn sent<T: Send>() {}
    fn synced<T: Sync>() {}
    synced::<Mutex<std::cell::Cell<u8>>>();
    sent::<MutexGuard<'static, std::cell::Cell<u8>>>();
}
