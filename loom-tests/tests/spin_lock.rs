//! The spin lock itself. The other models have loom's mutex in its place.

#![cfg(weftwork_loom)]

use loom::thread;
use std::sync::Arc;
use weftwork_std_or_loom::SpinLock;

/// What one holder did is there for the next, though the value is no atomic; and no two hold it.
#[test]
fn a_spin_lock_carries_its_value_over() {
    loom::model(|| {
        let lock = Arc::new(SpinLock::new(0));
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *lock.lock() += 1)
        };
        *lock.lock() += 2;
        other.join().unwrap();
        assert_eq!(*lock.lock(), 3);
    });
}

/// Whoever finds it taken comes to it later.
#[test]
fn a_spin_lock_is_found_free() {
    loom::model(|| {
        let lock = Arc::new(SpinLock::new(0));
        let held = lock.lock();
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                *lock.lock() += 1;
                *lock.lock() += 1;
            })
        };
        drop(held);
        other.join().unwrap();
        assert_eq!(*lock.lock(), 2);
    });
}
