//! Reports of polls that take too long: which task, from where, and what its thread is doing.

mod common;

use common::{Counter, EVERYWHERE, On, Reports, Watchdog, ms};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use weftwork::{Builder, Handle, Runtime, Task, sleep, spawn};
use weftwork_std_or_loom::Mutex;

/// Longer than a poll may take in these tests.
const LONG_POLL: Duration = Duration::from_millis(150);

fn reporting() -> (Builder, Reports) {
    let reports = Reports::default();
    let sink = reports.clone();
    let builder = Runtime::builder().exception_handler(move |report| {
        assert!(report.is_slow_poll() && !report.is_error(), "{report}");
        assert!(
            report
                .to_string()
                .starts_with("warning in weftwork (a slow poll): the thread")
        );
        sink.add(report);
    });
    (builder.slow_poll(ms(20)), reports)
}

/// Runs a body everywhere; gives the first of the reports that came.
fn report_of(kind: On, builder: Builder, reports: &Reports, body: impl AsyncFn()) -> common::Seen {
    let runtime = kind.runtime(builder);
    // A machine that is busy may let the thread wait for a core instead, for once.
    for _ in 0..20 {
        runtime.block_on(async {
            body().await;
            // Until the next report is let through.
            sleep(ms(1)).await;
        });
        if let Some(first) = reports.take().into_iter().next() {
            return first;
        }
        std::thread::sleep(ms(1000));
    }
    panic!("no report on {kind:?}");
}

#[test]
fn a_task_that_sleeps_on_its_thread_is_named_with_the_system_call() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (builder, reports) = reporting();
        let line = line!() + 2;
        let seen = report_of(kind, builder, &reports, async || {
            let task = spawn(async { std::thread::sleep(LONG_POLL) });
            task.set_name("sleeper");
            task.await;
        });
        assert_eq!(seen.context, "a slow poll");
        assert_eq!(seen.task.as_deref(), Some("sleeper"), "{seen:?}");
        assert_eq!(seen.line, Some(line), "{seen:?}");
        assert!(
            seen.message.contains("has been in one poll for"),
            "{seen:?}"
        );
        if cfg!(target_os = "linux") {
            let call = "waiting in the system call clock_nanosleep";
            assert!(seen.message.contains(call), "{seen:?}");
        }
        // Whom nobody can help is told so.
        let alone = seen.message.contains("single-threaded");
        assert_eq!(alone, kind == On::Local, "{seen:?}");
    }
}

#[test]
fn a_task_that_computes_is_told_from_one_that_waits() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (builder, reports) = reporting();
        let seen = report_of(kind, builder, &reports, async || {
            let task = spawn(async {
                let begin = Instant::now();
                while begin.elapsed() < LONG_POLL {
                    std::hint::spin_loop();
                }
            });
            task.set_name("computes");
            task.await;
        });
        assert_eq!(seen.task.as_deref(), Some("computes"), "{seen:?}");
        if cfg!(target_os = "linux") {
            // On a machine that is busy it may have had no core.
            let fits = ["computing", "waiting for a core"];
            assert!(
                fits.iter().any(|fits| seen.message.contains(fits)),
                "{seen:?}"
            );
        }
    }
}

/// A callback is no task; the main future is one.
#[test]
fn callbacks_and_main_futures_are_told_of() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (builder, reports) = reporting();
        let seen = report_of(kind, builder, &reports, async || {
            let (called, is_called) = weftwork::sync::oneshot::channel();
            Handle::current().call_soon(move || {
                std::thread::sleep(LONG_POLL);
                called.send(()).unwrap();
            });
            is_called.await.unwrap();
        });
        assert_eq!(seen.task, None, "{seen:?}");
        assert!(seen.message.contains("in a callback"), "{seen:?}");

        let (builder, reports) = reporting();
        let seen = report_of(kind, builder, &reports, async || {
            let main = weftwork::current_task().unwrap();
            main.set_name("main");
            std::thread::sleep(LONG_POLL);
        });
        assert_eq!(seen.task.as_deref(), Some("main"), "{seen:?}");
    }
}

/// A task within whose poll another one started and ended is the one that blocks.
#[test]
fn a_task_that_blocks_after_an_eager_one_is_named() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (builder, reports) = reporting();
        let seen = report_of(kind, builder, &reports, async || {
            let task = spawn(async {
                Task::builder().eager(true).spawn(async {}).await;
                std::thread::sleep(LONG_POLL);
            });
            task.set_name("outer");
            task.await;
        });
        assert_eq!(seen.task.as_deref(), Some("outer"), "{seen:?}");
    }
}

/// One report a second at most, however many polls are slow.
#[test]
fn many_slow_polls_give_few_reports() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (builder, reports) = reporting();
        let begin = Instant::now();
        kind.runtime(builder).block_on(async {
            let blocks = || async { std::thread::sleep(ms(60)) };
            weftwork::gather((0..10).map(|_| spawn(blocks()))).await;
        });
        let most = begin.elapsed().as_secs() + 1;
        assert!(reports.count() as u64 <= most, "{:?}", reports.take());
    }
}

/// Nobody is told by default; in debug mode somebody is.
#[test]
fn the_debug_mode_reports() {
    let _watchdog = Watchdog::start();
    for (kind, debug) in [
        (On::Workers(2), false),
        (On::Workers(2), true),
        (On::Local, false),
        (On::Local, true),
    ] {
        let seen = Counter::default();
        let sink = seen.clone();
        let builder = Runtime::builder().debug(debug);
        let builder = builder.exception_handler(move |_| sink.add());
        let runtime = kind.runtime(builder);
        for _ in 0..20 {
            runtime.block_on(async { std::thread::sleep(ms(300)) });
            if seen.get() > 0 || !debug {
                break;
            }
        }
        runtime.close().unwrap();
        assert_eq!(seen.get() > 0, debug, "{kind:?}");
    }
}

/// A handler that panics harms nobody.
#[test]
fn a_handler_that_panics_harms_nobody() {
    let _watchdog = Watchdog::start();
    let told = Counter::default();
    let seen = told.clone();
    let builder = Runtime::builder().slow_poll(ms(20)).workers(2);
    let runtime = builder
        .exception_handler(move |_| {
            seen.add();
            panic!("in the handler");
        })
        .build()
        .unwrap();
    for n in 1..=2 {
        while told.get() < n {
            runtime.block_on(async { std::thread::sleep(ms(100)) });
        }
    }
    needs_spares(&runtime);
}

/// All workers are blocked until somebody stands in: who looks after them is still there.
fn needs_spares(runtime: &Runtime) {
    runtime.block_on(async {
        let blocked = (0..2).map(|_| {
            let (tell, told) = mpsc::channel();
            spawn(async move { tell.send(()).unwrap() }).detach();
            spawn(async move { told.recv().unwrap() })
        });
        weftwork::gather(blocked.collect::<Vec<_>>()).await;
    });
}

/// A handler that does not come back until it is let go.
fn stuck_handler(builder: Builder) -> (Builder, Counter, mpsc::Sender<()>) {
    let (told, (let_go, is_let_go)) = (Counter::default(), mpsc::channel::<()>());
    let (seen, is_let_go) = (told.clone(), Mutex::new(is_let_go));
    let builder = builder.slow_poll(ms(20)).exception_handler(move |_| {
        seen.add();
        let _ = is_let_go.lock().recv();
    });
    (builder, told, let_go)
}

/// Nobody waits for the handler, and there is one report before it at a time.
#[test]
fn a_handler_that_takes_long_holds_nobody_up() {
    let _watchdog = Watchdog::start();
    for workers in [1, 2] {
        let (builder, told, let_go) = stuck_handler(Runtime::builder());
        let runtime = On::Workers(workers).runtime(builder);
        while told.get() == 0 {
            runtime.block_on(async { std::thread::sleep(ms(60)) });
        }
        needs_spares(&runtime);
        // Longer than the time in which there is one report at most.
        std::thread::sleep(ms(1100));
        runtime.block_on(async { std::thread::sleep(ms(60)) });
        assert_eq!(told.get(), 1);
        needs_spares(&runtime);
        drop(let_go);
        runtime.close().unwrap();
    }
}

/// The end of a runtime does not wait for it for ever.
#[test]
fn a_handler_that_is_stuck_is_left_behind() {
    let _watchdog = Watchdog::start();
    for kind in [On::Workers(2), On::Local] {
        let builder = Runtime::builder().shutdown_timeout(ms(20));
        let (builder, told, let_go) = stuck_handler(builder);
        let runtime = kind.runtime(builder);
        while told.get() == 0 {
            runtime.block_on(async { std::thread::sleep(ms(60)) });
        }
        runtime.close().unwrap();
        drop(let_go);
    }
}
