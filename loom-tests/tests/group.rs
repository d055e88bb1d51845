//! A group: the last member wakes the awaiter, who sees what all have left.

#![cfg(weftwork_loom)]

use loom::thread;
use std::future::poll_fn;
use std::task::Poll;
use weftwork_loom_tests::{Drops, model_with};
use weftwork_scheduler::model::Scheduler;
use weftwork_scheduler::{Group, Task, spawn_group};

/// As `gather`: one reading of the group in each poll.
async fn all<T>(tasks: &mut [Task<T>], group: &Group) {
    poll_fn(|cx| {
        let progress = group.register(cx.waker());
        if progress.left > 0 {
            return Poll::Pending;
        }
        assert!(!progress.failed);
        assert!(
            tasks.iter_mut().all(|task| task.result().is_ok()),
            "the group has ended, and a member is not seen to have"
        );
        Poll::Ready(())
    })
    .await;
}

#[test]
fn the_last_member_wakes_the_awaiter() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let handle = scheduler.handle();
        let entered = handle.enter();
        let (mut tasks, group) = spawn_group((0..2).map(|n| async move { n }));
        drop(entered);
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        loom::future::block_on(all(&mut tasks, &group));
        worker.join().unwrap();
    });
}

#[test]
fn members_end_on_two_threads() {
    model_with(2, || {
        let scheduler = Scheduler::new(1);
        let handle = scheduler.handle();
        let entered = handle.enter();
        let (mut tasks, group) = spawn_group((0..2).map(|n| async move { n }));
        drop(entered);
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let scheduler = scheduler.clone();
                thread::spawn(move || scheduler.poll_all())
            })
            .collect();
        loom::future::block_on(all(&mut tasks, &group));
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// Members that become so one by one, while they run.
#[test]
fn tasks_join_while_they_end() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let mut tasks = vec![scheduler.handle().spawn(async { 1 })];
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        let group = Group::new();
        for task in &mut tasks {
            task.join_group(&group);
        }
        loom::future::block_on(all(&mut tasks, &group));
        worker.join().unwrap();
    });
}

#[test]
fn an_abandoned_group_is_freed_by_whoever_is_last() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let handle = scheduler.handle();
        let entered = handle.enter();
        let outputs = [drops.counted()].map(|output| async move { output });
        let (tasks, group) = spawn_group(outputs);
        drop(entered);
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        drop(group);
        drop(tasks);
        worker.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}
