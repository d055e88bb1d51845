//! The last step of a runtime's end, after which nobody looks at the queues: what comes then is ended by whoever
//! brings it.

#![cfg(weftwork_loom)]

use loom::thread;
use std::future::pending;
use weftwork_loom_tests::{Drops, Gate, model_with};
use weftwork_scheduler::model::Scheduler;
use weftwork_scheduler::spawn;

/// Refused, cancelled by the closer, or ended by the thread that submits it: nobody polls it afterwards.
#[test]
fn a_submission_at_the_last_step_is_ended() {
    model_with(2, || {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let producer = {
            let (handle, inside) = (scheduler.handle(), drops.counted());
            thread::spawn(move || {
                handle.spawn(async move {
                    let _inside = inside;
                    pending::<()>().await;
                })
            })
        };
        scheduler.close();
        scheduler.end();
        let task = producer.join().unwrap();
        assert!(task.cancelled() && drops.count() == 1);
    });
}

/// A task that has outlived the time of the end is woken at its last step.
#[test]
fn a_wake_at_the_last_step_leaves_no_task() {
    model_with(2, || {
        let (scheduler, gate, drops) = (Scheduler::new(1), Gate::default(), Drops::default());
        let (waits, inside) = (gate.clone(), drops.counted());
        let task = scheduler.handle().spawn(async move {
            let _inside = inside;
            waits.await;
            pending::<()>().await;
        });
        scheduler.poll_all();
        let waker = thread::spawn(move || gate.open());
        scheduler.end();
        waker.join().unwrap();
        assert!(task.cancelled() && drops.count() == 1);
    });
}

/// A thread leaves with a task in its slot.
#[test]
fn what_a_worker_brings_at_the_last_step_is_ended() {
    model_with(2, || {
        let (scheduler, drops) = (Scheduler::new(2), Drops::default());
        let worker = {
            let (scheduler, inside) = (scheduler.clone(), drops.counted());
            thread::spawn(move || {
                let brought = async move {
                    let _inside = inside;
                    pending::<()>().await;
                };
                // The main future may be cancelled itself.
                let _ = scheduler.block_on(async { spawn(brought).detach() });
            })
        };
        scheduler.end();
        worker.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}
