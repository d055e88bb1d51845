//! The end of a runtime against all that others do to it at that moment.

#![cfg(weftwork_shuttle)]

use shuttle::future::block_on;
use std::future::pending;
use std::time::Duration;
use weftwork_scheduler::{Task, Timer, spawn};
use weftwork_shuttle_tests::{Drops, Gate, Pool, Tally, join, scenario, threads, yield_once};

/// Four threads spawn during all of it: each task is refused or ends, and its future is dropped.
#[test]
fn spawns_during_the_end_are_refused_or_end() {
    scenario(|| {
        let (pool, drops) = (Pool::new(3), Drops::default());
        let spawners = threads(4, {
            let (handle, drops) = (pool.handle(), drops.clone());
            move |n| {
                for _ in 0..2 {
                    let inside = drops.counted();
                    let task = handle.spawn(async move {
                        let _inside = inside;
                        if n.is_multiple_of(2) {
                            pending::<()>().await;
                        }
                    });
                    let ended = block_on(task.outcome());
                    assert!(n % 2 == 1 || ended.is_err());
                }
            }
        });
        let handle = pool.close();
        join(spawners);
        assert!(handle.all_tasks().is_empty());
        drops.assert_all();
    });
}

/// Tasks spawn while they are cancelled, also in a destructor.
#[test]
fn what_ending_tasks_spawn_ends_too() {
    struct Spawns(Drops);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let inside = self.0.counted();
            spawn(async move {
                let _inside = inside;
                pending::<()>().await;
            })
            .detach();
        }
    }
    scenario(|| {
        let (pool, drops) = (Pool::new(3), Drops::default());
        for _ in 0..3 {
            let spawns = Spawns(drops.clone());
            let stays = async move {
                let _spawns = spawns;
                spawn(yield_once()).detach();
                pending::<()>().await;
            };
            pool.handle().spawn(stays).detach();
        }
        assert!(pool.close().all_tasks().is_empty());
        drops.assert_all();
    });
}

/// Tasks wait, and threads wake them while the runtime goes.
#[test]
fn wakes_during_the_end_are_harmless() {
    scenario(|| {
        let (pool, gate, drops) = (Pool::new(3), Gate::default(), Drops::default());
        let task = |_| {
            let (gate, inside) = (gate.clone(), drops.counted());
            pool.handle().spawn(async move {
                gate.await;
                drop(inside);
            })
        };
        let tasks: Vec<Task<()>> = (0..6).map(task).collect();
        let wakers = threads(2, {
            let gate = gate.clone();
            move |_| gate.open()
        });
        assert!(pool.close().all_tasks().is_empty());
        assert!(tasks.iter().all(Task::done));
        join(wakers);
        drops.assert_all();
    });
}

/// A wake that comes after the end of all finds nobody.
#[test]
fn wakes_after_the_end_are_harmless() {
    scenario(|| {
        let (pool, gate) = (Pool::new(2), Gate::default());
        let task = pool.handle().spawn(gate.clone());
        let wakers = threads(2, move |_| gate.open());
        pool.close();
        join(wakers);
        assert!(task.done());
    });
}

/// What was scheduled before the end has run; what comes during it runs or is dropped.
#[test]
fn callbacks_before_the_end_run() {
    scenario(|| {
        let (pool, ran, drops) = (Pool::new(3), Tally::default(), Drops::default());
        let call = move |handle: &weftwork_scheduler::Handle, ran: &Tally, drops: &Drops| {
            let (ran, inside) = (ran.clone(), drops.counted());
            handle.call_soon(move || {
                let _inside = inside;
                ran.add();
            });
        };
        for _ in 0..3 {
            call(&pool.handle(), &ran, &drops);
        }
        let callers = threads(2, {
            let (handle, drops) = (pool.handle(), drops.clone());
            move |_| call(&handle, &Tally::default(), &drops)
        });
        pool.close();
        assert_eq!(ran.count(), 3);
        join(callers);
        drops.assert_all();
    });
}

/// Some sleep for ever, some until a moment that comes, while the clock stands still.
#[test]
fn sleepers_end_with_the_runtime() {
    scenario(|| {
        let (pool, drops) = (Pool::paused(3), Drops::default());
        for n in 0..6_u64 {
            let inside = drops.counted();
            let sleeps = async move {
                let _inside = inside;
                let after = if n.is_multiple_of(2) {
                    Duration::from_nanos(n)
                } else {
                    Duration::MAX
                };
                Timer::after(after).await;
            };
            pool.handle().spawn(sleeps).detach();
        }
        assert!(pool.close().all_tasks().is_empty());
        drops.assert_all();
    });
}

/// Handles are awaited, dropped and looked at by others meanwhile.
#[test]
fn handles_outlive_the_runtime() {
    scenario(|| {
        let pool = Pool::new(3);
        let tasks: Vec<_> = (0..3)
            .map(|_| pool.handle().spawn(pending::<()>()))
            .collect();
        let controls: Vec<_> = tasks.iter().map(Task::control).collect();
        let awaiters: Vec<_> = tasks
            .into_iter()
            .map(|task| shuttle::thread::spawn(move || assert!(block_on(task.outcome()).is_err())))
            .collect();
        let canceller = threads(1, move |_| {
            for control in &controls {
                control.cancel();
            }
        });
        pool.close();
        join(awaiters);
        join(canceller);
    });
}
