//! Cancels from several threads against all that a task may be at.

#![cfg(weftwork_shuttle)]

use shuttle::future::block_on;
use std::future::pending;
use weftwork_scheduler::{Task, TaskControl, TaskError, spawn};
use weftwork_shuttle_tests::{Drops, Gate, Pool, join, scenario, threads, yield_once};

/// Three threads cancel eight tasks that wait, yield or end: each ends once, with its value or
/// cancelled, and every future is dropped.
#[test]
fn a_storm_of_cancels_ends_each_task_once() {
    scenario(|| {
        let (pool, drops) = (Pool::new(4), Drops::default());
        let task = |n: usize| {
            let inside = drops.counted();
            pool.handle().spawn(async move {
                let _inside = inside;
                match n % 4 {
                    0 => pending().await,
                    1 => yield_once().await,
                    2 => spawn(yield_once()).await,
                    _ => {}
                }
                n
            })
        };
        let tasks: Vec<_> = (0..8).map(task).collect();
        let controls: Vec<_> = tasks.iter().map(Task::control).collect();
        let cancellers = threads(3, move |_| {
            for control in &controls {
                control.cancel();
            }
        });
        for (n, task) in tasks.into_iter().enumerate() {
            match block_on(task.outcome()) {
                Ok(value) => assert_eq!(value, n),
                Err(error) => assert!(matches!(error, TaskError::Cancelled(_))),
            }
        }
        join(cancellers);
        pool.close();
        drops.assert_all();
    });
}

/// The head of a chain of awaits is cancelled while its far end may just be woken: the cancel goes down,
/// or the value comes up.
#[test]
fn a_cancel_goes_down_a_chain_or_meets_the_value() {
    scenario(|| {
        let (pool, gate, drops) = (Pool::new(4), Gate::default(), Drops::default());
        let link = |below: Option<Task<u32>>| {
            let (gate, inside) = (gate.clone(), drops.counted());
            pool.handle().spawn(async move {
                let _inside = inside;
                match below {
                    Some(below) => below.await + 1,
                    None => {
                        gate.await;
                        0
                    }
                }
            })
        };
        let head = (0..5).fold(link(None), |below, _| link(Some(below)));
        let control = head.control();
        let canceller = threads(1, move |_| {
            control.cancel();
        });
        let opener = threads(1, {
            let gate = gate.clone();
            move |_| gate.open()
        });
        match block_on(head.outcome()) {
            Ok(value) => assert_eq!(value, 5),
            Err(error) => assert!(matches!(error, TaskError::Cancelled(_))),
        }
        join(canceller);
        join(opener);
        assert!(pool.close().all_tasks().is_empty());
        drops.assert_all();
    });
}

/// Tasks cancel each other in a ring while threads cancel them too.
#[test]
fn tasks_cancel_each_other() {
    scenario(|| {
        let (pool, gate) = (Pool::new(4), Gate::default());
        let waits: Vec<_> = (0..4).map(|_| pool.handle().spawn(gate.clone())).collect();
        let controls: Vec<_> = waits.iter().map(Task::control).collect();
        let killer = |victim: &TaskControl| {
            let victim = victim.clone();
            pool.handle().spawn(async move {
                yield_once().await;
                victim.cancel()
            })
        };
        let killers: Vec<_> = controls.iter().map(|it| killer(it).control()).collect();
        let others = threads(2, move |n| {
            killers[n].cancel();
            killers[n].cancel();
            if n == 0 {
                gate.open();
            }
        });
        for task in waits {
            let _ = block_on(task.outcome());
        }
        join(others);
        assert!(pool.close().all_tasks().is_empty());
    });
}

/// A handle that cancels when it is dropped, dropped on one thread while the task ends on another.
#[test]
fn dropped_handles_cancel_or_come_too_late() {
    scenario(|| {
        let (pool, drops) = (Pool::new(3), Drops::default());
        let task = |n: usize| {
            let (inside, output) = (drops.counted(), drops.counted());
            pool.handle().spawn(async move {
                let _inside = inside;
                if n.is_multiple_of(2) {
                    yield_once().await;
                }
                output
            })
        };
        let droppers: Vec<_> = (0..4)
            .map(|n| {
                let guard = task(n).cancel_on_drop();
                shuttle::thread::spawn(move || drop(guard))
            })
            .collect();
        join(droppers);
        pool.close();
        drops.assert_all();
    });
}
