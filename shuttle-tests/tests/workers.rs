//! Workers: submission, theft, sleep, wakes, joins, groups, seats.

#![cfg(weftwork_shuttle)]

use shuttle::future::block_on;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use weftwork_scheduler::model::Scheduler;
use weftwork_scheduler::{Group, Task, spawn, spawn_group};
use weftwork_shuttle_tests::{Drops, Flag, Gate, Pool, Tally, join, scenario, threads, yield_once};

/// Three threads submit to four workers; each task runs once.
#[test]
fn submissions_from_three_threads_all_run() {
    scenario(|| {
        let (pool, ran, drops) = (Pool::new(4), Tally::default(), Drops::default());
        let handle = pool.handle();
        let producers = {
            let (ran, drops) = (ran.clone(), drops.clone());
            threads(3, move |_| {
                let task = |_| {
                    let (ran, inside) = (ran.clone(), drops.counted());
                    handle.spawn(async move {
                        let _inside = inside;
                        ran.add();
                    })
                };
                let tasks: Vec<Task<()>> = (0..3).map(task).collect();
                for task in tasks {
                    block_on(task.outcome()).expect("it ends");
                }
            })
        };
        join(producers);
        assert_eq!(ran.count(), 9);
        pool.close();
        drops.assert_all();
    });
}

/// The sum of a tree of tasks, each of which is spawned where its parent runs.
fn tree(depth: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            return 1;
        }
        let children = [spawn(tree(depth - 1)), spawn(tree(depth - 1))];
        let mut sum = 0;
        for child in children {
            sum += child.await;
        }
        sum
    })
}

#[test]
fn a_tree_of_tasks_is_shared_by_eight_workers() {
    scenario(|| {
        let pool = Pool::new(8);
        let root = pool.handle().spawn(tree(3));
        assert_eq!(block_on(root.outcome()).ok(), Some(8));
        pool.close();
    });
}

/// They go to the back of a queue again and again, which others look into meanwhile.
#[test]
fn tasks_that_yield_are_neither_lost_nor_doubled() {
    scenario(|| {
        let (pool, steps) = (Pool::new(3), Tally::default());
        let task = |_| {
            let steps = steps.clone();
            pool.handle().spawn(async move {
                for _ in 0..4 {
                    yield_once().await;
                    steps.add();
                }
            })
        };
        let tasks: Vec<_> = (0..5).map(task).collect();
        for task in tasks {
            block_on(task.outcome()).expect("it ends");
        }
        assert_eq!(steps.count(), 20);
        pool.close();
    });
}

/// Workers fall asleep while threads open gates, each of which two tasks wait for.
#[test]
fn gates_that_threads_open_wake_all_who_wait() {
    scenario(|| {
        let pool = Pool::new(4);
        let gates: Vec<Gate> = (0..3).map(|_| Gate::default()).collect();
        let tasks: Vec<_> = gates
            .iter()
            .cycle()
            .take(6)
            .map(|gate| pool.handle().spawn(gate.clone()))
            .collect();
        let openers = threads(3, move |n| gates[n].open());
        for task in tasks {
            block_on(task.outcome()).expect("it ends");
        }
        join(openers);
        pool.close();
    });
}

/// Each task awaits the one before; the first waits for a thread.
#[test]
fn a_chain_of_awaits_ends_wherever_its_links_run() {
    scenario(|| {
        let (pool, gate) = (Pool::new(4), Gate::default());
        let mut last = pool.handle().spawn({
            let gate = gate.clone();
            async move {
                gate.await;
                0
            }
        });
        for _ in 0..6 {
            last = pool.handle().spawn(async move { last.await + 1 });
        }
        let opener = threads(1, move |_| gate.open());
        assert_eq!(block_on(last.outcome()).ok(), Some(6));
        join(opener);
        pool.close();
    });
}

/// Three threads await one task, which ends meanwhile.
#[test]
fn all_who_share_a_task_hear_of_its_end() {
    scenario(|| {
        let (pool, drops) = (Pool::new(2), Drops::default());
        let inside = drops.counted();
        let shared = pool.handle().spawn(async move {
            yield_once().await;
            drop(inside);
            7
        });
        let shared = shared.shared();
        let waiters = threads(3, {
            let shared = shared.clone();
            move |_| assert_eq!(block_on(shared.clone()), 7)
        });
        join(waiters);
        assert!(shared.done());
        pool.close();
        drops.assert_all();
    });
}

/// As `gather`: one reading of the group in each poll.
async fn all<T>(tasks: &mut [Task<T>], group: &Group) -> usize {
    poll_fn(|cx| match group.register(cx.waker()).left {
        0 => Poll::Ready(()),
        _ => Poll::Pending,
    })
    .await;
    let ended = tasks.iter_mut().filter_map(|task| task.result().ok());
    ended.count()
}

#[test]
fn a_group_ends_with_its_last_member() {
    scenario(|| {
        let pool = Pool::new(4);
        let ended = pool.block_on(async {
            let member = |n| async move {
                for _ in 0..n % 3 {
                    yield_once().await;
                }
            };
            let (mut tasks, group) = spawn_group((0..8).map(member));
            all(&mut tasks, &group).await
        });
        assert_eq!(ended, 8);
        pool.close();
    });
}

/// Four threads in `block_on` with two seats: two are workers at a time, and the others wait for a seat or
/// for their main future. Each one's task may be run by any.
#[test]
fn more_threads_in_block_on_than_seats() {
    scenario(|| {
        let scheduler = Scheduler::new(2);
        let entered = threads(4, {
            let scheduler = scheduler.clone();
            move |n| {
                let main = async move {
                    let child = spawn(async move {
                        yield_once().await;
                        n
                    });
                    yield_once().await;
                    child.await
                };
                assert_eq!(scheduler.block_on(main).ok(), Some(n));
            }
        });
        join(entered);
        scheduler.close();
    });
}

/// A task spawns one that it waits for without letting go of its thread.
#[test]
fn what_a_stuck_task_spawned_runs_elsewhere() {
    scenario(|| {
        let pool = Pool::new(3);
        let stuck = pool.handle().spawn(async {
            let freed = Flag::default();
            let frees = freed.clone();
            spawn(async move { frees.set() }).detach();
            while !freed.is_set() {
                shuttle::thread::yield_now();
            }
        });
        block_on(stuck.outcome()).expect("it ends");
        pool.close();
    });
}

/// Little comes at a time, so that each time somebody has just fallen asleep: one sleeper watches.
#[test]
fn tasks_that_hand_on_to_each_other_keep_going() {
    scenario(|| {
        let pool = Pool::new(3);
        let gates: Vec<Gate> = (0..6).map(|_| Gate::default()).collect();
        let link = |n: usize| {
            let (waits, opens) = (gates[n].clone(), gates.get(n + 1).cloned());
            pool.handle().spawn(async move {
                waits.await;
                opens.iter().for_each(Gate::open);
            })
        };
        let tasks: Vec<_> = (0..6).map(link).collect();
        gates[0].open();
        for task in tasks {
            block_on(task.outcome()).expect("it ends");
        }
        pool.close();
    });
}

/// Two look at all tasks while these come and go in chunks of the table.
#[test]
fn observers_see_whole_tasks() {
    scenario(|| {
        let pool = Pool::new(3);
        let handle = pool.handle();
        let observers = threads(2, move |_| {
            for _ in 0..3 {
                for task in handle.all_tasks() {
                    assert!(!task.name().is_empty());
                }
            }
        });
        let tasks: Vec<_> = (0..8).map(|_| pool.handle().spawn(yield_once())).collect();
        for task in tasks {
            block_on(task.outcome()).expect("it ends");
        }
        join(observers);
        assert!(pool.close().all_tasks().is_empty());
    });
}
