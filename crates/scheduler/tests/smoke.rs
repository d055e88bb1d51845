//! The runtime runs: spawn, join, wake across threads, timers, callbacks, panics, close.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use weftwork_scheduler::{Handle, ResultError, Runtime, Timer, spawn};

fn each(test: impl Fn(Runtime)) {
    for workers in [1, 2, 8] {
        test(Runtime::builder().workers(workers).build().unwrap());
    }
}

#[test]
fn a_task_gives_its_value() {
    each(|rt| {
        assert_eq!(rt.block_on(async { spawn(async { 40 }).await + 2 }), 42);
        assert_eq!(rt.block_on(async { 7 }), 7, "a second entry");
    });
}

#[test]
fn many_tasks() {
    each(|rt| {
        let sum: u64 = rt.block_on(async {
            let tasks: Vec<_> = (0..10_000u64).map(|n| spawn(async move { n })).collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await;
            }
            sum
        });
        assert_eq!(sum, 9_999 * 10_000 / 2);
    });
}

#[test]
fn spawns_from_outside_run() {
    each(|rt| {
        let sum = rt.block_on(async move {
            let handle = Handle::current();
            let submitter = handle.clone();
            let work = move || {
                let tasks: Vec<_> = (0..1000u32)
                    .map(|n| submitter.spawn(async move { n }))
                    .collect();
                tasks
                    .into_iter()
                    .map(|t| t.blocking_result(None).unwrap())
                    .sum::<u32>()
            };
            handle.spawn_blocking(work).await
        });
        assert_eq!(sum, 499_500);
    });
}

#[test]
fn timers_are_never_early() {
    each(|rt| {
        rt.block_on(async {
            let start = Instant::now();
            let tasks: Vec<_> = (0..100u64)
                .map(|n| {
                    let at = start + Duration::from_micros(n * 200);
                    spawn(async move {
                        Timer::new(Some(at)).await;
                        assert!(Instant::now() >= at);
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
        });
    });
}

#[test]
fn callbacks_run_in_order() {
    each(|rt| {
        let (tx, rx) = mpsc::channel();
        let handle = rt.handle();
        rt.block_on(async move {
            for n in 0..1000 {
                let tx = tx.clone();
                handle.call_soon(move || tx.send(n).unwrap());
            }
        });
        rt.close().unwrap();
        assert!(rx.iter().eq(0..1000));
    });
}

#[test]
fn a_panic_resumes_in_the_awaiter() {
    each(|rt| {
        let outcome = rt.block_on(async {
            let mut task = spawn(async { panic!("boom") });
            task.finished().await;
            task.result()
        });
        assert!(matches!(outcome, Err(ResultError::Panicked(_))));
    });
}

#[test]
fn a_cancelled_sleeper_ends_and_its_awaiter_with_it() {
    each(|rt| {
        let cancelled = rt.block_on(async {
            let inner = spawn(async { Timer::new(None).await });
            let control = inner.control();
            let outer = spawn(inner);
            spawn(async {}).await;
            control.cancel();
            outer.outcome().await.unwrap_err().is_cancelled()
        });
        assert!(cancelled);
    });
}

#[test]
fn the_end_cancels_what_is_left() {
    each(|rt| {
        let alive = Arc::new(());
        rt.block_on(async {
            for _ in 0..1000 {
                let alive = Arc::clone(&alive);
                spawn(async move {
                    Timer::new(None).await;
                    drop(alive);
                })
                .detach();
            }
        });
        drop(rt);
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}
