//! The checker checked: planted bugs are found, and their seeds give the same failure again.

#![cfg(weftwork_shuttle)]

use shuttle::future::block_on;
use std::future::pending;
use std::sync::Arc;
use weftwork_scheduler::model::Scheduler;
use weftwork_shuttle_tests::{Flag, explore, join, threads};
use weftwork_std_or_loom::Mutex;
use weftwork_sync::Notify;

fn is_found_and_had_again(body: fn()) {
    let failure = explore(1, 10_000, body).expect_err("10,000 schedules miss the planted bug");
    let again = explore(failure.seed, 100, body);
    assert_eq!(again, Err(failure), "the seed gives another failure");
}

/// A runtime whose end leaves out its last step: a task that is spawned at that moment is never ended.
#[test]
fn an_end_without_its_last_step() {
    is_found_and_had_again(|| {
        let scheduler = Scheduler::new(1);
        let handle = scheduler.handle();
        let spawner = threads(1, move |_| {
            let task = handle.spawn(pending::<()>());
            assert!(block_on(task.outcome()).is_err());
        });
        scheduler.close();
        join(spawner);
    });
}

/// Somebody looks, is not told of what comes at that moment, and sleeps.
#[test]
fn a_look_before_the_place_in_the_line() {
    is_found_and_had_again(|| {
        let (flag, notify) = (Flag::default(), Arc::new(Notify::new()));
        let waiter = threads(1, {
            let (flag, notify) = (flag.clone(), Arc::clone(&notify));
            move |_| {
                if !flag.is_set() {
                    block_on(notify.notified());
                }
            }
        });
        flag.set();
        notify.notify_waiters();
        join(waiter);
    });
}

/// Two of six threads may take the last one, because they look and take in two steps.
#[test]
fn a_look_and_a_taking_in_two_steps() {
    is_found_and_had_again(|| {
        let items = Arc::new(Mutex::new(vec![1; 5]));
        let takers = threads(6, move |_| {
            if !items.lock().is_empty() {
                assert!(items.lock().pop().is_some(), "somebody else took it");
            }
        });
        join(takers);
    });
}
