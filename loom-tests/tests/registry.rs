//! The table of tasks: observers against spawns and completions.

#![cfg(weftwork_loom)]

use loom::thread;
use weftwork_loom_tests::{Drops, Flag, model_of_cases, model_with};
use weftwork_scheduler::model::Scheduler;

#[test]
fn an_observer_sees_a_task_whole() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        // The place of a task that has ended is used again: the observer looks there without
        // having met the spawner in the lock of the table.
        scheduler.handle().spawn(async {}).detach();
        scheduler.poll_all();
        let observer = {
            let handle = scheduler.handle();
            thread::spawn(move || {
                for task in handle.all_tasks() {
                    assert!(!task.done() && !task.cancelled());
                }
            })
        };
        let task = scheduler.handle().spawn(async {});
        observer.join().unwrap();
        scheduler.poll_all();
        assert!(task.done());
    });
}

/// The fifth task opens a second chunk of the table.
#[test]
fn an_observer_sees_a_new_chunk_whole() {
    model_with(2, || {
        let scheduler = Scheduler::new(1);
        let handle = scheduler.handle();
        let tasks: Vec<_> = (0..4).map(|_| handle.spawn(async {})).collect();
        let spawner = {
            let handle = scheduler.handle();
            thread::spawn(move || handle.spawn(async {}))
        };
        assert!(handle.all_tasks().len() >= tasks.len());
        let last = spawner.join().unwrap();
        scheduler.poll_all();
        assert!(last.done() && tasks.iter().all(|task| task.done()));
    });
}

#[test]
fn an_observer_keeps_what_completes_alive() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let output = drops.counted();
        let task = scheduler.handle().spawn(async move { output });
        let id = task.id();
        drop(task);
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        for task in scheduler.handle().all_tasks() {
            assert!(task.id() == id && !task.cancelled());
        }
        worker.join().unwrap();
        assert_eq!(drops.count(), 1);
        assert!(scheduler.handle().all_tasks().is_empty());
    });
}

#[test]
fn a_task_that_cancels_what_it_observed_does_so_before_or_after_its_end() {
    model_of_cases::<2>(|case| {
        let (scheduler, ran) = (Scheduler::new(1), Flag::default());
        let mark = ran.clone();
        let mut task = scheduler.handle().spawn(async move { mark.set() });
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        let cancelled = scheduler
            .handle()
            .all_tasks()
            .iter()
            .any(|task| task.cancel());
        worker.join().unwrap();
        scheduler.poll_all();
        case(usize::from(cancelled));
        assert!(task.done() && (cancelled || !task.cancelled()));
        assert_eq!(task.result().is_ok(), ran.is_set());
    });
}
