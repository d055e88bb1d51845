//! The surface of a task: identity, result, waiting, names, callbacks' view, repr, blocking.

mod common;

use common::{
    Counter, Flag, LONG, Reports, Watchdog, cancelled_task, each, each_reporting, forever, ms,
    panic_of, started, stuck, until,
};
use std::collections::HashSet;
use std::sync::mpsc;
use std::time::Duration;
use weftwork::sync::oneshot;
use weftwork::{
    BlockingError, BlockingRefused, Handle, ResultError, Runtime, Task, TaskControl, TaskError,
    all_tasks, catch, current_task, spawn, spawn_blocking, try_spawn, yield_now,
};

#[test]
fn awaiting_gives_the_value_by_value_and_by_reference() {
    each(|| async {
        assert_eq!(spawn(async { "v".to_owned() }).await, "v");
        let mut task = spawn(async { 5 });
        assert_eq!((&mut task).await, 5);
        assert!(matches!(task.result(), Err(ResultError::Taken)));
    });
}

#[test]
fn a_panic_resumes_in_the_awaiter_with_its_payload() {
    each(|| async {
        struct Odd(u32);
        let task = spawn(async { std::panic::panic_any(Odd(7)) });
        let caught: Result<(), _> = catch(task).await;
        let Err(TaskError::Panicked(payload)) = caught else {
            panic!("no panic")
        };
        assert_eq!(payload.downcast_ref::<Odd>().map(|odd| odd.0), Some(7));
        let outcome = spawn(async { panic!("text {}", 1) }).outcome().await;
        let error: TaskError = outcome.unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(error.to_string(), "panicked: text 1");
    });
}

#[test]
fn a_task_that_awaits_itself_panics() {
    each_reporting(|reports| async move {
        let (give, own) = oneshot::channel::<Task<()>>();
        let task = spawn(async move { own.await.unwrap().await });
        assert!(give.send(task).is_ok());
        until(|| reports.count() == 1).await;
        assert_eq!(reports.messages(), ["a task cannot await itself"]);
    });
}

#[test]
fn ids_are_unique_and_never_used_again() {
    each(|| async {
        let mut ids = HashSet::new();
        for _ in 0..500 {
            let task = spawn(async {});
            assert!(ids.insert(task.id()), "id {} twice", task.id());
            assert_eq!(task.control().id(), task.id());
            task.await;
        }
        assert!(ids.insert(current_task().unwrap().id()));
    });
}

#[test]
fn names_and_locations() {
    each(|| async {
        let task = spawn(forever::<()>());
        let line = line!() - 1;
        assert_eq!(task.name(), format!("Task-{}", task.id()));
        assert_eq!(
            (task.location().line(), task.location().file()),
            (line, file!())
        );
        task.set_name("worker bee");
        assert_eq!(task.control().name(), "worker bee");
        task.control().set_name("drone");
        assert_eq!(task.name(), "drone");
        task.cancel();
        let seen = Task::builder().name("seen").spawn(async {
            // The name is given after the spawn, so wait for it.
            until(|| current_task().unwrap().name() == "seen").await;
        });
        assert_eq!(seen.location().line(), line!() - 4);
        seen.await;
        let task = Task::builder()
            .name("x")
            .spawn_on(&Handle::current(), async {});
        assert_eq!(task.name(), "x");
        assert_eq!(
            Task::builder()
                .name("y")
                .try_spawn(async {})
                .unwrap()
                .name(),
            "y"
        );
        let gathered = weftwork::gather([async {}]);
        assert!(format!("{gathered:?}").contains("tasks.rs"), "{gathered:?}");
    });
}

#[test]
fn result_never_blocks() {
    each(|| async {
        let (go, gate) = oneshot::channel::<u8>();
        let mut task = spawn(async { gate.await.unwrap() });
        assert!(matches!(task.result(), Err(ResultError::InvalidState)));
        assert!(!task.done() && !task.cancelled() && !task.panicked());
        assert!(matches!(task.value(), Err(ResultError::InvalidState)));
        go.send(9).unwrap();
        task.finished().await;
        task.finished().await;
        assert!(task.done() && matches!(task.value(), Ok(9)));
        assert!(matches!(task.result(), Ok(9)));
        assert!(matches!(task.result(), Err(ResultError::Taken)));
        assert!(matches!(task.value(), Err(ResultError::Taken)));
        assert!(panic_text(task).await.contains("taken already"));

        let mut task = started(common::stuck_at::<()>).await;
        task.cancel_with("why");
        task.finished().await;
        for _ in 0..2 {
            let error = task.result().unwrap_err();
            assert!(matches!(&error, ResultError::Cancelled(c) if c.msg() == Some("why")));
            assert!(matches!(task.value(), Err(ResultError::Cancelled(_))));
        }
        assert!(task.cancelled() && task.control().cancelled());

        let mut task = spawn(async { panic!("p") });
        task.finished().await;
        let error = task.value().unwrap_err();
        assert_eq!(error.to_string(), "panicked: p");
        assert!(matches!(task.result(), Err(ResultError::Panicked(_))));
        assert!(matches!(task.result(), Err(ResultError::Taken)));
        assert!(task.panicked());
    });
}

/// The text with which awaiting a task panics.
async fn panic_text<T>(task: Task<T>) -> String {
    match catch(task).await {
        Err(TaskError::Panicked(payload)) => weftwork::panic_message(&*payload).to_owned(),
        _ => panic!("it should have panicked"),
    }
}

#[test]
fn dropping_detaches() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        drop(spawn(async move {
            gate.await.unwrap();
            tell.send(current_task().unwrap().cancelling()).unwrap();
        }));
        yield_now().await;
        go.send(()).unwrap();
        assert_eq!(told.await.unwrap(), 0);
        let dropped = Counter::default();
        let value = dropped.on_drop();
        spawn(async move { value }).detach();
        until(|| dropped.get() == 1).await;
    });
}

#[test]
fn values_and_futures_are_dropped_exactly_once() {
    each(|| async {
        let (futures, values) = (Counter::default(), Counter::default());
        for round in 0..60 {
            let (future, value) = (futures.on_drop(), values.on_drop());
            let (go, gate) = oneshot::channel::<()>();
            let mut task = spawn(async move {
                let _future = future;
                let _ = gate.await;
                value
            });
            match round % 6 {
                0 => drop((task, go)),
                1 => {
                    drop(go);
                    drop(task.await);
                }
                2 => {
                    task.cancel();
                    assert!(task.outcome().await.is_err());
                }
                3 => {
                    drop(go);
                    task.finished().await;
                    drop(task.result().unwrap());
                }
                4 => {
                    drop(go);
                    task.finished().await;
                }
                _ => {
                    let control = task.control();
                    drop((go, task));
                    until(|| control.done()).await;
                }
            }
        }
        until(|| futures.get() == 60 && values.get() == 60).await;
    });
}

#[test]
fn an_unseen_panic_is_reported_once_with_name_place_and_payload() {
    each_reporting(|reports| async move {
        let task = Task::builder().name("unlucky").spawn(async {
            yield_now().await;
            panic!("boom {}", 3)
        });
        let line = line!() - 4;
        let control = task.control();
        task.detach();
        until(|| control.done() && reports.count() > 0).await;
        common::settle().await;
        let seen = reports.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0].message, "boom 3");
        assert_eq!(seen[0].task.as_deref(), Some("unlucky"));
        assert_eq!(seen[0].line, Some(line));

        // The handle goes after the end.
        let task = spawn(async { panic!("late") });
        task.finished().await;
        assert_eq!(reports.count(), 0, "somebody could still look");
        drop(task);
        assert_eq!(reports.messages(), ["late"]);
    });
}

#[test]
fn a_panic_that_somebody_saw_is_not_reported() {
    each_reporting(|reports| async move {
        let boom = || spawn(async { panic!("seen") });
        assert!(catch(boom()).await.is_err());
        assert!(boom().outcome().await.is_err());
        let mut task = boom();
        task.finished().await;
        assert!(task.result().is_err());
        drop(task);
        let cancelled = cancelled_task::<()>().await;
        drop(cancelled);
        common::settle().await;
        assert_eq!(reports.messages(), [""; 0]);
    });
}

#[test]
fn cancel_says_whether_there_was_something_to_cancel() {
    each(|| async {
        let task = stuck::<()>().await;
        let control = task.control();
        assert!(control.cancel() && control.cancel_with("again"));
        assert!(task.outcome().await.is_err());
        assert!(!control.cancel() && control.done() && control.cancelled());
        let task = spawn(async { 1 });
        task.finished().await;
        assert!(!task.cancel() && !task.cancel_with("late") && !task.cancelled());
        assert_eq!(task.await, 1);
    });
}

#[test]
fn cancel_on_drop_cancels_only_when_dropped() {
    each(|| async {
        let guard = stuck::<()>().await.cancel_on_drop();
        let control = guard.control();
        drop(guard);
        until(|| control.done()).await;
        assert!(control.cancelled());
        let task = stuck::<()>().await.cancel_on_drop().into_inner();
        assert_eq!(task.cancelling(), 0);
        task.cancel();
        assert_eq!(spawn(async { 4 }).cancel_on_drop().await, 4);
    });
}

#[test]
fn a_shared_task_is_awaited_by_many_and_again() {
    each(|| async {
        let (go, gate) = oneshot::channel::<String>();
        let mut shared = spawn(async { gate.await.unwrap() }).shared();
        assert!(matches!(shared.result(), Err(ResultError::InvalidState)));
        let readers: Vec<_> = (0..20).map(|_| spawn(shared.clone())).collect();
        let quitter = spawn(shared.clone());
        yield_now().await;
        quitter.cancel();
        assert!(quitter.outcome().await.is_err());
        assert!(
            !shared.control().done(),
            "an awaiter's cancel is not passed on"
        );
        go.send("many".to_owned()).unwrap();
        for reader in readers {
            assert_eq!(reader.await, "many");
        }
        assert_eq!((&mut shared).await, "many");
        assert_eq!(shared.clone().await, "many");
        assert_eq!(shared.result().unwrap(), "many");

        let shared = stuck::<u8>().await.shared();
        let readers: Vec<_> = (0..3).map(|_| spawn(shared.clone())).collect();
        shared.control().cancel();
        for reader in readers {
            assert!(reader.outcome().await.unwrap_err().is_cancelled());
        }
        let shared = spawn(async { panic!("for all") }).shared();
        for _ in 0..2 {
            let error = catch(shared.clone()).await.unwrap_err();
            assert_eq!(error.to_string(), "panicked: for all");
        }
    });
}

#[test]
fn a_panic_of_a_shared_task_that_an_awaiter_saw_is_not_reported() {
    each_reporting(|reports| async move {
        let shared = spawn(async { panic!("seen") }).shared();
        assert!(catch(shared.clone()).await.is_err());
        drop(shared);
        common::settle().await;
        assert_eq!(reports.messages(), [""; 0]);
    });
}

#[test]
fn the_repr_of_a_task() {
    each(|| async {
        let text = |task: &dyn std::fmt::Debug| format!("{task:?}");
        let task = stuck::<u8>().await;
        task.set_name("shy");
        until(|| text(&task).starts_with("<Task pending")).await;
        let repr = text(&task);
        assert!(
            repr.contains("name=\"shy\"") && repr.contains("stuck_at"),
            "{repr}"
        );
        assert!(repr.contains("common/mod.rs:"), "{repr}");
        assert_eq!(text(&task.control()), repr);
        task.cancel();
        if !task.done() {
            // Elsewhere it may have ended by now.
            assert!(["<Task canc"].contains(&&text(&task)[..10]), "{task:?}");
        }
        task.finished().await;
        assert!(text(&task).starts_with("<Task cancelled"));
        let running = spawn(async { format!("{:?}", current_task().unwrap()) }).await;
        assert!(running.starts_with("<Task running"), "{running}");

        struct NoDebug;
        let task = spawn(async { NoDebug });
        task.finished().await;
        assert!(text(&task).starts_with("<Task finished"));
        let task = spawn(async { vec![1, 2] });
        task.finished().await;
        assert!(text(&task.debug_result()).contains("result=[1, 2]"));
        assert!(
            !text(&task).contains("[1, 2]"),
            "the plain repr has no result"
        );
        let task = spawn(async { panic!("oh") });
        task.finished().await;
        assert!(text(&task).starts_with("<Task panicked"));
        let task: Task<()> = task;
        assert!(text(&task.debug_result()).contains("Panicked(\"oh\")"));
        assert!(matches!({ task }.result(), Err(ResultError::Panicked(_))));
    });
}

#[test]
fn a_task_that_was_asked_to_end_says_cancelling() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let task = started(|reached| async move {
            let _ = catch(common::stuck_at::<()>(reached)).await;
            gate.await.unwrap();
        })
        .await;
        task.cancel();
        assert!(
            format!("{task:?}").starts_with("<Task cancelling"),
            "{task:?}"
        );
        assert_eq!((task.cancelling(), task.control().cancelling()), (1, 1));
        common::settle().await;
        go.send(()).unwrap();
        task.await;
    });
}

#[test]
fn current_task_and_all_tasks() {
    each(|| async {
        let me = current_task().unwrap();
        let tasks = [stuck::<()>().await, stuck().await];
        let mut expected: Vec<TaskControl> = tasks.iter().map(Task::control).collect();
        expected.push(me.clone());
        expected.sort_by_key(TaskControl::id);
        assert_eq!(all_tasks(), expected);
        assert_eq!(Handle::current().all_tasks(), expected);
        for task in tasks {
            task.cancel();
            assert!(task.outcome().await.is_err());
        }
        assert_eq!(
            all_tasks(),
            std::slice::from_ref(&me),
            "those that ended are not there"
        );
        let child = spawn(async { current_task().unwrap() });
        let control = child.control();
        assert_eq!(child.await, control);
        let blocking = spawn_blocking(|| current_task().is_none()).await;
        assert!(blocking, "a blocking job is no task");
    });
    assert!(current_task().is_none());
}

#[test]
fn handles_spawn_from_any_thread() {
    each(|| async {
        let handle = Handle::current();
        let (tell, told) = oneshot::channel();
        std::thread::spawn(move || {
            let tasks: Vec<_> = (0..50).map(|n| handle.spawn(async move { n })).collect();
            let _ = tell.send(tasks);
        });
        let mut sum = 0;
        for task in told.await.unwrap() {
            sum += task.await;
        }
        assert_eq!(sum, 49 * 50 / 2);
        assert_eq!(try_spawn(async { 1 }).unwrap().await, 1);
    });
}

#[test]
fn spawn_blocking_gives_values_and_panics() {
    each(|| async {
        let here = std::thread::current().id();
        assert_ne!(spawn_blocking(|| std::thread::current().id()).await, here);
        let error = spawn_blocking(|| panic!("in a job")).outcome().await;
        assert_eq!(error.unwrap_err().to_string(), "panicked: in a job");
        // A job may block for a task.
        let handle = Handle::current();
        let job = move || handle.spawn(async { 3 }).blocking_result(None).unwrap();
        assert_eq!(spawn_blocking(job).await, 3);
    });
}

#[test]
fn cancelling_a_blocking_job() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder().blocking_threads(1));
        runtime.block_on(async {
            let (release, held) = mpsc::channel::<()>();
            let (started, is_started) = oneshot::channel();
            let (ran, ended) = (Flag::default(), Flag::default());
            let (seen_run, seen_end) = (ran.clone(), ended.clone());
            let running = spawn_blocking(move || {
                let _ = started.send(());
                let _ = held.recv();
                seen_end.set();
            });
            is_started.await.unwrap();
            let waiting = spawn_blocking(move || seen_run.set());
            assert!(waiting.cancel() && running.cancel());
            assert!(waiting.outcome().await.unwrap_err().is_cancelled());
            assert!(
                running.outcome().await.unwrap_err().is_cancelled(),
                "at once"
            );
            assert!(!ended.is_set());
            drop(release);
            spawn_blocking(|| ()).await;
            assert!(ended.is_set(), "a job that runs runs on");
            assert!(!ran.is_set(), "a job that had not started never runs");
        });
    }
}

#[test]
fn plain_threads_wait_for_a_task() {
    let _watchdog = Watchdog::start();
    let background = weftwork::Background::start("loop").unwrap();
    let handle = background.handle();
    assert_eq!(handle.spawn(async { 1 }).blocking_result(LONG).unwrap(), 1);
    let task = handle.spawn(forever::<()>());
    assert_eq!(task.blocking_wait(ms(1)), Ok(false));
    let Err(BlockingError::TimedOut(task)) = task.blocking_result(Duration::ZERO) else {
        panic!("it cannot have ended")
    };
    task.cancel();
    assert_eq!(task.blocking_wait(None), Ok(true));
    let failed = task.blocking_result(None).unwrap_err();
    assert!(matches!(
        failed,
        BlockingError::Failed(TaskError::Cancelled(_))
    ));
    let failed = handle.spawn(async { panic!("p") }).blocking_result(None);
    assert_eq!(failed.unwrap_err().to_string(), "panicked: p");
    let task = handle.spawn(async { 2 });
    assert_eq!(task.blocking_wait(Duration::MAX), Ok(true));
    assert_eq!(task.blocking_result(Duration::MAX).unwrap(), 2);
}

#[test]
fn blocking_is_refused_where_it_could_wait_for_itself() {
    let _watchdog = Watchdog::start();
    each(|| async {
        let task = stuck::<u8>().await;
        assert_eq!(task.blocking_wait(None), Err(BlockingRefused::OnWorker));
        let Err(BlockingError::OnWorker(task)) = task.blocking_result(None) else {
            panic!("not refused")
        };
        let (tell, told) = oneshot::channel();
        Handle::current().call_soon(move || {
            let _ = tell.send(task.blocking_result(None));
        });
        let Err(BlockingError::OnWorker(task)) = told.await.unwrap() else {
            panic!("not refused on the lane")
        };
        let text = panic_of(|| task.blocking_result(None).unwrap());
        assert!(text.contains("OnWorker"), "{text}");
        let ended = spawn(async { 3 });
        ended.finished().await;
        assert_eq!(
            ended.blocking_result(None).unwrap(),
            3,
            "what is there is given"
        );
    });
    let runtime = Runtime::builder().workers(2).build().unwrap();
    let task = runtime.handle().spawn(async { 1 });
    let Err(BlockingError::NotRunning(mut task)) = task.blocking_result(None) else {
        panic!("nobody runs it")
    };
    assert_eq!(runtime.block_on(&mut task), 1);
}

#[test]
fn reports_reach_the_handler_also_from_a_drop_on_a_foreign_thread() {
    let _watchdog = Watchdog::start();
    let reports = Reports::default();
    let sink = reports.clone();
    let runtime = Runtime::builder()
        .workers(1)
        .exception_handler(move |r| sink.add(r))
        .build()
        .unwrap();
    let task = common::ended_on(&runtime, async { panic!("dropped elsewhere") });
    std::thread::spawn(move || drop(task)).join().unwrap();
    assert_eq!(reports.messages(), ["dropped elsewhere"]);
}
