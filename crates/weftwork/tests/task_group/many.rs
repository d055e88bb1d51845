//! Groups with many children, whose callbacks look at them when they have ended.

use crate::common::worked;
use std::time::Duration;
use weftwork::{TaskGroup, gather, run_local, spawn, task_group, yield_now};

/// The time that this thread works on so many, in a quiet moment.
fn work(count: u32, run: impl Fn(u32)) -> Duration {
    let once = || {
        let before = worked();
        run(count);
        worked() - before
    };
    [once(), once(), once()].into_iter().min().unwrap()
}

/// Four times as many take four times as long, not sixteen times.
fn is_linear(run: impl Fn(u32)) {
    let (few, many) = (work(5_000, &run), work(20_000, &run));
    assert!(many < few * 9, "{few:?} and {many:?}");
}

#[test]
fn a_group_whose_children_have_callbacks_takes_linear_time() {
    is_linear(|count| {
        run_local(async {
            let end = task_group(async |g: &TaskGroup| {
                for _ in 0..count {
                    g.spawn(async {}).add_done_callback(|_| {});
                }
            });
            end.await.unwrap();
        });
    });
}

#[test]
fn a_gather_of_tasks_whose_callbacks_are_still_to_run_takes_linear_time() {
    is_linear(|count| {
        run_local(async {
            let tasks: Vec<_> = (0..count)
                .map(|_| {
                    let task = spawn(async {});
                    task.add_done_callback(|_| {});
                    task
                })
                .collect();
            while !tasks.last().unwrap().done() {
                yield_now().await;
            }
            gather(tasks).await;
        });
    });
}
