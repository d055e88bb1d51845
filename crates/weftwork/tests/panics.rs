//! Panics of user code in every place where the runtime calls it: contained, reported, no worker
//! lost, nothing leaked.

mod common;

use common::{Counter, EVERYWHERE, Flag, On, Reports, Watchdog, forever, ms, stuck_at, until};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use weftwork::sync::oneshot;
use weftwork::{
    Handle, Runtime, TaskControl, catch, gather, sleep, spawn, spawn_blocking, yield_now,
};
use weftwork_std_or_loom::Mutex;

/// Counts what is made and what of it is dropped.
#[derive(Clone, Default)]
struct Things {
    made: Counter,
    dropped: Counter,
}

/// One of them.
struct Thing(Things);

impl Things {
    fn one(&self) -> Thing {
        self.made.add();
        Thing(self.clone())
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.0.dropped.add();
    }
}

/// Panics when it is dropped, unless its thread panics already.
struct Grenade {
    text: &'static str,
    _thing: Thing,
}

impl std::fmt::Debug for Grenade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "{}", self.text);
    }
}

fn grenade(things: &Things, text: &'static str) -> Grenade {
    Grenade {
        text,
        _thing: things.one(),
    }
}

/// Runs a fault on every kind of runtime. All of it works afterwards, everything that was made is
/// dropped by the end, and the exception handler got these texts.
fn survives<F: Future<Output = ()>>(expected: &[&str], fault: impl Fn(Things) -> F) {
    let watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (reports, things) = (Reports::default(), Things::default());
        let sink = reports.clone();
        let runtime =
            kind.runtime(Runtime::builder().exception_handler(move |report| sink.add(report)));
        runtime.block_on(async {
            fault(things.clone()).await;
            works(kind).await;
        });
        runtime.close().unwrap();
        drop(runtime);
        assert!(things.made.get() > 0, "{kind:?}: the fault makes things");
        assert_eq!(things.dropped.get(), things.made.get(), "{kind:?}: dropped");
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(reports.messages(), expected, "{kind:?}: reports");
    }
    drop(watchdog);
}

/// 1,000 spawns, 1,000 timers, callbacks and blocking jobs work, and every worker is alive.
async fn works(kind: On) {
    let tasks: Vec<_> = (0..1000)
        .map(|n| {
            spawn(async move {
                yield_now().await;
                n
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await, n);
    }
    gather((0..1000).map(|n| sleep(ms(n % 3)))).await;
    let (called, is_called) = oneshot::channel();
    Handle::current().call_soon(move || called.send(7).unwrap());
    assert_eq!(is_called.await.unwrap(), 7);
    assert_eq!(spawn_blocking(|| 8).await, 8);
    if let On::Workers(workers) = kind {
        // They meet only if all workers are there.
        let barrier = Arc::new(Barrier::new(workers));
        gather((0..workers).map(|_| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait();
            }
        }))
        .await;
    }
}

/// A future that panics when it is dropped, after it was ready or before.
struct Fragile(bool, #[allow(dead_code, reason = "for its drop")] Grenade);

impl Future for Fragile {
    type Output = Thing;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Thing> {
        if self.0 {
            Poll::Ready(self.1._thing.0.one())
        } else {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

#[test]
fn in_a_poll() {
    survives(&["unseen", "after a wait"], |things| async move {
        let thing = things.one();
        let seen = spawn(async move {
            let _thing = thing;
            panic!("seen");
        });
        assert!(catch(seen).await.unwrap_err().is_panic());
        let thing = things.one();
        spawn(async move {
            let _thing = thing;
            panic!("unseen");
        })
        .detach();
        let thing = things.one();
        spawn(async move {
            let _thing = thing;
            sleep(ms(1)).await;
            panic!("after a wait");
        })
        .detach();
        until(|| things.dropped.get() == 3).await;
    });
}

#[test]
fn in_the_drop_of_a_future() {
    survives(&["unseen", "cancelled unseen"], |things| async move {
        let ready = spawn(Fragile(true, grenade(&things, "ready")));
        assert!(ready.outcome().await.is_err_and(|error| error.is_panic()));
        let cancelled = spawn(Fragile(false, grenade(&things, "cancelled")));
        yield_now().await;
        cancelled.cancel();
        assert!(cancelled.outcome().await.is_err_and(|e| e.is_panic()));
        spawn(Fragile(true, grenade(&things, "unseen"))).detach();
        let unseen = spawn(Fragile(false, grenade(&things, "cancelled unseen")));
        unseen.cancel();
        unseen.detach();
        until(|| things.dropped.get() == things.made.get()).await;
    });
}

#[test]
fn in_a_poll_and_then_in_the_drop_of_the_future() {
    survives(&["poll", "drop"], |things| async move {
        let held = grenade(&things, "drop");
        let mut held = Some(held);
        let future = poll_fn(move |_| {
            // Kept beyond the panic: the future owns it.
            assert!(held.as_mut().is_none(), "poll");
            Poll::<()>::Pending
        });
        spawn(future).detach();
        until(|| things.dropped.get() == 1).await;
    });
}

#[test]
fn in_the_drop_of_an_output() {
    let expected = [
        "nobody wants it",
        "dropped with its handle",
        "of a cancelled",
    ];
    survives(&expected, |things| async move {
        let output = grenade(&things, "nobody wants it");
        spawn(async { output }).detach();
        until(|| things.dropped.get() == 1).await;
        let output = grenade(&things, "dropped with its handle");
        let task = spawn(async { output });
        task.finished().await;
        drop(task);
        let output = grenade(&things, "of a cancelled");
        let task = spawn(async {
            weftwork::current_task().unwrap().cancel();
            output
        });
        assert!(catch(task).await.unwrap_err().is_cancelled());
        // An awaiter that gets it panics itself.
        let output = grenade(&things, "the awaiter's");
        let awaiter = spawn(async { drop(spawn(async { output }).await) });
        assert!(catch(awaiter).await.unwrap_err().is_panic());
    });
}

/// The report of an output that panics in its drop may be kept, and the task in it.
#[test]
fn a_task_in_a_report_stays_alive() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (kept, things) = (
            Arc::new(Mutex::new(Vec::<TaskControl>::new())),
            Things::default(),
        );
        let sink = Arc::clone(&kept);
        let handler = move |report: &weftwork::Report| {
            sink.lock().extend(report.task().cloned());
        };
        let runtime = kind.runtime(Runtime::builder().exception_handler(handler));
        let outputs: Vec<_> = (0..100).map(|_| grenade(&things, "output")).collect();
        runtime.block_on(async {
            for output in outputs {
                spawn(async { output }).detach();
            }
            until(|| things.dropped.get() == 100).await;
            // Their memory would be used again here.
            gather((0..1000).map(|_| async {})).await;
        });
        drop(runtime);
        let kept = std::mem::take(&mut *kept.lock());
        assert_eq!(kept.len(), 100, "{kind:?}");
        for task in kept {
            assert!(task.done() && !task.cancel(), "{kind:?}: {task:?}");
            assert_eq!(task.name(), format!("Task-{}", task.id()));
        }
    }
}

/// A foreign waker that panics when it is called.
struct BadWaker {
    called: Flag,
    _thing: Thing,
}

impl Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        self.called.set();
        panic!("in a waker");
    }
}

fn bad_waker(things: &Things) -> (Waker, Flag) {
    let called = Flag::default();
    let waker = Arc::new(BadWaker {
        called: called.clone(),
        _thing: things.one(),
    });
    (Waker::from(waker), called)
}

/// Polls once with a bad waker.
fn leave_bad_waker<F: Future + Unpin>(future: &mut F, things: &Things) -> Flag {
    let (waker, called) = bad_waker(things);
    let polled = Pin::new(future).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    called
}

#[test]
fn in_the_waker_of_a_joiner() {
    survives(&["in a waker"; 2], |things| async move {
        let (open, opened) = oneshot::channel::<()>();
        let mut task = spawn(async move { opened.await.unwrap() });
        let called = leave_bad_waker(&mut task, &things);
        let mut also = Box::pin(task.finished());
        let called_too = leave_bad_waker(&mut also, &things);
        open.send(()).unwrap();
        until(|| called.is_set() && called_too.is_set()).await;
        also.await;
        task.await;
    });
}

#[test]
fn in_the_waker_of_a_group() {
    survives(&["in a waker"], |things| async move {
        let (open, opened) = oneshot::channel::<()>();
        let mut group = gather([async move { opened.await.unwrap() }]);
        let called = leave_bad_waker(&mut group, &things);
        open.send(()).unwrap();
        until(|| called.is_set()).await;
        group.await;
    });
}

#[test]
fn in_the_waker_of_a_timer_and_of_a_blocking_job() {
    survives(&["in a waker"; 3], |things| async move {
        let mut sleeps: Vec<_> = (0..2).map(|_| sleep(ms(3))).collect();
        let called: Vec<_> = sleeps
            .iter_mut()
            .map(|sleep| leave_bad_waker(sleep, &things))
            .collect();
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let mut job = spawn_blocking(move || opened.recv().unwrap());
        let called_too = leave_bad_waker(&mut job, &things);
        open.send(()).unwrap();
        until(|| called.iter().all(Flag::is_set) && called_too.is_set()).await;
        for sleep in sleeps {
            sleep.await;
        }
        job.await;
    });
}

/// A foreign waker that panics when its last clone is dropped.
struct FragileWaker(#[allow(dead_code, reason = "for its drop")] Grenade);

impl Wake for FragileWaker {
    fn wake(self: Arc<Self>) {}
}

static LEAKED: Mutex<Vec<Pin<Box<weftwork::time::Sleep>>>> = Mutex::new(Vec::new());

#[test]
fn in_the_drop_of_a_waker() {
    survives(
        &["woken", "with the handle", "in a timer"],
        |things| async move {
            let waker = |text| Waker::from(Arc::new(FragileWaker(grenade(&things, text))));
            // On a thread without a task, so that the slot of the joiner alone has the waker.
            let leave = |mut task: weftwork::Task<Thing>, waker: Waker| {
                let thread = std::thread::spawn(move || {
                    let polled = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
                    assert!(polled.is_pending());
                    task
                });
                thread.join().unwrap()
            };
            let stuck = || {
                let (open, opened) = oneshot::channel::<()>();
                let thing = things.one();
                let task = spawn(async move {
                    let _ = opened.await;
                    thing
                });
                (open, task)
            };
            // Called and so dropped by the completer.
            let (open, task) = stuck();
            let task = leave(task, waker("woken"));
            open.send(()).unwrap();
            task.finished().await;
            drop(task.await);
            // Dropped with the handle.
            let (open, task) = stuck();
            let task = leave(task, waker("with the handle"));
            drop(task);
            open.send(()).unwrap();
            // Replaced by another one, by whoever polls.
            let (open, task) = stuck();
            let mut task = leave(task, waker("replaced"));
            let text = common::panic_of(|| {
                Pin::new(&mut task)
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            });
            assert_eq!(text, "replaced");
            open.send(()).unwrap();
            drop(task.await);
            // Left in a timer at the end of the runtime.
            let mut timer = Box::pin(sleep(common::LONG));
            let last = waker("in a timer");
            assert!(
                timer
                    .as_mut()
                    .poll(&mut Context::from_waker(&last))
                    .is_pending()
            );
            drop(last);
            // Never dropped, so that it does not take the waker back.
            LEAKED.lock().push(timer);
        },
    );
}

#[test]
fn in_callbacks() {
    let expected = ["soon", "later", "done", "done too", "captured"];
    survives(&expected, |things| async move {
        let handle = Handle::current();
        let (thing, other) = (things.one(), things.one());
        handle.call_soon(move || {
            let _thing = thing;
            panic!("soon");
        });
        handle.call_later(ms(1), move || {
            let _thing = other;
            panic!("later");
        });
        let task = spawn(async {});
        for text in ["done", "done too"] {
            let thing = things.one();
            task.add_done_callback(move |_| {
                let _thing = thing;
                panic!("{text}");
            });
        }
        // The value comes after the callbacks.
        task.await;
        let captured = grenade(&things, "captured");
        handle.call_soon(move || {
            let _captured = &captured;
        });
        until(|| things.dropped.get() == things.made.get()).await;
    });
}

#[test]
fn in_callbacks_that_never_run() {
    survives(&["late"; 3], |things| async move {
        let handle = Handle::current();
        for _ in 0..3 {
            let late = grenade(&things, "late");
            handle.call_later(common::LONG, move || drop(late));
        }
        // Cancelled: the panic is the canceller's.
        let cancelled = grenade(&things, "cancelled");
        let call = handle.call_later(common::LONG, move || drop(cancelled));
        assert_eq!(common::panic_of(|| call.cancel()), "cancelled");
        let removed = grenade(&things, "removed");
        let (task, held) = (spawn(forever::<()>()), things.one());
        let id = task.add_done_callback(move |_| drop((removed, held)));
        assert_eq!(
            common::panic_of(|| task.remove_done_callback(id)),
            "removed"
        );
    });
}

#[test]
fn in_blocking_jobs() {
    survives(&["unseen", "result"], |things| async move {
        let thing = things.one();
        let job = spawn_blocking(move || {
            let _thing = thing;
            panic!("seen");
        });
        assert!(catch(job).await.unwrap_err().is_panic());
        let thing = things.one();
        spawn_blocking(move || {
            let _thing = thing;
            panic!("unseen");
        })
        .detach();
        until(|| things.dropped.get() == 2).await;
        // Its task is gone when it ends: the result is dropped by the pool.
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let (started, is_started) = oneshot::channel();
        let result = grenade(&things, "result");
        let job = spawn_blocking(move || {
            started.send(()).unwrap();
            opened.recv().unwrap();
            result
        });
        is_started.await.unwrap();
        job.cancel();
        assert!(catch(job).await.unwrap_err().is_cancelled());
        open.send(()).unwrap();
        until(|| things.dropped.get() == 3).await;
    });
}

/// A panic's payload that panics when it is dropped.
#[test]
fn in_the_drop_of_a_payload() {
    survives(&["a payload that is not text"; 3], |things| async move {
        let bomb = grenade(&things, "payload");
        spawn(async { panic_any(bomb) }).detach();
        let bomb = grenade(&things, "payload");
        Handle::current().call_soon(move || panic_any(bomb));
        let bomb = grenade(&things, "payload");
        let task = spawn(async {});
        task.add_done_callback(move |_| panic_any(bomb));
        task.await;
        // Somebody sees it and drops it: the panic is his.
        let bomb = grenade(&things, "payload");
        let error = catch(spawn(async { panic_any(bomb) })).await.unwrap_err();
        assert_eq!(common::panic_of(|| drop(error)), "payload");
        until(|| things.dropped.get() == 4).await;
    });
}

#[test]
fn in_the_exception_handler() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let seen = Counter::default();
        let counter = seen.clone();
        let runtime = kind.runtime(Runtime::builder().exception_handler(move |_| {
            counter.add();
            panic!("in the handler");
        }));
        runtime.block_on(async {
            for _ in 0..10 {
                spawn(async { panic!("in a task") }).detach();
                Handle::current().call_soon(|| panic!("in a callback"));
            }
            until(|| seen.get() == 20).await;
            works(kind).await;
        });
    }
}

#[test]
fn in_clean_up_at_the_end() {
    survives(&["clean-up", "future"], |things| async move {
        let thing = things.one();
        common::started(|reached| {
            weftwork::finally(stuck_at::<()>(reached), async move {
                let _thing = thing;
                yield_now().await;
                panic!("clean-up");
            })
        })
        .await
        .detach();
        let bomb = grenade(&things, "future");
        common::started(|reached| async move {
            let _bomb = bomb;
            stuck_at::<()>(reached).await;
        })
        .await
        .detach();
    });
}

#[test]
fn in_the_main_future_again_and_again() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (runtime, things) = (kind.runtime(Runtime::builder()), Things::default());
        for _ in 0..20 {
            let thing = things.one();
            let main = async {
                let _thing = thing;
                yield_now().await;
                panic!("main");
            };
            let panicked = catch_unwind(AssertUnwindSafe(|| runtime.block_on(main)));
            let payload: Box<dyn std::any::Any + Send> = panicked.unwrap_err();
            assert_eq!(payload.downcast_ref(), Some(&"main"));
        }
        runtime.block_on(works(kind));
        assert_eq!((things.made.get(), things.dropped.get()), (20, 20));
    }
}
