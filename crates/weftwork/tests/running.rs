//! Running: `run`, `try_run`, `Runtime`, `Background`, handles, closing.

mod common;

use common::{
    Counter, Flag, Log, On, Watchdog, comes_true, each, forever, ms, panic_of, settle, until,
};
use std::rc::Rc;
use std::sync::{Arc, Barrier, mpsc};
use std::time::Instant;
use weftwork::{
    Background, BlockOnError, CancelSource, Handle, Runtime, RuntimeError, TaskError, current_task,
    finally, run, run_local, spawn, spawn_blocking, sync::oneshot, try_run, yield_now,
};

#[test]
fn run_takes_a_future_that_borrows_and_is_not_send() {
    let _watchdog = Watchdog::start();
    let shared = Rc::new(5);
    let mut sum = 0;
    let back = run(async {
        sum += *shared;
        sum += spawn(async { 2 }).await;
        &shared
    });
    assert_eq!(**back + sum, 12);
    let local = run_local(async {
        yield_now().await;
        sum += 1;
        &shared
    });
    assert_eq!((**local, sum), (5, 8));
}

#[test]
fn the_main_future_is_a_task_and_stays_on_its_thread() {
    let here = std::thread::current().id();
    each(|| async move {
        let me = current_task().expect("run makes a task");
        assert!(weftwork::all_tasks().contains(&me));
        for _ in 0..100 {
            spawn(yield_now()).await;
            assert_eq!(std::thread::current().id(), here);
        }
        assert_eq!(current_task(), Some(me));
    });
}

#[test]
fn leftovers_are_cancelled_and_their_cleanup_ends_before_run_returns() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let log = Log::default();
        let runtime = kind.runtime(Runtime::builder());
        let value = runtime.block_on(async {
            let cleanup = log.clone();
            let task = common::started(|reached| {
                finally(common::stuck_at::<()>(reached), async move {
                    for _ in 0..10 {
                        yield_now().await;
                    }
                    cleanup.add("cleaned");
                })
            });
            task.await.detach();
            7
        });
        runtime.close().unwrap();
        assert_eq!(
            (value, log.get()),
            (7, vec!["cleaned".to_owned()]),
            "{kind:?}"
        );
    }
}

#[test]
fn an_error_of_a_leftover_is_reported_and_the_result_stands() {
    common::each_reporting(|_| async {});
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let reports = common::Reports::default();
        let sink = reports.clone();
        let runtime = kind.runtime(Runtime::builder().exception_handler(move |r| sink.add(r)));
        let value = runtime.block_on(async {
            common::started(|reached| {
                finally(common::stuck_at::<()>(reached), async {
                    panic!("in clean-up")
                })
            })
            .await
            .detach();
            7
        });
        drop(runtime);
        assert_eq!(
            (value, reports.messages()),
            (7, vec!["in clean-up".to_owned()]),
            "{kind:?}"
        );
    }
}

#[test]
fn a_panic_of_the_main_future_resumes_after_the_cleanup() {
    let _watchdog = Watchdog::start();
    for local in [false, true] {
        let cleaned = Flag::default();
        let seen = cleaned.clone();
        let main = async move {
            common::started(|reached| {
                finally(common::stuck_at::<()>(reached), async move {
                    yield_now().await;
                    seen.set();
                })
            })
            .await
            .detach();
            panic!("boom")
        };
        let text = panic_of(|| if local { run_local(main) } else { run(main) });
        assert_eq!((text.as_str(), cleaned.is_set()), ("boom", true));
    }
}

#[test]
fn a_cancelled_main_task_says_by_whom() {
    let _watchdog = Watchdog::start();
    let cancel_me = || async {
        let me = current_task().unwrap();
        spawn(async move { me.cancel_with("enough") }).detach();
        forever::<()>().await
    };
    let Err(TaskError::Cancelled(cause)) = try_run(cancel_me()) else {
        panic!("not cancelled")
    };
    assert_eq!(cause.msg(), Some("enough"));
    assert!(matches!(cause.source(), CancelSource::Task(_)), "{cause:?}");
    for text in [
        panic_of(|| run(cancel_me())),
        panic_of(|| run_local(cancel_me())),
    ] {
        assert!(
            text.contains("cancelled by Task-") && text.ends_with("enough"),
            "{text}"
        );
        assert!(text.contains("running.rs"), "where: {text}");
    }
}

#[test]
fn run_inside_of_a_runtime_is_refused() {
    const TEXT: &str = "run() cannot be called from a running event loop";
    each(|| async {
        for text in [
            panic_of(|| run(async {})),
            panic_of(|| try_run(async {}).is_ok()),
            panic_of(|| run_local(async {})),
        ] {
            assert!(text.contains(TEXT), "{text}");
        }
        let other = Runtime::builder().workers(1).build().unwrap();
        assert!(matches!(
            other.try_block_on(async {}),
            Err(BlockOnError::Runtime(RuntimeError::Nested))
        ));
        let (tell, told) = oneshot::channel();
        Handle::current().call_soon(move || {
            let _ = tell.send(panic_of(|| run(async {})));
        });
        assert!(told.await.unwrap().contains(TEXT));
        // A thread of the blocking pool is no worker.
        assert_eq!(spawn_blocking(|| run_local(async { 3 })).await, 3);
    });
}

#[test]
fn a_runtime_runs_only_while_it_is_entered() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let handle = runtime.handle();
        let polls = Counter::default();
        let count = polls.clone();
        let task = handle.spawn(async move {
            loop {
                count.add();
                yield_now().await;
            }
        });
        std::thread::sleep(ms(5));
        assert_eq!(
            (polls.get(), runtime.is_running()),
            (0, false),
            "pending before the first entry"
        );
        assert!(format!("{task:?}").starts_with("<Task pending"), "{task:?}");
        for _ in 0..3 {
            let before = polls.get();
            runtime.block_on(until(|| polls.get() > before + 10));
            assert!(!handle.is_running());
            // Each other worker may be in its last poll; nothing moves after that.
            let at_exit = polls.get();
            std::thread::sleep(ms(5));
            assert!(
                polls.get() <= at_exit + 8,
                "{kind:?}: not frozen between two entries"
            );
        }
        task.cancel();
    }
}

#[test]
fn block_on_takes_tasks() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let mut first = runtime.handle().spawn(async { 1 });
        let second = runtime.handle().spawn(async { 2 });
        assert_eq!(runtime.block_on(&mut first) + runtime.block_on(second), 3);
    }
}

#[test]
fn several_threads_are_in_block_on_at_once() {
    let _watchdog = Watchdog::start();
    let runtime = Runtime::builder().workers(2).build().unwrap();
    let together = Barrier::new(12);
    std::thread::scope(|scope| {
        for n in 0..12u32 {
            let (runtime, together) = (&runtime, &together);
            scope.spawn(move || {
                let value = runtime.block_on(async {
                    together.wait();
                    let mut sum = 0;
                    for _ in 0..100 {
                        sum += spawn(async move { n }).await;
                    }
                    sum
                });
                assert_eq!(value, 100 * n);
            });
        }
    });
}

#[test]
fn stop_ends_run_forever_after_the_round_of_callbacks() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let handle = runtime.handle();
        let log = Log::default();
        for _ in 0..2 {
            let (first, last, stop) = (log.clone(), log.clone(), handle.clone());
            handle.call_soon(move || first.add("first"));
            handle.call_soon(move || stop.stop());
            handle.call_soon(move || last.add("last"));
            runtime.run_forever().unwrap();
            assert!(!runtime.is_running());
        }
        assert_eq!(log.get(), ["first", "last", "first", "last"], "{kind:?}");
    }
}

#[test]
fn stop_before_the_entry_lets_one_round_run() {
    // asyncio: loop.stop(); loop.run_forever() runs what is ready once and returns.
    let _watchdog = Watchdog::start();
    let runtime = Runtime::builder().workers(1).build().unwrap();
    let handle = runtime.handle();
    let (ran, has_run) = mpsc::channel();
    handle.stop();
    handle.call_soon(move || ran.send(()).unwrap());
    let late = Flag::default();
    let (rescue, is_late) = (handle.clone(), late.clone());
    handle.call_later(ms(500), move || {
        is_late.set();
        rescue.stop();
    });
    runtime.run_forever().unwrap();
    assert!(
        has_run.try_recv().is_ok() && !late.is_set(),
        "it did not return by itself"
    );
}

#[test]
fn stop_interrupts_block_on() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let stop = || async {
            Handle::current().stop();
            forever::<()>().await
        };
        let stopped = runtime.try_block_on(stop());
        assert!(
            matches!(stopped, Err(BlockOnError::Runtime(RuntimeError::Stopped))),
            "{kind:?}: {stopped:?}"
        );
        assert!(panic_of(|| runtime.block_on(stop())).contains("stopped before"));
        assert_eq!(runtime.block_on(async { 1 }), 1, "it can be entered again");
    }
}

#[test]
fn close_is_refused_while_running_and_harmless_twice() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        runtime.block_on(async { assert_eq!(runtime.close(), Err(RuntimeError::Running)) });
        assert!(!runtime.is_closed());
        assert_eq!(runtime.close(), Ok(()));
        assert_eq!(runtime.close(), Ok(()));
        assert!(runtime.is_closed() && runtime.handle().is_closed() && !runtime.is_running());
    }
}

#[test]
fn a_closed_runtime_refuses_everything() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let handle = runtime.handle();
        runtime.close().unwrap();
        let dropped = Counter::default();
        let (guard, other) = (dropped.on_drop(), dropped.on_drop());
        let error = handle.try_spawn(async move { drop(guard) }).unwrap_err();
        assert_eq!((error.reason(), dropped.get()), (RuntimeError::Closed, 0));
        drop(error.into_future());
        assert_eq!(dropped.get(), 1, "the future came back");
        let task = handle.spawn(async move { drop(other) });
        assert!(task.cancelled() && dropped.get() == 2);
        assert!(handle.spawn_blocking(|| 1).cancelled());
        let callback = dropped.on_drop();
        handle.call_soon(move || drop(callback));
        assert_eq!(dropped.get(), 3, "the callback is dropped");
        assert_eq!(runtime.run_forever(), Err(RuntimeError::Closed));
        let refused = runtime.try_block_on(async {});
        assert!(matches!(
            refused,
            Err(BlockOnError::Runtime(RuntimeError::Closed))
        ));
        assert!(panic_of(|| runtime.block_on(async {})).contains("closed"));
        assert_eq!(handle.all_tasks(), []);
    }
}

#[test]
fn nothing_is_spawned_during_the_shutdown() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let (tell, told) = mpsc::channel();
        let runtime = kind.runtime(Runtime::builder());
        runtime.block_on(async move {
            common::started(|reached| {
                finally(common::stuck_at::<()>(reached), async move {
                    let refused = weftwork::try_spawn(async {}).unwrap_err().reason();
                    let cancelled = spawn(async {}).outcome().await.unwrap_err().is_cancelled();
                    tell.send((refused, cancelled)).unwrap();
                })
            })
            .await
            .detach();
        });
        runtime.close().unwrap();
        assert_eq!(told.recv(), Ok((RuntimeError::Closed, true)), "{kind:?}");
    }
}

#[test]
fn dropping_a_runtime_cleans_up() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let (cleaned, dropped) = (Flag::default(), Counter::default());
        let runtime = kind.runtime(Runtime::builder());
        let (seen, guard) = (cleaned.clone(), dropped.on_drop());
        runtime.block_on(async move {
            common::started(|reached| {
                finally(common::stuck_at::<()>(reached), async move {
                    let _guard = guard;
                    yield_now().await;
                    seen.set();
                })
            })
            .await
            .detach();
        });
        let unstarted = dropped.on_drop();
        runtime
            .handle()
            .spawn(async move { drop(unstarted) })
            .detach();
        drop(runtime);
        assert_eq!((cleaned.is_set(), dropped.get()), (true, 2), "{kind:?}");
    }
}

#[test]
fn the_end_waits_for_blocking_jobs() {
    let _watchdog = Watchdog::start();
    let ended = Flag::default();
    let seen = ended.clone();
    let (started, is_started) = oneshot::channel();
    run(async move {
        spawn_blocking(move || {
            let _ = started.send(());
            std::thread::sleep(ms(30));
            seen.set();
        })
        .detach();
        is_started.await.unwrap();
    });
    assert!(ended.is_set());
}

#[test]
fn the_wait_for_blocking_jobs_is_bounded() {
    let _watchdog = Watchdog::start();
    let (release, held) = mpsc::channel::<()>();
    let runtime = Runtime::builder()
        .workers(1)
        .shutdown_timeout(ms(20))
        .build()
        .unwrap();
    let (started, is_started) = oneshot::channel();
    runtime.block_on(async move {
        let job = spawn_blocking(move || {
            let _ = started.send(());
            let _ = held.recv();
        });
        is_started.await.unwrap();
        job.detach();
    });
    let start = Instant::now();
    runtime.close().unwrap();
    assert!(start.elapsed() >= ms(20) && start.elapsed().as_secs() < 30);
    drop(release);
}

#[test]
fn a_background_runtime_always_runs() {
    let _watchdog = Watchdog::start();
    let background = Background::start("test-loop").unwrap();
    let handle = background.handle();
    assert!(handle.is_running());
    let task = handle.spawn(async { std::thread::current().name().map(str::to_owned) });
    let name = task.blocking_result(None).unwrap().unwrap();
    assert!(name.starts_with("test-loop"), "{name}");
    background.stop();
    background.join();
    assert!(handle.is_closed());

    let cleaned = Flag::default();
    let background = Background::start("dropped").unwrap();
    let (seen, (reached, is_reached)) = (cleaned.clone(), mpsc::channel());
    let body = async move {
        reached.send(()).unwrap();
        forever::<()>().await;
    };
    background
        .handle()
        .spawn(finally(body, async move { seen.set() }))
        .detach();
    is_reached.recv().unwrap();
    drop(background);
    assert!(cleaned.is_set(), "dropping it stops, cleans up and joins");

    let handle = Background::start("daemon").unwrap().daemon();
    assert_eq!(handle.spawn(async { 5 }).blocking_result(None).unwrap(), 5);
}

#[test]
fn a_background_runtime_takes_a_configured_builder() {
    let _watchdog = Watchdog::start();
    let reports = common::Reports::default();
    let sink = reports.clone();
    let builder = Runtime::builder()
        .workers(2)
        .exception_handler(move |r| sink.add(r));
    let background = Background::start_with(builder, "configured").unwrap();
    background
        .handle()
        .spawn(async { panic!("unseen") })
        .detach();
    assert!(comes_true(|| reports.count() == 1));
    drop(background);
    assert_eq!(reports.messages(), ["unseen"]);
}

#[test]
fn handles_are_found_and_entered() {
    let _watchdog = Watchdog::start();
    assert_eq!(Handle::try_current(), Err(RuntimeError::NoRuntime));
    assert!(panic_of(Handle::current).contains("no weftwork runtime on this thread"));
    let (one, two) = (
        Runtime::builder().workers(1).build().unwrap(),
        Runtime::builder().workers(1).build().unwrap(),
    );
    let (first, second) = (one.handle(), two.handle());
    let outer = first.enter();
    assert_eq!(Handle::current(), first);
    {
        let _inner = second.enter();
        assert_eq!(Handle::current(), second);
        let task = spawn(async { Handle::current() });
        assert_eq!(two.block_on(task), second);
    }
    assert_eq!(Handle::current(), first);
    drop(outer);
    assert!(Handle::try_current().is_err());
    one.block_on(async { assert_eq!(Handle::current(), first) });
}

#[test]
fn the_time_of_a_handle_never_goes_back() {
    each(|| async {
        let handle = Handle::current();
        let mut last = handle.time();
        for _ in 0..100 {
            yield_now().await;
            let now = handle.time();
            assert!(now >= last);
            last = now;
        }
    });
}

#[test]
fn a_caller_that_runs_no_tasks_is_left_alone() {
    let _watchdog = Watchdog::start();
    let builder = Runtime::builder().workers(2).caller_runs_tasks(false);
    let runtime = builder.build().unwrap();
    let here = std::thread::current().id();
    runtime.block_on(async {
        for _ in 0..200 {
            let there = spawn(async { std::thread::current().id() }).await;
            assert_ne!(there, here);
            assert_eq!(std::thread::current().id(), here);
        }
    });
}

#[test]
fn a_main_future_that_wakes_itself_lets_the_others_run() {
    each(|| async {
        let done = Flag::default();
        let seen = done.clone();
        spawn(async move {
            settle().await;
            seen.set();
        })
        .detach();
        until(|| done.is_set()).await;
    });
}

#[test]
fn a_handle_outlives_its_runtime() {
    let _watchdog = Watchdog::start();
    for kind in [On::Workers(2), On::Local] {
        let runtime = kind.runtime(Runtime::builder());
        let handle = Arc::new(runtime.handle());
        let task = common::ended_on(&runtime, async { 4 });
        let mut unfinished = handle.spawn(forever::<()>());
        drop(runtime);
        assert!(handle.try_spawn(async {}).is_err());
        assert!(task.done() && unfinished.cancelled());
        assert!(
            unfinished
                .result()
                .unwrap_err()
                .to_string()
                .contains("the end of the runtime")
        );
    }
}

#[weftwork::test]
async fn the_test_attribute_runs_a_runtime() {
    assert_eq!(spawn(async { 6 * 7 }).await, 42);
}

#[weftwork::test(workers = 2)]
async fn the_test_attribute_takes_workers() -> Result<(), std::num::ParseIntError> {
    let number: u8 = "7".parse()?;
    assert_eq!(spawn(async move { number }).await, 7);
    Ok(())
}

#[weftwork::test(local)]
async fn the_test_attribute_takes_local() {
    let shared = Rc::new(3);
    let inner = Rc::clone(&shared);
    assert_eq!(weftwork::local::spawn(async move { *inner }).await, *shared);
}
