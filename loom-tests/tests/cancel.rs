//! A cancel against the poll, against completion, against another cancel.

#![cfg(weftwork_loom)]

use loom::thread;
use std::future::pending;
use weftwork_loom_tests::{Drops, Gate, model_of_cases};
use weftwork_scheduler::ResultError;
use weftwork_scheduler::model::Scheduler;

/// Whatever comes first, the task ends: cancelled if the cancel came before its last poll.
#[test]
fn a_cancel_during_a_poll_strikes_at_the_await() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let inside = drops.counted();
        let task = scheduler.handle().spawn(async move {
            let _inside = inside;
            pending::<()>().await;
        });
        let control = task.control();
        let canceller = {
            let scheduler = scheduler.clone();
            thread::spawn(move || {
                assert!(control.cancel(), "it cannot have ended");
                scheduler.poll_all();
            })
        };
        scheduler.poll_all();
        canceller.join().unwrap();
        scheduler.poll_all();
        assert!(task.cancelled() && drops.count() == 1);
    });
}

#[test]
fn a_cancel_against_completion_leaves_the_value_or_ends_it() {
    model_of_cases::<3>(|case| {
        let scheduler = Scheduler::new(1);
        let mut task = scheduler.handle().spawn(async { 5 });
        let control = task.control();
        let canceller = thread::spawn(move || control.cancel());
        scheduler.poll_all();
        let told = canceller.join().unwrap();
        scheduler.poll_all();
        match task.result() {
            // Told and ended with its value: it was past its last await.
            Ok(5) => case(usize::from(told)),
            Err(ResultError::Cancelled(_)) => {
                assert!(told);
                case(2);
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_cancel_against_a_wake_ends_the_task_once() {
    loom::model(|| {
        let (scheduler, gate) = (Scheduler::new(1), Gate::default());
        let task = scheduler.handle().spawn(gate.clone());
        scheduler.poll_all();
        let control = task.control();
        let canceller = {
            let scheduler = scheduler.clone();
            thread::spawn(move || {
                control.cancel();
                scheduler.poll_all();
            })
        };
        gate.open();
        canceller.join().unwrap();
        scheduler.poll_all();
        assert!(task.done());
    });
}

#[test]
fn two_cancels_count_two_and_end_it_once() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let task = scheduler.handle().spawn(pending::<()>());
        scheduler.poll_all();
        let control = task.control();
        let canceller = thread::spawn(move || control.cancel());
        let first = task.cancel();
        let second = canceller.join().unwrap();
        scheduler.poll_all();
        assert!(first && second && task.cancelled());
        assert_eq!(task.cancelling(), 2);
    });
}
