//! Tasks that start at once: the first poll is a part of the spawn.

mod common;

use common::{Counter, Log, cancelled_task, each, each_reporting, forever, on, stuck_at, until};
use futures::FutureExt;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use weftwork::sync::{Event, oneshot};
use weftwork::{
    Handle, Runtime, Task, TaskBuilder, all_tasks, catch, current_task, finally, spawn,
    spawn_blocking, task_local, yield_now,
};
use weftwork_task_context::{ThreadKind, delivering, thread_kind};

fn eager() -> TaskBuilder {
    Task::builder().eager(true)
}

#[test]
fn a_task_that_ends_at_once_is_never_queued() {
    each(|| async {
        let log = Log::default();
        let task = eager().name("quick").spawn({
            let log = log.clone();
            async move {
                log.add("task");
                5
            }
        });
        log.add("spawner");
        assert!(task.done());
        assert_eq!(
            (task.control().polls(), task.name()),
            (1, "quick".to_owned())
        );
        assert_eq!(task.await, 5);
        assert_eq!(log.get(), ["task", "spawner"]);
    });
}

#[test]
fn a_task_that_suspends_goes_on_as_any_other() {
    each(|| async {
        let (log, go) = (Log::default(), Arc::new(Event::new()));
        let task = eager().spawn({
            let (log, go) = (log.clone(), Arc::clone(&go));
            async move {
                log.add("first");
                go.wait().await;
                log.add("second");
                yield_now().await;
                7
            }
        });
        log.add("spawner");
        assert!(!task.done());
        go.set();
        assert_eq!(task.await, 7);
        assert_eq!(log.get(), ["first", "spawner", "second"]);
        // One that wakes itself in its first poll.
        let task = eager().spawn(async {
            yield_now().await;
            8
        });
        assert_eq!(task.await, 8);
    });
}

#[test]
fn the_current_task_is_right_within_and_after() {
    each(|| async {
        let me = current_task().unwrap();
        let spawner = me.clone();
        let task = eager().spawn(async move {
            let inner = current_task().unwrap();
            assert_ne!(inner, spawner);
            assert_eq!(inner.state(), "running");
            assert!(all_tasks().contains(&inner) && all_tasks().contains(&spawner));
            inner.id()
        });
        assert_eq!(current_task().as_ref(), Some(&me));
        let id = task.id();
        assert_eq!(task.await, id);
        // In a callback there is none.
        let (promise, seen) = oneshot::channel();
        Handle::current().call_soon(move || {
            let task = eager().spawn(async {
                assert_eq!(thread_kind(), ThreadKind::Worker);
                current_task().is_some()
            });
            assert_eq!(thread_kind(), ThreadKind::Lane);
            let inside = Handle::current().all_tasks().len();
            promise
                .send((task.done(), current_task().is_none(), inside > 0))
                .unwrap();
        });
        assert_eq!(seen.await.unwrap(), (true, true, true));
    });
}

#[test]
fn a_panic_is_the_tasks_own() {
    each_reporting(|reports| async move {
        let task = eager().spawn(async { panic!("oh") });
        assert!(task.panicked());
        let error = task.outcome().await.unwrap_err();
        assert_eq!(error.to_string(), "panicked: oh");
        drop(eager().spawn(async { panic!("unseen") }));
        assert_eq!(reports.messages(), ["unseen"]);
    });
}

#[test]
fn it_can_be_cancelled_by_itself_and_later() {
    each(|| async {
        let itself = eager().spawn(async {
            current_task().unwrap().cancel();
            forever::<()>().await;
        });
        assert!(itself.cancelled(), "at its first await");
        let returns = eager().spawn(async { current_task().unwrap().cancel() });
        assert!(
            returns.cancelled(),
            "a task that cancels itself and returns is cancelled"
        );
        let log = Log::default();
        let later = eager().spawn({
            let log = log.clone();
            async move { finally(forever::<()>(), async move { log.add("clean-up") }).await }
        });
        assert!(later.cancel());
        later.finished().await;
        assert!(later.cancelled());
        assert_eq!(log.get(), ["clean-up"]);
        let done = eager().spawn(async {});
        assert!(!done.cancel());
    });
}

#[test]
fn a_cancel_of_the_spawner_is_not_the_tasks() {
    each(|| async {
        let (promise, inner) = oneshot::channel();
        let outer = spawn(async move {
            let me = current_task().unwrap();
            let task = eager().spawn(async move {
                me.cancel();
                yield_now().await;
                1
            });
            promise.send(task).map_err(drop).unwrap();
            yield_now().await;
            unreachable!("it was cancelled");
        });
        outer.finished().await;
        assert!(outer.cancelled());
        assert_eq!(inner.await.unwrap().await, 1);
    });
}

/// Does what it is asked in a poll that delivers a cancel.
struct InDelivery<F>(Option<F>);

impl<F: FnOnce() + Unpin> Future for InDelivery<F> {
    type Output = ();

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        if delivering()
            && let Some(f) = self.0.take()
        {
            f();
        }
        std::task::Poll::Pending
    }
}

#[test]
fn a_delivery_is_not_seen_by_a_task_that_starts_in_it() {
    each(|| async {
        let (promise, inner) = oneshot::channel();
        let (reached, is_reached) = oneshot::channel();
        let outer = spawn(async move {
            let start = move || {
                let semaphore = weftwork::sync::Semaphore::new(1);
                let task = eager().spawn(async move {
                    // A leaf that would decline in a delivery.
                    semaphore.acquire().await.unwrap().forget();
                    catch(async { 2 }).await.unwrap()
                });
                promise.send((task.done(), task)).map_err(drop).unwrap();
            };
            reached.send(()).unwrap();
            catch(InDelivery(Some(start)))
                .await
                .unwrap_err()
                .is_cancelled()
        });
        is_reached.await.unwrap();
        yield_now().await;
        outer.cancel();
        let (done, task) = inner.await.unwrap();
        assert!(done);
        assert_eq!(task.await, 2);
        assert!(outer.await, "the spawner took its cancel as ever");
    });
}

#[test]
fn a_wake_of_the_spawner_within_is_not_lost() {
    each(|| async {
        for _ in 0..100 {
            let event = Arc::new(Event::new());
            let sets = Arc::clone(&event);
            let mut waits = Box::pin(event.wait());
            assert!(futures::poll!(&mut waits).is_pending());
            let task = eager().spawn(async move {
                sets.set();
                yield_now().await;
            });
            waits.await;
            task.await;
        }
    });
}

fn nest(depth: u32, log: Log) -> std::pin::Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            return 0;
        }
        let task = eager().spawn(nest(depth - 1, log.clone()));
        log.add(if task.done() { "done" } else { "queued" });
        task.await + 1
    })
}

#[test]
fn nesting_is_bounded_and_goes_on_as_a_plain_spawn() {
    each(|| async {
        let log = Log::default();
        assert_eq!(nest(10_000, log.clone()).await, 10_000);
        assert!(log.get().iter().any(|what| what == "queued"));
        // The bound is for what lies within each other, not for the number.
        for _ in 0..1_000 {
            assert!(eager().spawn(async {}).done());
        }
    });
}

#[test]
fn local_futures_start_at_once_too() {
    weftwork::run_local(async {
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks = [0, 1].map(|n| {
            let log = Rc::clone(&order);
            let task = eager().spawn_local(async move {
                log.borrow_mut().push(10 * n);
                yield_now().await;
                log.borrow_mut().push(10 * n + 1);
                Rc::new(n)
            });
            order.borrow_mut().push(10 * n + 5);
            task
        });
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(*task.await, n);
        }
        assert_eq!(*order.borrow(), [0, 5, 10, 15, 1, 11]);
    });
}

#[test]
fn without_a_worker_it_is_a_plain_spawn() {
    let _watchdog = common::Watchdog::start();
    let runtime = Runtime::builder().workers(1).build().unwrap();
    let task = eager().spawn_on(&runtime.handle(), async { 1 });
    assert!(!task.done(), "nobody runs the runtime");
    assert_eq!(runtime.block_on(task), 1);
    runtime.block_on(async {
        let handle = Handle::current();
        let other = Runtime::builder().workers(1).build().unwrap();
        let elsewhere = eager().spawn_on(&other.handle(), async { 2 });
        assert!(!elsewhere.done(), "a worker of another runtime");
        let pooled = spawn_blocking(move || eager().spawn_on(&handle, async { 3 }).done());
        pooled.await;
        drop((elsewhere, spawn_blocking(move || drop(other)).await));
    });
    runtime.close().unwrap();
    let late = eager()
        .name("late")
        .spawn_on(&runtime.handle(), async { 4 });
    assert!(late.cancelled() && late.name() == "late");
    let apart = Runtime::builder()
        .workers(2)
        .caller_runs_tasks(false)
        .build()
        .unwrap();
    let value = apart.block_on(async { eager().spawn(async { 5 }).await });
    assert_eq!(value, 5);
}

task_local! {
    static NUMBER: u32 = 0;
}

#[test]
fn it_has_its_own_locals() {
    each(|| async {
        NUMBER.set(1);
        let task = eager().spawn(async {
            let before = NUMBER.get().unwrap();
            NUMBER.set(2);
            yield_now().await;
            (before, NUMBER.get().unwrap())
        });
        assert_eq!(NUMBER.get(), Ok(1));
        assert_eq!(task.await, (1, 2));
    });
}

#[test]
fn callbacks_joiners_and_shutdown_meet_it_as_any_other() {
    each(|| async {
        let log = Log::default();
        let task = eager().spawn(async { 3 });
        let seen = log.clone();
        task.add_done_callback(move |task| seen.add(format!("{:?}", task.value())));
        assert_eq!(task.await, 3, "after its callback");
        assert_eq!(log.get(), ["Some(3)"]);
        let (reached, is_reached) = oneshot::channel();
        eager().spawn(stuck_at::<()>(reached)).detach();
        assert!(is_reached.await.is_ok());
        // The end of the runtime finds it.
    });
}

#[test]
fn many_from_everywhere() {
    on(&common::WORKERS, |_| async {
        let (begun, ended) = (Counter::default(), Counter::default());
        let rounds = common::scaled(20_000);
        let spawners = (0..4).map(|_| {
            let (begun, ended) = (begun.clone(), ended.clone());
            async move {
                for round in 0..rounds {
                    let (begun, ended) = (begun.clone(), ended.clone());
                    let task = eager().spawn(async move {
                        begun.add();
                        let _counts = ended.on_drop();
                        if round % 3 != 0 {
                            yield_now().await;
                        }
                        if round % 7 == 0 {
                            spawn(async {}).await;
                        }
                    });
                    match round % 5 {
                        0 => drop(task),
                        1 => drop(task.cancel()),
                        _ => task.await,
                    }
                }
            }
        });
        weftwork::gather(spawners).await;
        until(|| ended.get() == begun.get() && all_tasks().len() == 1).await;
        assert_eq!(begun.get(), 4 * rounds, "an eager task has always begun");
    });
}

/// Awaits a task that was cancelled, in its destructor.
struct Looks(Option<Task<()>>);

impl Drop for Looks {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().now_or_never();
    }
}

task_local! {
    static LOOKS: Looks;
}

/// What ends within the spawn is no part of the scopes around it.
#[test]
fn a_cancelled_await_in_a_destructor_is_not_the_spawner_s() {
    each_reporting(|reports| async move {
        for is_eager in [false, true] {
            let body = async move {
                for _ in 0..20 {
                    let cancelled = cancelled_task::<()>().await;
                    let looks = async { drop(LOOKS.set(Looks(Some(cancelled)))) };
                    let task = eager().eager(is_eager).spawn(looks);
                    until(|| task.done()).await;
                    yield_now().await;
                }
                5
            };
            assert_eq!(catch(body).await.unwrap(), 5, "eager: {is_eager}");
            // A destructor is outside of every task, where nothing can say that it was cancelled.
            assert_eq!(reports.messages().len(), 20);
        }
    });
}
