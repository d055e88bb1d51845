//! Runtimes that end while others do something to them, and runtimes beside and inside of each other.

use crate::common::{
    Counter, EVERYWHERE, Flag, On, Watchdog, foreign_block_on, forever, scaled, settle,
};
use std::future::poll_fn;
use std::sync::{Arc, Barrier};
use std::task::{Poll, Waker};
use weftwork::sync::channel;
use weftwork::{Background, Builder, Handle, Runtime, TaskError, run_local, spawn, spawn_blocking};
use weftwork_std_or_loom::Mutex;

/// Ten thousand tasks wait in foreign futures, and a thread wakes them again and again while the runtime goes.
#[test]
fn a_runtime_ends_while_ten_thousand_wait_and_a_thread_wakes_them() {
    for kind in EVERYWHERE {
        let watchdog = Watchdog::start();
        let (drops, polled) = (Counter::default(), Counter::default());
        let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let count = scaled(10_000);
        let runtime = kind.runtime(Runtime::builder());
        runtime.block_on(async {
            for _ in 0..count {
                let (inside, wakers) = (drops.on_drop(), Arc::clone(&wakers));
                let (mut is_known, polled) = (false, polled.clone());
                spawn(async move {
                    let _inside = inside;
                    poll_fn(|cx| {
                        if !std::mem::replace(&mut is_known, true) {
                            wakers.lock().push(cx.waker().clone());
                        }
                        polled.add();
                        Poll::<()>::Pending
                    })
                    .await;
                })
                .detach();
            }
            settle().await;
            while polled.get() < count {
                weftwork::yield_now().await;
            }
        });
        let (stop, started) = (Flag::default(), Arc::new(Barrier::new(2)));
        let waker = {
            let (stop, started) = (stop.clone(), Arc::clone(&started));
            let wakers = wakers.lock().clone();
            std::thread::spawn(move || {
                started.wait();
                while !stop.is_set() {
                    wakers.iter().for_each(Waker::wake_by_ref);
                }
                wakers.into_iter().for_each(Waker::wake);
            })
        };
        started.wait();
        runtime.close().unwrap();
        assert_eq!(drops.get(), count, "{kind:?}");
        drop(runtime);
        stop.set();
        waker.join().unwrap();
        drop(watchdog);
    }
}

/// Ten threads spawn in all of it: each task is refused or cancelled, and every future is dropped.
#[test]
fn ten_threads_spawn_during_the_end() {
    for round in 0..scaled(200) {
        let watchdog = Watchdog::of(&format!("round {round}"));
        let kind = EVERYWHERE[round % EVERYWHERE.len()];
        let (runtime, made, dropped) = (
            kind.runtime(Runtime::builder()),
            Counter::default(),
            Counter::default(),
        );
        let started = Arc::new(Barrier::new(11));
        let spawners: Vec<_> = (0..10)
            .map(|_| {
                let (handle, started) = (runtime.handle(), Arc::clone(&started));
                let (made, dropped) = (made.clone(), dropped.clone());
                std::thread::spawn(move || {
                    started.wait();
                    spawn_some(&handle, &made, &dropped);
                })
            })
            .collect();
        started.wait();
        runtime.close().unwrap();
        for spawner in spawners {
            spawner.join().unwrap();
        }
        assert_eq!(dropped.get(), made.get(), "round {round} on {kind:?}");
        drop(watchdog);
    }
}

fn spawn_some(handle: &Handle, made: &Counter, dropped: &Counter) {
    let future = || {
        made.add();
        let inside = dropped.on_drop();
        async move {
            let _inside = inside;
            forever::<()>().await;
        }
    };
    let mut tasks = Vec::new();
    for _ in 0..20 {
        tasks.push(handle.spawn(future()));
        match handle.try_spawn(future()) {
            Ok(task) => tasks.push(task),
            Err(refused) => drop(refused.into_future()),
        }
    }
    for task in tasks {
        let ended = foreign_block_on(task.outcome());
        assert!(matches!(ended, Err(TaskError::Cancelled(_))));
    }
}

/// Tasks of two runtimes hand a number to and fro, until one of the two ends: those of the other one hear of it.
#[test]
fn two_runtimes_wake_each_other_until_one_ends() {
    for round in 0..scaled(200).max(10) {
        let watchdog = Watchdog::of(&format!("round {round}"));
        let builder = || Builder::new().workers(1 + round % 3);
        let stays = Background::start_with(builder(), "stays").unwrap();
        let goes = Background::start_with(builder(), "goes").unwrap();
        let passed = Counter::default();
        let pairs: Vec<_> = (0..8)
            .map(|_| {
                let (there, at_goes) = channel(1);
                let (back, at_stays) = channel(1);
                goes.handle()
                    .spawn(async move {
                        while let Ok(number) = at_goes.recv().await {
                            if back.send(number + 1).await.is_err() {
                                break;
                            }
                        }
                    })
                    .detach();
                let passed = passed.clone();
                stays.handle().spawn(async move {
                    let mut number = 0_u64;
                    while there.send(number).await.is_ok() {
                        let Ok(next) = at_stays.recv().await else {
                            break;
                        };
                        assert_eq!(next, number + 1);
                        number = next;
                        passed.add();
                    }
                })
            })
            .collect();
        while passed.get() < 20 * (round % 5) {
            std::thread::yield_now();
        }
        drop(goes);
        for task in pairs {
            task.blocking_result(None).unwrap();
        }
        let alive = stays.handle().spawn(async { 5 });
        assert_eq!(alive.blocking_result(None).unwrap(), 5);
        drop(stays);
        drop(watchdog);
    }
}

/// A runtime in a blocking job of a runtime in a blocking job, and so on; each has a local one inside.
#[test]
fn runtimes_inside_of_blocking_jobs_of_runtimes() {
    fn nested(depth: usize) -> usize {
        let runtime = On::Workers(1 + depth % 2).runtime(Runtime::builder());
        runtime.block_on(async move {
            let local = spawn_blocking(|| run_local(async { spawn(async { 1 }).await }));
            let below = spawn_blocking(move || if depth == 0 { 0 } else { nested(depth - 1) });
            spawn(async move { local.await + below.await }).await
        })
    }
    let _watchdog = Watchdog::start();
    assert_eq!(nested(7), 8);
}
