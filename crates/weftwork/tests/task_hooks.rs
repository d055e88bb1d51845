//! Hooks that see every task: named, counted, cancelled at birth; their panics.

mod common;

use common::{Counter, EVERYWHERE, Log, On, Reports, cancelled_task, forever, panic_of, until};
use futures::FutureExt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use weftwork::{
    Builder, Handle, Runtime, Task, catch, current_task, gather, local, spawn, spawn_blocking,
    yield_now,
};
use weftwork_std_or_loom::Mutex;

/// Runs a body everywhere with these hooks.
fn with<F: Future<Output = ()>>(hooks: impl Fn(Builder) -> Builder, body: impl Fn(On) -> F) {
    let _watchdog = common::Watchdog::start();
    for kind in EVERYWHERE {
        kind.runtime(hooks(Runtime::builder())).block_on(body(kind));
    }
}

#[test]
fn every_task_is_shown_before_anybody_sees_it() {
    let log = Log::default();
    let sink = log.clone();
    let hooks = move |builder: Builder| {
        let sink = sink.clone();
        builder.on_task_spawn(move |task| {
            assert!(task.polls() == 0 && !task.done());
            sink.add(format!("{} at {}", task.name(), task.location().line()));
            task.set_name(format!("seen {}", task.name()));
        })
    };
    with(hooks, |kind| {
        let log = log.clone();
        async move {
            assert!(
                current_task().unwrap().name().starts_with("seen Task-"),
                "the main task"
            );
            let before = log.len();
            let name = async { current_task().unwrap().name() };
            let builder = Task::builder().name("x");
            let line = line!() + 1;
            let named = builder.spawn(name);
            assert_eq!(named.await, "seen x");
            assert_eq!(log.get()[before], format!("x at {line}"));
            gather((0..2).map(|_| async {})).await;
            spawn_blocking(|| ()).await;
            Task::builder().eager(true).spawn(async {}).await;
            Handle::current().spawn(async {}).await;
            if kind == On::Local {
                local::spawn(async {}).await;
            }
            // Callbacks are no tasks.
            Handle::current().call_soon(|| ());
            let seen = log.len() - before;
            assert_eq!(seen, if kind == On::Local { 7 } else { 6 });
        }
    });
}

#[test]
fn every_end_is_shown_once_and_is_an_end() {
    let (log, count) = (Log::default(), Counter::default());
    let (sink, counts) = (log.clone(), count.clone());
    let hooks = move |builder: Builder| {
        let (sink, counts) = (sink.clone(), counts.clone());
        builder.on_task_end(move |task| {
            assert!(task.done());
            counts.add();
            let how = if task.cancelled() {
                "cancelled"
            } else if task.panicked() {
                "panicked"
            } else {
                "value"
            };
            sink.add(format!("{} {how}", task.name()));
        })
    };
    with(hooks, |_| {
        let (log, count) = (log.clone(), count.clone());
        async move {
            let before = count.get();
            let name = |name: &str| Task::builder().name(name);
            name("value").spawn(async { "dropped".to_owned() }).detach();
            let panics = name("panic").spawn(async { panic!("oh") });
            let cancelled = name("cancel").spawn(forever::<()>());
            yield_now().await;
            cancelled.cancel();
            assert!(panics.outcome().await.is_err() && cancelled.outcome().await.is_err());
            assert!(name("eager").eager(true).spawn(async {}).done());
            let unborn = name("unborn").spawn(async {});
            unborn.cancel();
            until(|| count.get() == before + 5).await;
            let mut seen = log.get()[before..].to_vec();
            seen.sort();
            let ends = ["cancel cancelled", "eager value", "panic panicked"];
            assert_eq!(seen[..3], ends);
            assert!(seen[3] == "unborn cancelled" || seen[3] == "unborn value");
            assert_eq!(seen[4], "value value");
        }
    });
    let ended = log
        .get()
        .iter()
        .filter(|end| end.starts_with("Task-"))
        .count();
    assert_eq!(ended, EVERYWHERE.len(), "the main tasks");
}

#[test]
fn all_that_began_ends_whatever_becomes_of_it() {
    let (begun, ended) = (Counter::default(), Counter::default());
    let (begins, ends) = (begun.clone(), ended.clone());
    let hooks = move |builder: Builder| {
        let (begins, ends) = (begins.clone(), ends.clone());
        builder
            .on_task_spawn(move |_| begins.add())
            .on_task_end(move |_| ends.add())
    };
    with(hooks, |_| async {
        for round in 0..500 {
            let task = spawn(async move {
                for _ in 0..round % 4 {
                    yield_now().await;
                }
                if round % 5 == 0 {
                    forever::<()>().await;
                }
            });
            match round % 3 {
                0 => drop(task),
                1 => drop(task.cancel()),
                _ if round % 5 != 0 => task.await,
                _ => {}
            }
        }
        // What is left is ended by the runtime.
    });
    assert_eq!(begun.get(), ended.get());
    assert_eq!(begun.get(), EVERYWHERE.len() * 501);
}

#[test]
fn a_hook_may_cancel_a_task_at_its_birth() {
    let hooks = |builder: Builder| {
        builder.on_task_spawn(|task| {
            if task.name() == "unwanted" {
                task.cancel_with("not here");
            }
        })
    };
    with(hooks, |_| async {
        for eager in [false, true] {
            let builder = Task::builder().name("unwanted").eager(eager);
            let task = builder.spawn(async { unreachable!("it is never polled") });
            let error = task.outcome().await.unwrap_err();
            assert!(error.is_cancelled() && error.to_string().contains("not here"));
        }
    });
}

#[test]
fn what_a_hook_spawns_is_not_shown_to_it() {
    let spawned = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&spawned);
    let hooks = move |builder: Builder| {
        let sink = Arc::clone(&sink);
        builder.on_task_spawn(move |task| {
            if let Ok(handle) = Handle::try_current() {
                let id = task.id();
                let watches = handle.spawn(async move { id });
                sink.lock().push(watches);
            }
        })
    };
    with(hooks, |_| {
        let spawned = Arc::clone(&spawned);
        async move {
            std::mem::take(&mut *spawned.lock());
            let tasks = [1, 2].map(|n| spawn(async move { n }));
            let ids: Vec<_> = tasks.iter().map(Task::id).collect();
            let watches = std::mem::take(&mut *spawned.lock());
            assert_eq!(gather(watches).await, ids);
            assert_eq!(gather(tasks).await, [1, 2]);
        }
    });
}

/// Also if that starts within the hook: then it is a task as any other.
#[test]
fn what_a_hook_s_task_spawns_is_shown_to_it() {
    for eager in [false, true] {
        let shown = Log::default();
        let sink = shown.clone();
        let hooks = move |builder: Builder| {
            let sink = sink.clone();
            builder.on_task_spawn(move |task| {
                sink.add(task.name());
                if task.name() == "first" {
                    let watch = Task::builder().name("watch").eager(eager);
                    let watch =
                        watch.spawn(async { Task::builder().name("last").spawn(async {}).await });
                    watch.detach();
                }
            })
        };
        with(hooks, |_| {
            let shown = shown.clone();
            async move {
                let first = Task::builder().name("first").spawn(async {});
                until(|| shown.get().iter().any(|name| name == "last")).await;
                first.await;
                assert!(!shown.get().iter().any(|name| name == "watch"));
            }
        });
    }
}

#[test]
fn a_panic_in_a_hook_is_reported_and_changes_nothing() {
    let _watchdog = common::Watchdog::start();
    for kind in EVERYWHERE {
        let reports = Reports::default();
        let sink = reports.clone();
        let builder = Runtime::builder()
            .exception_handler(move |report| sink.add(report))
            .on_task_spawn(|task| assert!(task.name() != "x", "at birth"))
            .on_task_end(|task| assert!(task.name() != "x", "at the end"));
        let runtime = kind.runtime(builder);
        runtime.block_on(async {
            assert_eq!(Task::builder().name("x").spawn(async { 1 }).await, 1);
            assert_eq!(Task::builder().name("y").spawn(async { 2 }).await, 2);
        });
        runtime.close().unwrap();
        let mut seen = reports.take();
        seen.sort_by(|a, b| a.message.cmp(&b.message));
        let contexts: Vec<_> = seen.iter().map(|seen| &*seen.context).collect();
        assert_eq!(
            contexts,
            ["a hook for spawned tasks", "a hook for ended tasks"]
        );
        assert!(seen.iter().all(|seen| seen.task.as_deref() == Some("x")));
    }
}

/// Whose poll it is called in hears nothing of what a hook awaits.
#[test]
fn hooks_are_no_part_of_the_scopes_around_them() {
    let cancelled = Arc::new(Mutex::new(Vec::<Task<()>>::new()));
    let looked = Counter::default();
    let hooks = |builder: Builder| {
        let (cancelled, looked) = (Arc::clone(&cancelled), looked.clone());
        let look = move || {
            let task = cancelled.lock().pop();
            if let Some(task) = task {
                panic_of(|| task.now_or_never());
                looked.add();
            }
        };
        let also = look.clone();
        builder
            .on_task_spawn(move |_| look())
            .on_task_end(move |_| also())
    };
    with(hooks, |_| {
        let (cancelled, looked) = (Arc::clone(&cancelled), looked.clone());
        async move {
            let before = looked.get();
            let mut tasks = Vec::new();
            for _ in 0..20 {
                tasks.push(cancelled_task().await);
            }
            cancelled.lock().extend(tasks);
            let body = poll_fn(|cx| {
                // Its end, too, comes in this poll.
                Task::builder().eager(true).spawn(async {}).detach();
                if looked.get() == before + 20 {
                    return Poll::Ready(5);
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            });
            assert_eq!(catch(body).await.ok(), Some(5));
        }
    });
}

#[test]
fn a_hook_of_one_runtime_does_not_hide_what_it_spawns_on_another() {
    let _watchdog = common::Watchdog::start();
    let (shown, spawned) = (Counter::default(), Counter::default());
    let counts = shown.clone();
    // Each one's hook spawns on the other: what comes back is hidden, or it would not end.
    let first: Arc<Mutex<Option<Handle>>> = Arc::default();
    let on_first = Arc::clone(&first);
    let builder = Runtime::builder().workers(1).on_task_spawn(move |_| {
        counts.add();
        let handle = on_first.lock().clone();
        handle.unwrap().spawn(async {}).detach();
    });
    let second = builder.build().unwrap();
    let (on_second, spawns) = (second.handle(), spawned.clone());
    let builder = Runtime::builder().workers(1).on_task_spawn(move |_| {
        spawns.add();
        on_second.spawn(async {}).detach();
    });
    let runtime = builder.build().unwrap();
    *first.lock() = Some(runtime.handle());
    for _ in 0..3 {
        runtime.handle().spawn(async {}).detach();
    }
    assert_eq!((spawned.get(), shown.get()), (3, 3));
    // They hold each other.
    first.lock().take();
}
