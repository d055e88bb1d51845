//! The spin lock on real threads.

#![allow(
    clippy::disallowed_types,
    reason = "the test looks at the lock from outside"
)]

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use weftwork_std_or_loom::SpinLock;

/// More threads than cores, and a value that a second holder would tear.
#[test]
fn it_excludes() {
    const THREADS: u64 = 8;
    const TURNS: u64 = 50_000;
    let lock = SpinLock::new([0u64; 9]);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..TURNS {
                    let mut words = lock.lock();
                    let first = words[0];
                    for word in words.iter_mut() {
                        assert_eq!(*word, first);
                        *word += 1;
                    }
                }
            });
        }
    });
    assert_eq!(*lock.lock(), [THREADS * TURNS; 9]);
}

/// A holder that is off its core for long: those who want the lock sleep, and come to it.
#[test]
fn it_outlasts_a_holder_that_sleeps() {
    let lock = SpinLock::new(Vec::new());
    thread::scope(|scope| {
        let (held, holds) = channel();
        scope.spawn({
            let lock = &lock;
            move || {
                let mut list = lock.lock();
                held.send(()).unwrap();
                thread::sleep(Duration::from_millis(20));
                list.push("holder");
            }
        });
        holds.recv().unwrap();
        for _ in 0..3 {
            scope.spawn(|| lock.lock().push("other"));
        }
    });
    assert_eq!(*lock.lock(), ["holder", "other", "other", "other"]);
}

/// A panic gives it back.
#[test]
fn it_is_given_back_by_a_panic() {
    let mut lock = SpinLock::new(1);
    let torn = catch_unwind(AssertUnwindSafe(|| {
        let mut value = lock.lock();
        *value = 2;
        panic!("as meant");
    }));
    assert!(torn.is_err());
    assert_eq!(*lock.lock(), 2);
    *lock.get_mut() = 3;
    assert_eq!(*lock.lock(), 3);
}

/// The guard stays on its thread, the lock may be shared if its value may be sent.
#[test]
fn it_is_as_std_s_mutex_for_auto_traits() {
    fn shared<T: Send + Sync>() {}
    fn unwinds<T: UnwindSafe + RefUnwindSafe>() {}
    shared::<SpinLock<std::cell::Cell<u8>>>();
    unwinds::<SpinLock<std::cell::Cell<u8>>>();
    shared::<&weftwork_std_or_loom::SpinGuard<'_, u8>>();
}
