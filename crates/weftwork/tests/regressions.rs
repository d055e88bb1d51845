//! What a close reading found, each with the program that showed it.

mod common;

use common::{
    EVERYWHERE, Flag, LONG, Log, On, Reports, WORKERS, Watchdog, comes_true, each, ms, on, until,
};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Instant;
use weftwork::sync::oneshot;
use weftwork::time::sleep_until;
use weftwork::{
    Handle, ResultError, Runtime, TaskControl, catch, current_task, finally, sleep, spawn,
    task_local, yield_now,
};
use weftwork_std_or_loom::Mutex;

/// Keeps the current task where it is dropped.
struct KeepsItsTask(Arc<Mutex<Option<TaskControl>>>);

impl Drop for KeepsItsTask {
    fn drop(&mut self) {
        *self.0.lock() = current_task();
    }
}

#[test]
fn the_destructor_of_an_output_may_keep_the_task() {
    each(|| async {
        let kept = Arc::new(Mutex::new(None));
        let output = KeepsItsTask(Arc::clone(&kept));
        let task = spawn(async move { output });
        let id = task.id();
        task.detach();
        until(|| kept.lock().is_some()).await;
        // Others of the same size would have its memory by now.
        let others: Vec<_> = (0..16)
            .map(|_| spawn(async { KeepsItsTask(Arc::default()) }))
            .collect();
        let kept = kept.lock().take().unwrap();
        assert_eq!(kept.id(), id);
        until(|| kept.done()).await;
        drop(others);
    });
}

/// Notes, where it is dropped, whether a task is being polled there. It does not ask for that task,
/// which may be gone.
struct LooksForATask(Log);

impl Drop for LooksForATask {
    fn drop(&mut self) {
        let outside = weftwork_task_context::task().is_null();
        self.0.add(if outside { "outside" } else { "in a task" });
    }
}

/// Sets a local where it is dropped.
struct SetsALocal(Log);

impl Drop for SetsALocal {
    fn drop(&mut self) {
        LATE.set(LooksForATask(self.0.clone()));
    }
}

task_local! {
    static EARLY: SetsALocal;
    static LATE: LooksForATask;
}

/// The others are gone by then, so these go with the memory of their task.
#[test]
fn locals_that_are_set_in_the_last_moment_do_not_find_their_task() {
    each(|| async {
        let log = Log::default();
        let (output, local) = (SetsALocal(log.clone()), SetsALocal(log.clone()));
        spawn(async move { output }).detach();
        spawn(async move { EARLY.set(local) }).detach();
        until(|| log.len() == 2).await;
        assert_eq!(log.get(), ["outside", "outside"]);
    });
}

#[test]
fn late_callbacks_come_after_early_ones_and_before_the_value() {
    on(&[On::Workers(2), On::Workers(8)], |_| async {
        for _ in 0..common::scaled(3000) {
            let log = Log::default();
            let stage = Arc::new(AtomicUsize::new(0));
            let inside = Arc::clone(&stage);
            let mut task = spawn(async move {
                inside.store(1, SeqCst);
                while inside.load(SeqCst) < 2 {
                    thread::yield_now();
                }
                vec![7_u8; 32]
            });
            let early = log.clone();
            task.add_done_callback(move |end| {
                early.add(format!("early {}", end.value().is_some()))
            });
            // This worker stays busy, so that another one runs the task.
            while stage.load(SeqCst) < 1 {
                thread::yield_now();
            }
            stage.store(2, SeqCst);
            while !task.done() {
                thread::yield_now();
            }
            let late = log.clone();
            task.add_done_callback(move |end| late.add(format!("late {}", end.value().is_some())));
            let value = loop {
                match task.result() {
                    Ok(value) => break value,
                    Err(ResultError::CallbacksPending) => yield_now().await,
                    Err(error) => panic!("{error}"),
                }
            };
            assert_eq!(value, [7; 32]);
            assert_eq!(log.get(), ["early true", "late true"]);
        }
    });
}

#[test]
fn a_callback_that_ends_elsewhere_ends_the_wait_for_it() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let (started, is_started) = mpsc::channel();
        runtime.block_on(async {
            Handle::current().call_soon(move || {
                started.send(()).unwrap();
                // The closer is asleep by then.
                thread::sleep(ms(30));
            });
            yield_now().await;
            if let On::Workers(2 | 8) = kind {
                // On another worker, while this one is busy.
                is_started.recv().unwrap();
            }
        });
        runtime.close().unwrap();
    }
}

/// Two threads in `block_on`; the one on the driver leaves while the other one has a timer.
#[test]
fn whoever_leaves_the_driver_leaves_no_timer_alone() {
    let _watchdog = Watchdog::start();
    for kind in WORKERS {
        let runtime = kind.runtime(Runtime::builder());
        let (give, given) = oneshot::channel();
        thread::scope(|scope| {
            let first = scope.spawn(|| runtime.block_on(given).unwrap());
            assert!(comes_true(|| runtime.is_running()));
            thread::sleep(ms(20));
            let (done, is_done) = mpsc::channel();
            scope.spawn({
                let runtime = &runtime;
                move || {
                    runtime.block_on(sleep(ms(150)));
                    done.send(()).unwrap();
                }
            });
            thread::sleep(ms(50));
            give.send(()).unwrap();
            first.join().unwrap();
            is_done.recv_timeout(LONG.min(ms(10_000))).unwrap();
        });
    }
}

/// The worker on the driver is called for a long task: another one comes to the driver.
#[test]
fn a_long_task_does_not_keep_idle_workers_from_the_timers() {
    let _watchdog = Watchdog::start();
    let runtime = On::Workers(3).runtime(Runtime::builder());
    let handle = runtime.handle();
    for _ in 0..3 {
        let (end, ended) = mpsc::channel::<()>();
        let submit = thread::spawn({
            let handle = handle.clone();
            move || {
                // All workers are asleep by then.
                thread::sleep(ms(40));
                handle.spawn(async move { assert!(ended.recv_timeout(ms(10_000)).is_err()) })
            }
        });
        let late = runtime.block_on(async {
            spawn(async {
                let deadline = Instant::now() + ms(80);
                sleep_until(deadline).await;
                deadline.elapsed()
            })
            .await
        });
        drop(end);
        submit.join().unwrap().detach();
        assert!(late < ms(1000), "{late:?} late, with idle workers");
    }
}

#[test]
fn a_stop_delivers_the_cancel_to_the_main_future() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let (handle, cleaned) = (runtime.handle(), Flag::default());
        let flag = cleaned.clone();
        let stopped = runtime.try_block_on(async {
            handle.stop();
            finally(sleep(LONG), async move {
                yield_now().await;
                flag.set();
            })
            .await;
        });
        assert!(stopped.is_err() && cleaned.is_set(), "{kind:?}");
    }
}

#[test]
fn a_stop_is_for_those_who_are_there() {
    let _watchdog = Watchdog::start();
    for kind in WORKERS {
        let runtime = kind.runtime(Runtime::builder());
        let (swallowed, has_swallowed) = mpsc::channel();
        let (give, given) = oneshot::channel();
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                runtime.try_block_on(async {
                    assert!(catch(sleep(LONG)).await.is_err());
                    swallowed.send(()).unwrap();
                    given.await.unwrap();
                })
            });
            assert!(comes_true(|| runtime.is_running()));
            runtime.handle().stop();
            has_swallowed.recv().unwrap();
            // The first one is there still.
            assert_eq!(runtime.block_on(async { 5 }), 5);
            give.send(()).unwrap();
            first.join().unwrap().unwrap();
        });
    }
}

#[test]
fn no_two_tasks_of_the_process_have_the_same_id() {
    let ids: Vec<_> = (0..3)
        .map(|_| thread::spawn(|| weftwork::run(async { spawn(async {}).id() })))
        .collect();
    let ids: Vec<_> = ids.into_iter().map(|id| id.join().unwrap()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3, "{ids:?}");
}

/// More threads than seats: when the others have left, those without one run the tasks.
#[test]
fn threads_without_a_seat_take_the_next_one() {
    let _watchdog = Watchdog::start();
    let runtime = On::Workers(1).runtime(Runtime::builder());
    let all_here = Barrier::new(14);
    thread::scope(|scope| {
        for _ in 0..14 {
            scope.spawn(|| {
                runtime.block_on(async {
                    // Nobody leaves before all have come.
                    all_here.wait();
                    for _ in 0..10 {
                        assert_eq!(spawn(async { 5 }).await, 5);
                    }
                });
            });
        }
    });
    let forever = thread::scope(|scope| {
        let forever = scope.spawn(|| runtime.run_forever());
        assert!(comes_true(|| runtime.is_running()));
        runtime.handle().stop();
        forever.join().unwrap()
    });
    assert_eq!(forever, Ok(()));
}

#[test]
fn the_cause_of_a_cancel_stays_while_the_task_cleans_up() {
    each(|| async {
        let (cleans, is_cleaning) = oneshot::channel();
        let (go, gate) = oneshot::channel::<()>();
        let task = common::started(|reached| {
            finally(common::stuck_at::<()>(reached), async move {
                cleans.send(()).unwrap();
                gate.await.unwrap();
            })
        })
        .await;
        assert_eq!(task.control().cancel_cause(), None);
        let control = task.control();
        assert!(control.cancel_with("enough"));
        is_cleaning.await.unwrap();
        assert_eq!(control.cancel_cause().unwrap().msg(), Some("enough"));
        go.send(()).unwrap();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(control.cancel_cause().unwrap().msg(), Some("enough"));
    });
}

struct PanicsAtItsDrop;

impl Drop for PanicsAtItsDrop {
    fn drop(&mut self) {
        panic!("a drop");
    }
}

#[test]
fn what_a_hook_of_the_main_task_gave_may_panic_when_it_is_dropped() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let reports = Reports::default();
        let sink = reports.clone();
        let builder = Runtime::builder()
            .exception_handler(move |report| sink.add(report))
            .main_hook("bad", |_| Box::new(PanicsAtItsDrop));
        let runtime = kind.runtime(builder);
        // More of them than seats.
        for round in 0..12 {
            let (tell, told) = oneshot::channel();
            let other = thread::spawn(move || tell.send(round));
            assert_eq!(runtime.block_on(told).unwrap(), round);
            other.join().unwrap().unwrap();
        }
        assert_eq!(reports.messages(), ["a drop"; 12]);
    }
}
