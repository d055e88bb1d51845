//! Misuse gets a clear error, and late wakes, spawns and drops have no effect: no hang, no abort.

mod common;

use common::{
    Counter, EVERYWHERE, LONG, On, Watchdog, comes_true, foreign_block_on, forever, ms, panic_of,
    settle, until, worked,
};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use weftwork::sync::oneshot;
use weftwork::{
    Background, BlockOnError, BlockingError, BlockingRefusal, BlockingRefused, CancelSource,
    Handle, ResultError, Runtime, RuntimeError, TaskError, catch, finally, gather, local, run,
    run_local, sleep, spawn, spawn_blocking, try_run, try_spawn, yield_now,
};
use weftwork_std_or_loom::Mutex;

#[test]
fn outside_of_a_runtime_the_message_says_what_to_do() {
    let remedy = RuntimeError::NoRuntime.to_string();
    assert!(remedy.contains("weftwork::run") && remedy.contains("Handle::enter"));
    assert_eq!(panic_of(|| spawn(async {})), remedy);
    assert_eq!(panic_of(|| spawn_blocking(|| ())), remedy);
    assert_eq!(panic_of(|| drop(gather([async {}]))), remedy);
    assert_eq!(panic_of(Handle::current), remedy);
    assert_eq!(panic_of(weftwork::all_tasks), remedy);
    assert_eq!(panic_of(|| foreign_block_on(sleep(ms(1)))), remedy);
    assert!(panic_of(|| local::spawn(async {})).contains("run_local"));
    assert_eq!(Handle::try_current().unwrap_err(), RuntimeError::NoRuntime);
    let drops = Counter::default();
    let inside = drops.on_drop();
    let refused = try_spawn(async move { drop(inside) }).unwrap_err();
    assert_eq!(refused.reason(), RuntimeError::NoRuntime);
    assert_eq!(drops.get(), 0, "the future comes back");
    foreign_block_on(refused.into_future());
    assert_eq!(drops.get(), 1);
}

#[test]
fn no_workers_and_no_blocking_threads() {
    for (builder, remedy) in [
        (Runtime::builder().workers(0), ".workers(n)"),
        (
            Runtime::builder().blocking_threads(0),
            ".blocking_threads(n)",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(remedy), "{error}");
    }
}

#[test]
fn local_spawn_is_for_run_local() {
    let text = run(async { panic_of(|| local::spawn(async {})) });
    assert!(
        text.contains("run_local") && text.contains("weftwork::spawn"),
        "{text}"
    );
}

#[test]
fn nothing_enters_a_runtime_from_inside_of_one() {
    let _watchdog = Watchdog::start();
    let nested = RuntimeError::Nested.to_string();
    let other = Arc::new(Runtime::builder().workers(1).build().unwrap());
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let (inner, same, text) = (runtime.handle(), Arc::clone(&other), nested.clone());
        let check = move || {
            assert_eq!(panic_of(|| run(async {})), text);
            assert_eq!(panic_of(|| run_local(async {})), text);
            assert_eq!(panic_of(|| drop(try_run(async {}))), text);
            assert_eq!(panic_of(|| same.block_on(async {})), text);
            assert_eq!(same.run_forever(), Err(RuntimeError::Nested));
            let refused = same.try_block_on(async {}).unwrap_err();
            assert!(matches!(
                refused,
                BlockOnError::Runtime(RuntimeError::Nested)
            ));
        };
        runtime.block_on(async {
            check();
            spawn({
                let check = check.clone();
                async move { check() }
            })
            .await;
            let (called, is_called) = oneshot::channel();
            let on_lane = check.clone();
            inner.call_soon(move || {
                on_lane();
                called.send(()).unwrap();
            });
            is_called.await.unwrap();
        });
        assert_eq!(other.block_on(async { 5 }), 5, "it is as it was");
    }
}

#[test]
fn blocking_for_a_task_where_it_could_wait_for_itself() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let idle = runtime.handle().spawn(async {});
        let error = idle.blocking_result(None).unwrap_err();
        assert!(matches!(error, BlockingError::NotRunning(_)), "{kind:?}");
        assert!(error.to_string().contains("enter the runtime"), "{error}");
        runtime.block_on(async {
            let task = spawn(forever::<()>());
            assert_eq!(task.blocking_wait(None), Err(BlockingRefused::OnWorker));
            let error = task.blocking_result(LONG).unwrap_err();
            assert!(error.to_string().contains("await the task instead"));
            let BlockingError::OnWorker(task) = error else {
                panic!("{error:?}");
            };
            let (refused, is_refused) = oneshot::channel();
            Handle::current().call_soon(move || {
                let waited = task.blocking_wait(None);
                refused.send((task, waited)).unwrap();
            });
            let (task, waited) = is_refused.await.unwrap();
            assert_eq!(waited, Err(BlockingRefused::OnWorker));
            task.cancel();
        });
        runtime.close().unwrap();
        // After the end too: it was cancelled.
        let late = runtime.handle().spawn(async {});
        let failed = late.blocking_result(None).unwrap_err();
        assert!(matches!(
            failed,
            BlockingError::Failed(TaskError::Cancelled(_))
        ));
    }
}

#[test]
fn a_task_that_awaits_itself_and_results_that_are_not_there() {
    common::each_reporting(|reports| async move {
        let (give, given) = oneshot::channel::<weftwork::Task<()>>();
        let own = spawn(async move {
            let own = given.await.unwrap();
            own.await;
        });
        let control = own.control();
        give.send(own).unwrap();
        until(|| control.done()).await;
        until(|| reports.count() == 1).await;
        assert_eq!(reports.messages(), ["a task cannot await itself"]);
        let mut task = spawn(async { 5 });
        assert!(matches!(task.result(), Err(ResultError::InvalidState)));
        (&mut task).await;
        assert!(matches!(task.result(), Err(ResultError::Taken)));
        let again = catch(task).await.unwrap_err();
        assert!(again.to_string().contains("taken already"), "{again}");
    });
}

/// A runtime that keeps its reports for itself.
fn quiet(kind: On) -> Runtime {
    kind.runtime(Runtime::builder().exception_handler(|_| ()))
}

#[test]
fn a_closed_runtime_takes_nothing_and_keeps_nothing() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (runtime, drops) = (quiet(kind), Counter::default());
        let handle = runtime.handle();
        runtime.block_on(async {});
        runtime.close().unwrap();
        runtime.close().unwrap();
        let inside = || drops.on_drop();
        let held = inside();
        assert!(handle.spawn(async { drop(held) }).cancelled());
        let held = inside();
        let refused = handle.try_spawn(async { drop(held) }).unwrap_err();
        assert_eq!(refused.reason(), RuntimeError::Closed);
        drop(refused);
        let held = inside();
        let (refusal, _) = handle.try_spawn_blocking(move || drop(held)).unwrap_err();
        assert!(matches!(refusal, BlockingRefusal::Closed));
        let held = inside();
        drop(handle.spawn_blocking(move || drop(held)));
        let held = inside();
        drop(handle.call_soon(move || drop(held)));
        // A callback that holds the handle would keep the runtime for ever.
        let (held, own) = (inside(), handle.clone());
        drop(handle.call_later(LONG, move || drop((held, own))));
        assert_eq!(drops.get(), 6, "{kind:?}");
        assert!(handle.all_tasks().is_empty() && handle.is_closed());
        let entered = handle.enter();
        assert!(spawn(async {}).cancelled());
        let closed = RuntimeError::Closed.to_string();
        assert_eq!(panic_of(|| foreign_block_on(sleep(ms(1)))), closed);
        drop(entered);
        assert_eq!(panic_of(|| runtime.block_on(async {})), closed);
        assert_eq!(runtime.run_forever(), Err(RuntimeError::Closed));
        handle.stop();
    }
}

/// What is spawned by threads while the runtime ends is run, refused or cancelled, and always
/// dropped; nobody who waits for it hangs.
#[test]
fn spawning_against_the_shutdown() {
    for round in 0..common::scaled(500) {
        let _watchdog = Watchdog::of(&format!("round {round}"));
        let kind = EVERYWHERE[round % EVERYWHERE.len()];
        let (runtime, made, dropped) = (quiet(kind), Counter::default(), Counter::default());
        let (ready, is_ready) = mpsc::channel();
        let spawners: Vec<_> = (0..2)
            .map(|_| {
                let (handle, ready) = (runtime.handle(), ready.clone());
                let (made, dropped) = (made.clone(), dropped.clone());
                std::thread::spawn(move || {
                    ready.send(()).unwrap();
                    spawn_until_closed(&handle, &made, &dropped);
                })
            })
            .collect();
        for _ in &spawners {
            is_ready.recv().unwrap();
        }
        runtime.block_on(async {
            for _ in 0..round % 50 {
                yield_now().await;
            }
        });
        runtime.close().unwrap();
        for spawner in spawners {
            spawner.join().unwrap();
        }
        assert_eq!(dropped.get(), made.get(), "round {round} on {kind:?}");
    }
}

/// Spawns tasks and callbacks up to the first ones that come too late.
fn spawn_until_closed(handle: &Handle, made: &Counter, dropped: &Counter) {
    for n in 0.. {
        made.add();
        let inside = dropped.on_drop();
        let task = handle.spawn(async move {
            let _inside = inside;
            forever::<()>().await;
        });
        made.add();
        let inside = dropped.on_drop();
        handle.call_soon(move || drop(inside));
        let closed = handle.is_closed();
        let ended = foreign_block_on_end(task, closed);
        if closed {
            return assert!(ended, "cancelled by the end");
        }
        // Enough of them are there: the other threads are to get on.
        if n > 200 {
            std::thread::sleep(ms(1));
        }
    }
}

/// Waits for the end of a task of a closed runtime; otherwise lets it be.
fn foreign_block_on_end(task: weftwork::Task<()>, wait: bool) -> bool {
    if wait {
        return foreign_block_on(task.outcome()).is_err_and(|error| error.is_cancelled());
    }
    task.detach();
    false
}

/// Never dropped.
static LEAKED: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

#[test]
fn late_and_leaked_wakes_have_no_effect() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let kept = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let keep = |kept: &Arc<Mutex<Vec<Waker>>>| {
            let (kept, mut polls) = (Arc::clone(kept), 0);
            poll_fn(move |cx| {
                kept.lock().push(cx.waker().clone());
                // It wakes itself also by what it drops.
                polls += 1;
                if polls == 3 {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
        };
        let runtime = kind.runtime(Runtime::builder());
        runtime.block_on(async {
            spawn(keep(&kept)).await;
            // Completed, and its memory used again.
            gather((0..1000).map(|_| async {})).await;
            for waker in &*kept.lock() {
                waker.wake_by_ref();
            }
            settle().await;
            spawn(keep(&kept)).detach();
            LEAKED.lock().extend(kept.lock().first().cloned());
        });
        // The waker of a main future, which need not be 'static.
        let local = 5;
        runtime.block_on(async {
            keep(&kept).await;
            assert_eq!(local, 5);
        });
        runtime.close().unwrap();
        drop(runtime);
        let wakers = std::mem::take(&mut *kept.lock());
        assert!(wakers.len() >= 6, "{kind:?}");
        let wake = move || {
            for waker in wakers {
                waker.wake_by_ref();
                waker.wake();
            }
        };
        std::thread::spawn(wake).join().unwrap();
    }
}

/// A future that wakes its task, and cancels it, from its destructor.
struct WakesInDrop(Option<Waker>);

impl Future for WakesInDrop {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0 = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for WakesInDrop {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake_by_ref();
            if let Some(task) = weftwork::current_task() {
                task.cancel();
            }
            std::thread::spawn(move || waker.wake()).join().unwrap();
        }
    }
}

#[test]
fn wakes_during_the_drop_have_no_effect() {
    common::each(|| async {
        for _ in 0..20 {
            let task = spawn(WakesInDrop(None));
            yield_now().await;
            task.cancel();
            assert!(task.outcome().await.unwrap_err().is_cancelled());
        }
        spawn(WakesInDrop(None)).detach();
        settle().await;
    });
}

#[test]
fn a_runtime_dropped_in_a_task_of_another_one() {
    let _watchdog = Watchdog::start();
    for kind in common::WORKERS {
        let outer = kind.runtime(Runtime::builder());
        let drops = Counter::default();
        outer.block_on(async {
            let inner = Runtime::builder().workers(2).build().unwrap();
            let held = drops.on_drop();
            let task = inner.handle().spawn(finally(forever::<()>(), async {
                let _held = held;
                yield_now().await;
            }));
            spawn(async move { drop(inner) }).await;
            assert!(task.cancelled());
            assert_eq!(drops.get(), 1);
            assert_eq!(
                spawn(async { 5 }).await,
                5,
                "the thread is still a worker of this one"
            );
        });
    }
}

/// The last owner of a runtime is a task of its own that is still being polled when
/// `block_on` has returned: it cannot wait for itself.
#[test]
fn a_runtime_dropped_in_its_own_task() {
    let _watchdog = Watchdog::start();
    for workers in [2, 8] {
        let runtime = Arc::new(Runtime::builder().workers(workers).build().unwrap());
        let (handle, own) = (runtime.handle(), Arc::clone(&runtime));
        let (started, is_started) = oneshot::channel();
        let (released, is_released) = mpsc::channel::<()>();
        let (dropped, is_dropped) = mpsc::channel();
        runtime.block_on(async move {
            let task = async move {
                started.send(()).unwrap();
                is_released.recv().unwrap();
                assert_eq!(own.close(), Err(RuntimeError::Running));
                drop(own);
                dropped.send(()).unwrap();
            };
            // Where this thread runs it, it could never return.
            let here = std::thread::current().id();
            spawn_elsewhere(here, task).detach();
            is_started.await.unwrap();
        });
        drop(runtime);
        released.send(()).unwrap();
        is_dropped.recv().unwrap();
        assert!(comes_true(|| handle.is_closed() && !handle.is_running()));
        assert!(handle.all_tasks().is_empty());
    }
}

/// A task that starts its body on another thread than this one.
fn spawn_elsewhere<F>(here: std::thread::ThreadId, body: F) -> weftwork::Task<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    spawn(async move {
        while std::thread::current().id() == here {
            yield_now().await;
        }
        body.await
    })
}

#[test]
fn a_runtime_dropped_in_its_own_blocking_job() {
    let _watchdog = Watchdog::start();
    for workers in [1, 2, 8] {
        let runtime = Arc::new(Runtime::builder().workers(workers).build().unwrap());
        let (handle, own) = (runtime.handle(), Arc::clone(&runtime));
        let (released, is_released) = mpsc::channel::<()>();
        let (dropped, is_dropped) = mpsc::channel();
        runtime.block_on(async move {
            spawn_blocking(move || {
                is_released.recv().unwrap();
                assert_eq!(own.close(), Err(RuntimeError::Running));
                drop(own);
                dropped.send(()).unwrap();
            })
            .detach();
        });
        drop(runtime);
        released.send(()).unwrap();
        is_dropped.recv().unwrap();
        assert!(comes_true(|| handle.is_closed() && !handle.is_running()));
    }
}

thread_local! {
    static LEFT: RefCell<Vec<Runtime>> = const { RefCell::new(Vec::new()) };
    static LEFT_BACKGROUND: RefCell<Option<Background>> = const { RefCell::new(None) };
}

#[test]
fn a_runtime_dropped_in_the_destructor_of_a_thread_local() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let drops = Counter::default();
        let inside = drops.clone();
        let thread = std::thread::spawn(move || {
            // Before anything of weftwork was used here, so that this is destroyed last.
            LEFT.with_borrow_mut(|left| {
                let runtime = kind.runtime(Runtime::builder());
                runtime.block_on(async {
                    // Uses everything that has a place in a thread.
                    let entered = Handle::current();
                    let _entered = entered.enter();
                    assert!(
                        common::cancelled_task::<()>()
                            .await
                            .outcome()
                            .await
                            .is_err()
                    );
                    for _ in 0..10 {
                        let (held, late) = (inside.on_drop(), inside.on_drop());
                        let body = async move {
                            let _held = held;
                            let _ = catch(sleep(LONG)).await;
                        };
                        let cleanup = async move {
                            let _late = late;
                            yield_now().await;
                            spawn(async {}).outcome().await.unwrap_err();
                        };
                        spawn(finally(body, cleanup)).detach();
                    }
                    settle().await;
                });
                left.push(runtime);
            });
        });
        thread.join().unwrap();
        assert_eq!(drops.get(), 20, "{kind:?}");
    }
    let thread = std::thread::spawn(|| {
        LEFT_BACKGROUND.set(Some(Background::start("background").unwrap()));
    });
    thread.join().unwrap();
}

#[test]
fn a_runtime_with_100_000_tasks_is_dropped_in_no_time() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        // The best of a few, for this machine may be busy.
        let best = (0..3).map(|_| time_of_the_end(kind)).min().unwrap();
        let limit = ms(if cfg!(debug_assertions) { 1000 } else { 100 });
        assert!(best < limit, "{kind:?}: {best:?}");
    }
}

/// How long the thread that drops it works for that.
fn time_of_the_end(kind: On) -> Duration {
    let (runtime, drops) = (kind.runtime(Runtime::builder()), Counter::default());
    let count = common::scaled(100_000);
    runtime.block_on(async {
        for _ in 0..count {
            let inside = drops.on_drop();
            spawn(async move {
                let _inside = inside;
                forever::<()>().await;
            })
            .detach();
        }
        settle().await;
    });
    let start = worked();
    drop(runtime);
    let time = worked().saturating_sub(start);
    assert_eq!(drops.get(), count);
    time
}

#[test]
fn a_cancelled_main_future_of_a_thread_without_a_seat() {
    let _watchdog = Watchdog::start();
    let runtime = Runtime::builder()
        .workers(1)
        .caller_runs_tasks(false)
        .build()
        .unwrap();
    let refused = runtime.try_block_on(async {
        weftwork::current_task().unwrap().cancel();
        forever::<()>().await;
    });
    let Err(BlockOnError::Task(TaskError::Cancelled(cause))) = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(cause.source(), CancelSource::Task(_)));
}
