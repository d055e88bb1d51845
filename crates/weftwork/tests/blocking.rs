//! `spawn_blocking`: the pool's growth, limit and end, cancelling, refusals; blocking for a
//! task from plain threads.

mod common;

use common::{
    Counter, EVERYWHERE, Flag, LONG, Log, Watchdog, comes_true, each, each_reporting, ms, panic_of,
    scaled, settle, started, stuck, until,
};
use std::cell::RefCell;
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};
use weftwork::sync::oneshot;
use weftwork::{
    Background, BlockingError, BlockingRefusal, BlockingRefused, Builder, Handle, Runtime, Task,
    TaskError, current_task, gather, run_local, spawn, spawn_blocking,
};

/// Runs a body everywhere, on runtimes that were configured like this.
fn each_with<F: Future<Output = ()>>(config: impl Fn(Builder) -> Builder, body: impl Fn() -> F) {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(config(Runtime::builder()));
        runtime.block_on(body());
    }
}

/// A job that has started and ends when the sender is dropped.
async fn held() -> (Task<()>, mpsc::Sender<()>) {
    let (release, held) = mpsc::channel::<()>();
    let (reached, is_reached) = oneshot::channel();
    let job = spawn_blocking(move || {
        let _ = reached.send(());
        let _ = held.recv();
    });
    is_reached.await.unwrap();
    (job, release)
}

#[test]
fn results_panics_and_payloads() {
    each_reporting(|reports| async move {
        assert_eq!(spawn_blocking(|| "value".to_owned()).await, "value");
        let Err(TaskError::Panicked(payload)) = spawn_blocking(|| std::panic::panic_any(7u8))
            .outcome()
            .await
        else {
            panic!("a value")
        };
        assert_eq!(payload.downcast_ref(), Some(&7u8));
        spawn_blocking(|| panic!("unseen")).detach();
        until(|| reports.count() == 1).await;
        assert_eq!(reports.messages(), ["unseen"]);
        assert_eq!(spawn_blocking(|| 1).await, 1, "the pool goes on");
    });
}

#[test]
fn a_job_blocks_no_task() {
    each(|| async {
        let (job, release) = held().await;
        settle().await;
        assert_eq!(spawn(async { 1 }).await, 1);
        assert!(!job.done());
        drop(release);
        job.await;
    });
}

#[test]
fn what_a_job_sees() {
    each(|| async {
        let line = line!() + 1;
        let job = spawn_blocking(|| current_task().is_none());
        assert_eq!(
            (job.location().line(), job.location().file()),
            (line, file!())
        );
        assert!(job.await, "it is no task");
        // It may run a runtime of its own, and block for tasks of this one.
        assert_eq!(spawn_blocking(|| run_local(async { 2 })).await, 2);
        let handle = Handle::current();
        let job = spawn_blocking(move || handle.spawn(async { 3 }).blocking_result(None).unwrap());
        assert_eq!(job.await, 3);
    });
}

#[test]
fn the_pool_grows_as_long_as_every_thread_is_busy() {
    each_with(
        |builder| builder.blocking_threads(16),
        || async {
            let together = Arc::new(Barrier::new(16));
            let jobs = (0..16).map(|_| {
                let together = Arc::clone(&together);
                spawn_blocking(move || together.wait().is_leader())
            });
            let leaders = gather(jobs.collect::<Vec<_>>()).await;
            assert_eq!(leaders.into_iter().filter(|leader| *leader).count(), 1);
            assert_eq!(Handle::current().blocking_threads(), 16);
        },
    );
}

#[test]
fn an_idle_thread_is_used_again() {
    each(|| async {
        for _ in 0..50 {
            spawn_blocking(|| ()).await;
            // Until the thread waits again a job may be given another one.
            spawn_blocking(|| std::thread::sleep(Duration::from_micros(50))).await;
        }
        let threads = Handle::current().blocking_threads();
        assert!(threads < 10, "{threads} threads for one job at a time");
    });
}

#[test]
fn never_more_threads_than_allowed_and_the_rest_waits_in_order() {
    each_with(
        |builder| builder.blocking_threads(2),
        || async {
            let (first, release_first) = held().await;
            let (second, release_second) = held().await;
            let log = Log::default();
            let jobs: Vec<_> = (0..10)
                .map(|n| {
                    let log = log.clone();
                    spawn_blocking(move || log.add(n.to_string()))
                })
                .collect();
            settle().await;
            assert_eq!((log.len(), Handle::current().blocking_threads()), (0, 2));
            drop(release_first);
            gather(jobs).await;
            assert!(log.get().into_iter().eq((0..10).map(|n| n.to_string())));
            assert_eq!(Handle::current().blocking_threads(), 2);
            drop(release_second);
            gather([first, second]).await;
        },
    );
}

#[test]
fn jobs_that_need_one_another_all_get_a_thread() {
    // A count of idle threads that is wrong in one direction makes a job wait for ever.
    each(|| async {
        for round in 0..scaled(200) {
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..4).map(|_| mpsc::channel::<()>()).unzip();
            let waits: Vec<_> = receivers
                .into_iter()
                .map(|receiver| spawn_blocking(move || receiver.recv().is_ok()))
                .collect();
            for sender in senders {
                spawn_blocking(move || sender.send(()).unwrap()).detach();
            }
            assert_eq!(gather(waits).await, [true; 4], "round {round}");
        }
    });
}

#[test]
fn the_pool_shrinks_to_nothing() {
    each_with(
        |builder| builder.blocking_keep_alive(ms(2)),
        || async {
            let handle = Handle::current();
            for _ in 0..5 {
                // Busy threads and idle ones take jobs from each other.
                let jobs = (0..40).map(|n| {
                    spawn_blocking(move || std::thread::sleep(Duration::from_micros(n % 7 * 30)))
                });
                gather(jobs.collect::<Vec<_>>()).await;
            }
            let shrunk = handle.clone();
            let looks = std::thread::spawn(move || comes_true(|| shrunk.blocking_threads() == 0));
            assert!(
                looks.join().unwrap(),
                "{} threads left",
                handle.blocking_threads()
            );
            assert_eq!(spawn_blocking(|| 1).await, 1, "and grows again");
        },
    );
}

#[test]
fn a_job_that_has_not_started_never_runs_once_it_is_cancelled() {
    each_with(
        |builder| builder.blocking_threads(1),
        || async {
            let (job, release) = held().await;
            let (ran, dropped) = (Flag::default(), Counter::default());
            for how in 0..3 {
                let (seen, guard) = (ran.clone(), dropped.on_drop());
                let waiting = spawn_blocking(move || {
                    seen.set();
                    drop(guard);
                });
                match how {
                    0 => assert!(waiting.cancel()),
                    1 => drop(waiting.cancel_on_drop()),
                    _ => assert!(weftwork::timeout(ms(1), waiting).await.is_err()),
                }
            }
            assert!(!job.done());
            drop(release);
            job.await;
            spawn_blocking(|| ()).await;
            assert!(!ran.is_set());
            until(|| dropped.get() == 3).await;
        },
    );
}

#[test]
fn a_running_job_runs_on_and_its_task_is_cancelled_at_once() {
    each(|| async {
        let ended = Flag::default();
        let seen = ended.clone();
        let (release, gate) = mpsc::channel::<()>();
        let dropped = Counter::default();
        let value = dropped.on_drop();
        let job = started(move |reached| async move {
            spawn_blocking(move || {
                reached.send(()).unwrap();
                let _ = gate.recv();
                seen.set();
                value
            })
            .await
        })
        .await;
        assert!(job.cancel());
        assert!(job.outcome().await.unwrap_err().is_cancelled());
        assert!(!ended.is_set());
        drop(release);
        until(|| dropped.get() == 1).await;
        assert!(ended.is_set(), "what it gave is dropped");
    });
}

#[test]
fn the_end_waits_for_running_jobs_and_drops_the_others() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (ended, ran, dropped) = (Flag::default(), Flag::default(), Counter::default());
        let runtime = kind.runtime(Runtime::builder().blocking_threads(1));
        let release = runtime.block_on(async {
            let (release, gate) = mpsc::channel::<()>();
            let (reached, is_reached) = oneshot::channel();
            let seen = ended.clone();
            spawn_blocking(move || {
                let _ = reached.send(());
                let _ = gate.recv();
                seen.set();
            })
            .detach();
            is_reached.await.unwrap();
            let (seen, guard) = (ran.clone(), dropped.on_drop());
            spawn_blocking(move || {
                seen.set();
                drop(guard);
            })
            .detach();
            release
        });
        let closes = std::thread::spawn(move || {
            std::thread::sleep(ms(5));
            drop(release);
        });
        runtime.close().unwrap();
        assert!(ended.is_set(), "{kind:?}: the end did not wait");
        assert_eq!(
            (ran.is_set(), dropped.get()),
            (false, 1),
            "{kind:?}: it had not started"
        );
        closes.join().unwrap();
    }
}

/// Takes its time when its thread ends.
struct SlowEnd(Counter);

impl Drop for SlowEnd {
    fn drop(&mut self) {
        std::thread::sleep(ms(10));
        self.0.add();
    }
}

std::thread_local! {
    static AT_THE_END: RefCell<Option<SlowEnd>> = const { RefCell::new(None) };
}

#[test]
fn all_threads_have_ended_when_the_runtime_has() {
    let _watchdog = Watchdog::start();
    let ended = Counter::default();
    let runtime = Runtime::builder()
        .workers(3)
        .caller_runs_tasks(false)
        .build()
        .unwrap();
    let together = Arc::new(Barrier::new(6));
    let mark = |ended: Counter, together: Arc<Barrier>| {
        move || {
            AT_THE_END.set(Some(SlowEnd(ended)));
            together.wait();
        }
    };
    runtime.block_on(async {
        let jobs = (0..3).map(|_| spawn_blocking(mark(ended.clone(), Arc::clone(&together))));
        let jobs: Vec<_> = jobs.collect();
        gather((0..3).map(|_| {
            let on_a_worker = mark(ended.clone(), Arc::clone(&together));
            async move { on_a_worker() }
        }))
        .await;
        gather(jobs).await;
    });
    runtime.close().unwrap();
    assert_eq!(ended.get(), 6);
}

#[test]
fn a_refused_job_is_handed_back() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let handle = runtime.handle();
        let accepted = handle
            .try_spawn_blocking(|| 1)
            .map_err(|(refusal, _)| refusal);
        assert_eq!(runtime.block_on(accepted.unwrap()), 1);
        runtime.close().unwrap();
        let owned = String::from("still here");
        let Err((refusal, work)) = handle.try_spawn_blocking(move || owned) else {
            panic!("a closed runtime took a job")
        };
        assert!(matches!(refusal, BlockingRefusal::Closed));
        assert!(refusal.to_string().contains("closed"), "{refusal}");
        assert_eq!(work(), "still here");
        assert!(handle.spawn_blocking(|| 1).cancelled());
    }
    let error = Runtime::builder().blocking_threads(0).build().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let text = panic_of(|| spawn_blocking(|| 1).done());
    assert!(
        text.contains("no weftwork runtime on this thread"),
        "{text}"
    );
}

#[test]
fn jobs_from_plain_threads() {
    let _watchdog = Watchdog::start();
    let background = Background::start("jobs").unwrap();
    let handle = background.handle();
    let jobs: Vec<_> = (0..20).map(|n| handle.spawn_blocking(move || n)).collect();
    let values: Vec<_> = jobs
        .into_iter()
        .map(|job| job.blocking_result(LONG).unwrap())
        .collect();
    assert!(values.into_iter().eq(0..20));
}

#[test]
fn every_refusal_of_blocking_says_what_to_do() {
    each(|| async {
        let task = stuck::<u8>().await;
        for timeout in [None, Some(Duration::ZERO), Some(LONG)] {
            assert_eq!(task.blocking_wait(timeout), Err(BlockingRefused::OnWorker));
        }
        let refused = task.blocking_result(None).unwrap_err();
        assert!(
            refused.to_string().contains("await the task instead"),
            "{refused}"
        );
        let BlockingError::OnWorker(task) = refused else {
            panic!("{refused:?}")
        };
        // On the lane, also in a done callback.
        let (tell, told) = oneshot::channel();
        let other = spawn(async {});
        other.add_done_callback(move |_| {
            let _ = tell.send((task.blocking_wait(None), task));
        });
        other.await;
        let (refused, task) = told.await.unwrap();
        assert_eq!(refused, Err(BlockingRefused::OnWorker));
        task.cancel();
        assert!(task.outcome().await.is_err());
    });
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let task = runtime.handle().spawn(async { 1 });
        assert_eq!(task.blocking_wait(LONG), Err(BlockingRefused::NotRunning));
        let refused = task.blocking_result(None).unwrap_err();
        assert!(
            refused.to_string().contains("nobody runs the runtime"),
            "{refused}"
        );
        let BlockingError::NotRunning(task) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(runtime.block_on(task), 1);
        // What has ended is given without anybody running it, also from a closed runtime.
        let ended = common::ended_on(&runtime, async { 2 });
        assert_eq!(ended.blocking_wait(None), Ok(true));
        let never = runtime.handle().spawn(common::forever::<()>());
        runtime.close().unwrap();
        assert_eq!(ended.blocking_result(None).unwrap(), 2);
        let failed = never.blocking_result(None).unwrap_err();
        assert!(
            matches!(failed, BlockingError::Failed(TaskError::Cancelled(_))),
            "{failed:?}"
        );
    }
}

#[test]
fn blocking_for_a_result_that_was_taken() {
    let _watchdog = Watchdog::start();
    let runtime = Runtime::builder().workers(1).build().unwrap();
    let mut task = common::ended_on(&runtime, async { 1 });
    assert_eq!(task.result().unwrap(), 1);
    let text = task.blocking_result(None).unwrap_err().to_string();
    assert!(text.contains("taken already"), "{text}");
}

#[test]
fn a_timeout_hands_the_task_back_and_is_never_early() {
    let _watchdog = Watchdog::start();
    let background = Background::start("slow").unwrap();
    let (release, gate) = oneshot::channel::<()>();
    let mut task = background.handle().spawn(async move { gate.await.is_ok() });
    for wait in [ms(0), ms(1), ms(10)] {
        let start = Instant::now();
        let Err(BlockingError::TimedOut(back)) = task.blocking_result(wait) else {
            panic!("it cannot have ended")
        };
        assert!(start.elapsed() >= wait);
        task = back;
    }
    // Several threads may wait for one task.
    let task = Arc::new(task);
    let waits: Vec<_> = (0..4)
        .map(|_| {
            let task = Arc::clone(&task);
            std::thread::spawn(move || task.blocking_wait(None))
        })
        .collect();
    release.send(()).unwrap();
    for wait in waits {
        assert_eq!(wait.join().unwrap(), Ok(true));
    }
    assert!(
        Arc::into_inner(task)
            .unwrap()
            .blocking_result(Duration::MAX)
            .unwrap()
    );
}

#[test]
fn the_end_of_the_runtime_ends_a_wait() {
    let _watchdog = Watchdog::start();
    let background = Background::start("ends").unwrap();
    let task = background.handle().spawn(common::forever::<()>());
    let waits = std::thread::spawn(move || {
        let mut task = task;
        loop {
            match task.blocking_result(None) {
                // Between its last round and its end nobody runs it.
                Err(BlockingError::NotRunning(back)) => task = back,
                ended => return ended,
            }
        }
    });
    background.stop();
    background.join();
    let failed = waits.join().unwrap().unwrap_err().to_string();
    assert!(failed.contains("the end of the runtime"), "{failed}");
}
