//! `Background`, handles in other threads, `Builder::run`, the attributes.

mod common;

use common::{Counter, Flag, LONG, Log, On, Watchdog, comes_true, forever, ms, panic_of, until};
use std::rc::Rc;
use std::sync::mpsc;
use weftwork::{
    Background, BlockOnError, CancelSource, Handle, Runtime, RuntimeError, TaskError, current_task,
    finally, gather, sleep, spawn, try_spawn, yield_now,
};

fn runs(handle: &Handle) -> bool {
    handle.spawn(async { 5 }).blocking_result(LONG).unwrap() == 5
}

#[test]
fn it_runs_from_the_start_on_threads_of_its_own() {
    let _watchdog = Watchdog::start();
    let background = Runtime::start("own-threads").unwrap();
    let handle = background.handle();
    assert!(handle.is_running() && !handle.is_closed());
    let here = std::thread::current().id();
    for _ in 0..20 {
        let there = handle.spawn(async { std::thread::current().id() });
        assert_ne!(there.blocking_result(LONG).unwrap(), here);
    }
    let name = handle.spawn(async { std::thread::current().name().map(str::to_owned) });
    let name = name.blocking_result(LONG).unwrap().unwrap();
    assert!(name.starts_with("own-threads"), "{name}");
    assert!(
        format!("{background:?}").contains("running: true"),
        "{background:?}"
    );
    assert!(
        Handle::try_current().is_err(),
        "the starting thread is not inside"
    );
}

#[test]
fn timers_go_off_while_nobody_asks() {
    let _watchdog = Watchdog::start();
    let background = Background::start("timers").unwrap();
    let handle = background.handle();
    let (tell, told) = mpsc::channel();
    let soon = tell.clone();
    handle.call_later(ms(2), move || soon.send("called").unwrap());
    handle
        .spawn(async move {
            sleep(ms(20)).await;
            tell.send("slept").unwrap();
        })
        .detach();
    assert_eq!(told.recv_timeout(LONG), Ok("called"));
    assert_eq!(told.recv_timeout(LONG), Ok("slept"));
}

#[test]
fn stop_lets_the_round_end_and_join_waits_for_the_cleanup() {
    let _watchdog = Watchdog::start();
    let background = Background::start("stops").unwrap();
    let (handle, log) = (background.handle(), Log::default());
    let (cleaned, (reached, is_reached)) = (log.clone(), mpsc::channel());
    let body = async move {
        reached.send(()).unwrap();
        forever::<()>().await;
    };
    let cleanup = async move {
        sleep(ms(5)).await;
        cleaned.add("cleaned");
    };
    let mut task = handle.spawn(finally(body, cleanup));
    is_reached.recv().unwrap();
    background.stop();
    background.stop();
    background.join();
    assert_eq!(log.get(), ["cleaned"]);
    assert!(handle.is_closed() && !handle.is_running() && task.cancelled());
    let error = task.result().unwrap_err();
    assert!(
        error.to_string().contains("the end of the runtime"),
        "{error}"
    );
    let refused = handle.try_spawn(async {}).unwrap_err();
    assert_eq!(refused.reason(), RuntimeError::Closed);
}

#[test]
fn a_task_and_a_callback_may_stop_it() {
    let _watchdog = Watchdog::start();
    for by_callback in [false, true] {
        let background = Background::start("stops-itself").unwrap();
        let (handle, stop) = (background.handle(), background.handle());
        if by_callback {
            handle.call_soon(move || stop.stop());
        } else {
            handle.spawn(async move { stop.stop() }).detach();
        }
        background.join();
        assert!(handle.is_closed());
    }
}

#[test]
fn a_daemon_goes_on_without_its_owner() {
    let _watchdog = Watchdog::start();
    let handle = Background::start("daemon").unwrap().daemon();
    assert!(runs(&handle));
    handle.stop();
    assert!(
        comes_true(|| handle.is_closed()),
        "and can still be stopped"
    );
}

#[test]
fn several_at_once_and_one_from_inside_another() {
    let _watchdog = Watchdog::start();
    let all: Vec<_> = (0..4)
        .map(|n| Background::start(&format!("loop-{n}")).unwrap())
        .collect();
    // Tasks of one runtime are awaited in another.
    let chain = all
        .iter()
        .fold(all[0].handle().spawn(async { 0 }), |before, next| {
            next.handle().spawn(async move { before.await + 1 })
        });
    assert_eq!(chain.blocking_result(LONG).unwrap(), 4);
    let inner = all[0].handle().spawn(async {
        let inner = Background::start("inside").unwrap();
        inner
            .handle()
            .spawn(async { current_task().unwrap().name() })
            .await
    });
    assert!(inner.blocking_result(LONG).unwrap().starts_with("Task-"));
}

#[test]
fn a_cancel_crosses_from_one_runtime_to_another() {
    let _watchdog = Watchdog::start();
    let (one, two) = (
        Background::start("one").unwrap(),
        Background::start("two").unwrap(),
    );
    let (cleaned, (reached, is_reached)) = (Flag::default(), mpsc::channel());
    let seen = cleaned.clone();
    let body = async move {
        reached.send(()).unwrap();
        forever::<()>().await;
    };
    let child = two.handle().spawn(finally(body, async move {
        yield_now().await;
        seen.set();
    }));
    let parent = one.handle().spawn(weftwork::catch(child));
    is_reached.recv().unwrap();
    // A poll counts once it has ended: the parent awaits its child.
    assert!(comes_true(|| parent.control().polls() > 0));
    parent.cancel_with("across");
    let error = parent.blocking_result(LONG).unwrap().unwrap_err();
    assert!(error.to_string().ends_with("across"), "{error}");
    assert!(cleaned.is_set(), "the parent ends after its child");
}

#[test]
fn a_handle_works_in_any_thread() {
    let _watchdog = Watchdog::start();
    let background = Background::start("handles").unwrap();
    let handle = background.handle();
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let handle = handle.clone();
            std::thread::spawn(move || {
                let guard = handle.enter();
                assert_eq!(Handle::current(), handle);
                // What needs a runtime finds it while it is entered.
                let task = spawn(async move { n });
                let group = gather((0..3).map(|m| async move { n * m }));
                let sum = spawn(async move { group.await.into_iter().sum::<u32>() });
                let end = (
                    task.blocking_result(LONG).unwrap(),
                    sum.blocking_result(LONG).unwrap(),
                );
                drop(guard);
                assert_eq!(
                    try_spawn(async {}).unwrap_err().reason(),
                    RuntimeError::NoRuntime
                );
                end
            })
        })
        .collect();
    for (n, thread) in (0..4).zip(threads) {
        assert_eq!(thread.join().unwrap(), (n, n * 3));
    }
    let stuck = handle.spawn(forever::<()>());
    stuck.set_name("seen from outside");
    assert!(
        handle
            .all_tasks()
            .iter()
            .any(|task| task.name() == "seen from outside")
    );
    stuck.cancel();
    let error = stuck.blocking_result(LONG).unwrap_err();
    let weftwork::BlockingError::Failed(TaskError::Cancelled(cause)) = error else {
        panic!("{error}")
    };
    assert_eq!(cause.source(), CancelSource::Outside);
}

#[test]
fn a_future_that_was_refused_comes_back() {
    let _watchdog = Watchdog::start();
    let dropped = Counter::default();
    let guard = dropped.on_drop();
    let error = try_spawn(async move {
        let _guard = guard;
        7
    })
    .unwrap_err();
    assert_eq!(
        (error.reason(), dropped.get()),
        (RuntimeError::NoRuntime, 0)
    );
    assert!(error.to_string().contains("no weftwork runtime"), "{error}");
    assert_eq!(common::foreign_block_on(error.into_future()), 7);
    assert!(panic_of(|| spawn(async {}).done()).contains("no weftwork runtime"));
    assert!(panic_of(weftwork::all_tasks).contains("no weftwork runtime"));
}

#[test]
fn a_builder_runs_a_future() {
    let _watchdog = Watchdog::start();
    let shared = Rc::new(5);
    let cleaned = Flag::default();
    let seen = cleaned.clone();
    let value = Runtime::builder().workers(2).run(async {
        common::started(|reached| {
            finally(common::stuck_at::<()>(reached), async move {
                yield_now().await;
                seen.set();
            })
        })
        .await
        .detach();
        *shared + spawn(async { 2 }).await
    });
    assert_eq!((value, cleaned.is_set()), (7, true));
    let builder = || Runtime::builder().workers(1);
    assert_eq!(panic_of(|| builder().run(async { panic!("gone") })), "gone");
    let cancelled = panic_of(|| {
        builder().run(async {
            current_task().unwrap().cancel_with("enough");
            yield_now().await;
        });
    });
    assert!(
        cancelled.contains("the main task was cancelled by Task-"),
        "{cancelled}"
    );
    let nested = panic_of(|| builder().run(async { builder().run(async {}) }));
    assert!(
        nested.contains("run() cannot be called from a running event loop"),
        "{nested}"
    );
    assert!(
        panic_of(|| Runtime::builder().workers(0).run(async {})).contains("at least one worker")
    );
}

#[test]
fn a_single_threaded_runtime_belongs_to_its_thread() {
    let _watchdog = Watchdog::start();
    let runtime = On::Local.runtime(Runtime::builder());
    std::thread::scope(|scope| {
        let elsewhere = scope.spawn(|| {
            assert!(matches!(
                runtime.try_block_on(async {}),
                Err(BlockOnError::Runtime(RuntimeError::OtherThread))
            ));
            assert_eq!(runtime.close(), Err(RuntimeError::OtherThread));
            // Its handle is good in any thread.
            runtime
                .handle()
                .spawn(async { std::thread::current().id() })
        });
        let task = elsewhere.join().unwrap();
        assert_eq!(runtime.block_on(task), std::thread::current().id());
    });
    let text = panic_of(|| {
        Runtime::builder()
            .workers(1)
            .run(async { weftwork::local::spawn(async {}).done() })
    });
    assert!(text.contains("run_local"), "{text}");
}

mod program {
    use super::*;

    #[weftwork::main(workers = 2)]
    pub(super) async fn with_workers() -> Result<u8, std::num::ParseIntError> {
        spawn(async { "12".parse() }).await
    }

    #[weftwork::main(local)]
    pub(super) async fn on_one_thread() -> bool {
        let shared = Rc::new(std::thread::current().id());
        let inner = Rc::clone(&shared);
        let same = weftwork::local::spawn(async move { *inner == std::thread::current().id() });
        same.await
    }

    #[weftwork::main]
    pub(super) async fn panics() {
        yield_now().await;
        panic!("in main");
    }

    #[weftwork::main]
    pub(super) async fn cancels_itself() {
        current_task().unwrap().cancel();
        yield_now().await;
    }
}

#[test]
fn the_main_attribute_runs_a_program() {
    let _watchdog = Watchdog::start();
    assert_eq!(program::with_workers(), Ok(12));
    assert!(program::on_one_thread());
    assert_eq!(panic_of(program::panics), "in main");
    assert!(panic_of(program::cancels_itself).contains("the main task was cancelled"));
}

#[weftwork::test]
#[should_panic(expected = "the end of a test")]
async fn the_test_attribute_keeps_other_attributes() {
    until(|| true).await;
    panic!("the end of a test");
}
