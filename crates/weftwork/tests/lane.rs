//! The callback lane: order, one at a time, rounds, cancelling, times, panics, and done
//! callbacks between the others.

mod common;

use common::{
    Counter, Flag, LONG, Log, On, Watchdog, cancelled_task, comes_true, each, each_reporting, ms,
    on, panic_of, scaled, settle, until,
};
use futures::FutureExt;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use weftwork::sync::oneshot;
use weftwork::{Background, Handle, ResultError, Runtime, Task, current_task, spawn, yield_now};
use weftwork_std_or_loom::atomic::{AtomicBool, Ordering::SeqCst};

/// Lets everything that was scheduled before run.
async fn flush() {
    let (tell, told) = oneshot::channel();
    Handle::current().call_soon(move || tell.send(()).unwrap());
    told.await.unwrap();
}

/// Holds the lane until the gate is opened.
async fn hold_the_lane() -> mpsc::Sender<()> {
    let (open, opened) = mpsc::channel();
    let (tell, told) = oneshot::channel();
    Handle::current().call_soon(move || {
        tell.send(()).unwrap();
        let _ = opened.recv();
    });
    told.await.unwrap();
    open
}

/// Runs a body on a thread that runs no tasks, so that the lane holds up a worker only.
fn with_the_lane_apart<F: Future<Output = ()>>(body: impl Fn() -> F) {
    let _watchdog = Watchdog::start();
    for workers in [2, 8] {
        let builder = Runtime::builder().workers(workers).caller_runs_tasks(false);
        builder.run(body());
    }
}

#[test]
fn callbacks_run_first_in_first_out_and_never_inline() {
    each(|| async {
        let (log, handle) = (Log::default(), Handle::current());
        for n in 0..500 {
            let log = log.clone();
            handle.call_soon(move || log.add(n.to_string()));
        }
        flush().await;
        assert!(log.get().into_iter().eq((0..500).map(|n| n.to_string())));
    });
    on(&[On::Workers(1), On::Local], |_| async {
        let ran = Flag::default();
        let seen = ran.clone();
        Handle::current().call_soon(move || seen.set());
        assert!(!ran.is_set(), "inline");
        flush().await;
        assert!(ran.is_set());
    });
}

#[test]
fn never_two_at_once_and_in_order_from_any_thread() {
    each(|| async {
        let handle = Handle::current();
        let (busy, log) = (Arc::new(AtomicBool::new(false)), Log::default());
        let (count, threads) = (scaled(2000), 4);
        let callers: Vec<_> = (0..threads)
            .map(|thread| {
                let (handle, busy, log) = (handle.clone(), Arc::clone(&busy), log.clone());
                std::thread::spawn(move || {
                    for n in 0..count {
                        let (busy, log) = (Arc::clone(&busy), log.clone());
                        handle.call_soon(move || {
                            assert!(!busy.swap(true, SeqCst), "two at once");
                            log.add(format!("{thread} {n}"));
                            busy.store(false, SeqCst);
                        });
                    }
                })
            })
            .collect();
        until(|| log.len() == count * threads).await;
        for caller in callers {
            caller.join().unwrap();
        }
        let log = log.get();
        for thread in 0..threads {
            let own = log
                .iter()
                .filter(|line| line.starts_with(&format!("{thread} ")));
            assert!(
                own.eq((0..count)
                    .map(|n| format!("{thread} {n}"))
                    .collect::<Vec<_>>()
                    .iter())
            );
        }
    });
}

#[test]
fn a_callback_from_a_callback_runs_in_the_next_round() {
    each(|| async {
        let (log, handle) = (Log::default(), Handle::current());
        let (first, inner) = (log.clone(), handle.clone());
        handle.call_soon(move || {
            first.add("1");
            let third = first.clone();
            inner.call_soon(move || third.add("3"));
            first.add("still 1");
        });
        let second = log.clone();
        // On several workers the first may have run before this one is there.
        handle.call_soon(move || second.add("2"));
        until(|| log.len() == 4).await;
        let log = log.get();
        assert_eq!(log[..2], ["1", "still 1"], "never inline");
    });
    // With the lane held both are there before the first round.
    with_the_lane_apart(|| async {
        let (log, handle) = (Log::default(), Handle::current());
        let open = hold_the_lane().await;
        for n in [1, 2] {
            let (log, again) = (log.clone(), handle.clone());
            handle.call_soon(move || {
                log.add(n.to_string());
                let log = log.clone();
                again.call_soon(move || log.add(format!("{n} again")));
            });
        }
        open.send(()).unwrap();
        until(|| log.len() == 4).await;
        assert_eq!(log.get(), ["1", "2", "1 again", "2 again"]);
    });
}

#[test]
fn rounds_let_tasks_have_their_turn() {
    // A callback that schedules itself for ever starves nobody and does not hold up the end.
    each(|| async {
        fn again(handle: &Handle, runs: &Counter) {
            runs.add();
            let (next, runs) = (handle.clone(), runs.clone());
            handle.call_soon(move || again(&next, &runs));
        }
        let runs = Counter::default();
        again(&Handle::current(), &runs);
        until(|| runs.get() > 100).await;
        spawn(yield_now()).await;
    });
}

#[test]
fn in_run_local_tasks_and_callbacks_share_one_queue() {
    on(&[On::Local], |_| async {
        let (log, handle) = (Log::default(), Handle::current());
        let add = |what: &'static str| {
            let log = log.clone();
            move || log.add(what)
        };
        handle.call_soon(add("callback 1"));
        let task = spawn({
            let add = add("task");
            async move { add() }
        });
        handle.call_soon(add("callback 2"));
        task.await;
        flush().await;
        assert_eq!(log.get(), ["callback 1", "task", "callback 2"]);
    });
}

#[test]
fn cancelled_before_it_runs() {
    each(|| async {
        let (dropped, handle) = (Counter::default(), Handle::current());
        let guard = dropped.on_drop();
        let call = handle.call_later(LONG, move || drop(guard));
        assert!(!call.cancelled());
        call.cancel();
        assert!(
            call.cancelled() && dropped.get() == 1,
            "what it holds is dropped at once"
        );
        call.clone().cancel();
        assert!(call.cancelled());

        let ran = Flag::default();
        let seen = ran.clone();
        let call = handle.call_soon(move || seen.set());
        flush().await;
        call.cancel();
        assert!(ran.is_set() && !call.cancelled(), "it had run");
        assert!(format!("{call:?}").contains("run"), "{call:?}");
    });
    on(&[On::Workers(1), On::Local], |_| async {
        let ran = Flag::default();
        let seen = ran.clone();
        Handle::current().call_soon(move || seen.set()).cancel();
        flush().await;
        assert!(!ran.is_set());
    });
}

#[test]
fn cancelled_while_the_lane_is_held() {
    with_the_lane_apart(|| async {
        let (ran, dropped) = (Flag::default(), Counter::default());
        let open = hold_the_lane().await;
        let (seen, guard) = (ran.clone(), dropped.on_drop());
        let call = Handle::current().call_soon(move || {
            seen.set();
            drop(guard);
        });
        call.cancel();
        assert_eq!((call.cancelled(), dropped.get()), (true, 1));
        // One that cancels the next one, from the lane.
        let seen = ran.clone();
        let (give, next) = mpsc::channel::<weftwork::CallHandle>();
        Handle::current().call_soon(move || next.recv().unwrap().cancel());
        give.send(Handle::current().call_soon(move || seen.set()))
            .unwrap();
        open.send(()).unwrap();
        flush().await;
        assert!(!ran.is_set());
    });
}

#[test]
fn a_callback_may_cancel_itself() {
    each(|| async {
        let (give, own) = mpsc::channel::<weftwork::CallHandle>();
        let (tell, told) = oneshot::channel();
        // Scheduled for later, so that it knows its handle when it runs.
        let call = Handle::current().call_later(ms(1), move || {
            let own = own.recv().unwrap();
            own.cancel();
            tell.send(own.cancelled()).unwrap();
        });
        give.send(call).unwrap();
        assert!(!told.await.unwrap(), "it is running: too late");
    });
}

#[test]
fn times_are_kept_and_never_early() {
    each(|| async {
        let handle = Handle::current();
        let start = Instant::now();
        let (tell, told) = oneshot::channel();
        let at = handle.time() + ms(8);
        let call = handle.call_at(at, move || tell.send(Instant::now()).unwrap());
        assert_eq!(call.when(), Some(at));
        assert!(told.await.unwrap() >= at);
        let (tell, told) = oneshot::channel();
        let later = handle.call_later(ms(8), move || tell.send(Instant::now()).unwrap());
        assert!(later.when().unwrap() >= start + ms(16));
        assert!(told.await.unwrap() >= later.when().unwrap());
        assert_eq!(handle.call_soon(|| ()).when(), None);
        let never = handle.call_later(Duration::MAX, || unreachable!("never"));
        assert!(!never.cancelled());
        // Zero and the past are due at once, and still not inline.
        let log = Log::default();
        for at in [start, handle.time()] {
            let log = log.clone();
            handle.call_at(at, move || log.add("due"));
        }
        let zero = log.clone();
        handle.call_later(Duration::ZERO, move || zero.add("due"));
        until(|| log.len() == 3).await;
        settle().await;
    });
}

#[test]
fn equal_instants_run_in_the_order_of_scheduling() {
    each(|| async {
        let (log, handle) = (Log::default(), Handle::current());
        let at = handle.time() + ms(5);
        for n in 0..100 {
            let log = log.clone();
            handle.call_at(at, move || log.add(n.to_string()));
        }
        // Others before and after, scheduled last and first.
        let late = log.clone();
        handle.call_at(at + Duration::from_nanos(1), move || late.add("late"));
        let early = log.clone();
        handle.call_at(at - Duration::from_nanos(1), move || early.add("early"));
        until(|| log.len() == 102).await;
        let mut expected = vec!["early".to_owned()];
        expected.extend((0..100).map(|n| n.to_string()));
        expected.push("late".to_owned());
        assert_eq!(log.get(), expected);
    });
}

#[test]
fn a_panic_is_reported_and_the_lane_goes_on() {
    each_reporting(|reports| async move {
        let (ran, handle) = (Flag::default(), Handle::current());
        let seen = ran.clone();
        handle.call_soon(|| panic!("soon"));
        handle.call_later(ms(1), || panic!("later"));
        handle.call_soon(move || seen.set());
        until(|| ran.is_set() && reports.count() == 2).await;
        let seen = reports.take();
        assert_eq!(
            (seen[0].message.as_str(), seen[1].message.as_str()),
            ("soon", "later")
        );
        assert_eq!(
            (seen[0].context.as_str(), &seen[0].task),
            ("a callback", &None)
        );
    });
}

#[test]
fn what_a_callback_sees() {
    each(|| async {
        let handle = Handle::current();
        let (tell, told) = oneshot::channel();
        let same = handle.clone();
        handle.call_soon(move || {
            let task = spawn(async { 3 });
            let seen = (current_task().is_none(), Handle::current() == same, task);
            assert!(tell.send(seen).is_ok());
        });
        let (no_task, same_runtime, task) = told.await.unwrap();
        assert!(no_task && same_runtime);
        assert_eq!(task.await, 3, "it can spawn");
    });
}

#[test]
fn done_callbacks_come_between_the_others_in_order() {
    on(&[On::Local], |_| async {
        let (log, handle) = (Log::default(), Handle::current());
        let add = |what: &'static str| {
            let log = log.clone();
            move || log.add(what)
        };
        let (ends, soon) = (handle.clone(), add("scheduled by the task"));
        let task = spawn(async move {
            ends.call_soon(soon);
            5
        });
        for what in ["done 1", "done 2"] {
            let add = add(what);
            task.add_done_callback(move |finished| {
                assert_eq!(finished.value(), Some(&5));
                add();
            });
        }
        task.await;
        add("awaiter")();
        assert_eq!(
            log.get(),
            ["scheduled by the task", "done 1", "done 2", "awaiter"]
        );
    });
}

#[test]
fn the_value_comes_after_the_callbacks_that_look_at_it() {
    with_the_lane_apart(|| async {
        let open = hold_the_lane().await;
        let mut task = spawn(async { 5 });
        let (seen, late) = (Log::default(), Log::default());
        let look = seen.clone();
        task.add_done_callback(move |finished| look.add(format!("{:?}", finished.value())));
        until(|| task.done()).await;
        assert!(matches!(task.result(), Err(ResultError::CallbacksPending)));
        assert!(matches!(task.value(), Err(ResultError::CallbacksPending)));
        assert!(format!("{:?}", task.debug_result()).contains("finished"));
        // One that is added now is scheduled behind.
        let again = late.clone();
        task.add_done_callback(move |finished| again.add(format!("{:?}", finished.value())));
        let awaits = spawn(async move {
            let value = task.await;
            assert_eq!((value, seen.len()), (5, 1));
        });
        settle().await;
        assert!(!awaits.done(), "the lane is held");
        open.send(()).unwrap();
        awaits.await;
        assert_eq!(late.get(), ["Some(5)"]);
    });
}

#[test]
fn blocking_forms_wait_for_the_callbacks() {
    let _watchdog = Watchdog::start();
    let background = Background::start("lane").unwrap();
    let handle = background.handle();
    let (open, opened) = mpsc::channel::<()>();
    let task = handle.spawn(async { 5 });
    task.add_done_callback(move |_| {
        let _ = opened.recv();
    });
    assert!(comes_true(|| task.done()));
    assert_eq!(task.blocking_wait(ms(5)), Ok(false), "done, and looked at");
    open.send(()).unwrap();
    assert_eq!(task.blocking_result(LONG).unwrap(), 5);
}

#[test]
fn a_done_callback_can_be_withdrawn_before_it_is_scheduled() {
    each(|| async {
        let log = Log::default();
        let (release, held) = oneshot::channel::<()>();
        let task = spawn(async move { held.await.is_ok() });
        let ids: Vec<_> = (0..3)
            .map(|n| {
                let log = log.clone();
                task.add_done_callback(move |_| log.add(n.to_string()))
            })
            .collect();
        assert!(task.remove_done_callback(ids[1]) && !task.remove_done_callback(ids[1]));
        release.send(()).unwrap();
        task.finished().await;
        assert!(!task.remove_done_callback(ids[0]), "it has run");
        assert_eq!(log.get(), ["0", "2"]);
        assert!(task.await);
    });
}

#[test]
fn done_callbacks_of_every_end_and_of_ended_tasks() {
    each(|| async {
        let log = Log::default();
        let watch = |task: &Task<u8>| {
            let log = log.clone();
            task.add_done_callback(move |end| {
                let (value, name) = (end.value().copied(), end.control().name());
                log.add(format!(
                    "{name} {value:?} {} {}",
                    end.cancelled(),
                    end.panicked()
                ));
            });
        };
        let named = |name: &str| Task::builder().name(name);
        let value = named("value").spawn(async { 1 });
        watch(&value);
        value.await;
        let panics = named("panics").spawn(async { panic!("p") });
        watch(&panics);
        assert!(panics.outcome().await.unwrap_err().is_panic());
        let cancelled = named("cancelled").spawn(common::forever::<u8>());
        cancelled.cancel();
        watch(&cancelled);
        assert!(cancelled.outcome().await.unwrap_err().is_cancelled());
        let mut taken = named("taken").spawn(async { 2 });
        taken.finished().await;
        taken.result().unwrap();
        watch(&taken);
        until(|| log.len() == 4).await;
        assert_eq!(
            log.get(),
            [
                "value Some(1) false false",
                "panics None false true",
                "cancelled None true false",
                "taken None false false"
            ]
        );
    });
}

#[test]
fn a_detached_value_lives_until_its_callbacks_have_seen_it() {
    each(|| async {
        let dropped = Counter::default();
        let (value, (tell, told)) = (dropped.on_drop(), oneshot::channel());
        let count = dropped.clone();
        let task = spawn(async move { value });
        task.add_done_callback(move |end| {
            tell.send((end.value().is_some(), count.get())).unwrap();
        });
        task.detach();
        assert_eq!(told.await.unwrap(), (true, 0));
        until(|| dropped.get() == 1).await;
    });
}

#[test]
fn callbacks_wait_for_the_runtime_and_end_with_it() {
    let _watchdog = Watchdog::start();
    for kind in common::EVERYWHERE {
        let (log, dropped) = (Log::default(), Counter::default());
        let runtime = kind.runtime(Runtime::builder());
        let handle = runtime.handle();
        let early = log.clone();
        handle.call_soon(move || early.add("before the entry"));
        let guard = dropped.on_drop();
        handle.call_later(LONG, move || drop(guard));
        std::thread::sleep(ms(2));
        assert_eq!(log.len(), 0, "nobody runs it");
        runtime.block_on(async { until(|| log.len() == 1).await });
        runtime.close().unwrap();
        assert_eq!(dropped.get(), 1, "what never ran is dropped");
        // After the end nothing is kept either.
        for late in [Duration::ZERO, LONG, Duration::MAX] {
            let guard = dropped.on_drop();
            handle.call_later(late, move || drop(guard));
        }
        let guard = dropped.on_drop();
        handle.call_at(Instant::now(), move || drop(guard));
        assert_eq!(dropped.get(), 5, "{kind:?}");
    }
}

/// A cancelled await in it is as on a foreign executor, and nothing that the lane hears of.
#[test]
fn a_callback_is_no_part_of_the_lanes_poll() {
    each(|| async {
        for _ in 0..3 {
            let task = cancelled_task::<()>().await;
            let (tell, told) = oneshot::channel();
            Handle::current().call_soon(move || {
                tell.send(panic_of(|| task.now_or_never())).unwrap();
            });
            let text = told.await.unwrap();
            assert!(text.contains("outside of a weftwork task"), "{text}");
        }
        flush().await;
    });
}
