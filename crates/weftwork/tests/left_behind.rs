//! What is still there when the time for the end of a runtime is over, and comes back after it.

mod common;

use common::{EVERYWHERE, LONG, On, Watchdog, ms};
use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Instant;
use weftwork::sync::oneshot;
use weftwork::{Runtime, Task, finally, local, shielded, sleep, spawn, yield_now};
use weftwork_std_or_loom::Mutex;
use weftwork_std_or_loom::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// Blocks its thread until something is so.
fn wait_until(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LONG, "it hangs");
        thread::sleep(ms(1));
    }
}

/// A worker is stuck in a task while its runtime ends, and comes back. The task has been cancelled,
/// would go on, and is ended; to wake it later does no harm.
#[test]
fn a_task_in_which_a_worker_was_stuck_ends_when_it_comes_back() {
    let _watchdog = Watchdog::start();
    for wakes_itself in [false, true] {
        let builder = Runtime::builder().workers(1).caller_runs_tasks(false);
        let runtime = builder.shutdown_timeout(ms(10)).build().unwrap();
        let waker = Arc::new(Mutex::new(None::<Waker>));
        let (begun, has_begun) = mpsc::channel();
        let (release, held) = mpsc::channel::<()>();
        let keeps = Arc::clone(&waker);
        let mut held = Some(held);
        let task = runtime.handle().spawn(shielded(poll_fn(move |cx| {
            *keeps.lock() = Some(cx.waker().clone());
            if let Some(held) = held.take() {
                begun.send(()).unwrap();
                let _ = held.recv();
            }
            if wakes_itself {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        })));
        runtime.block_on(async {
            while has_begun.try_recv().is_err() {
                sleep(ms(1)).await;
            }
        });
        drop(runtime);
        assert!(!task.done());
        drop(release);
        wait_until(|| task.done());
        assert!(task.cancelled());
        waker.lock().take().unwrap().wake();
    }
}

/// Says on which thread it was dropped.
struct Here {
    home: ThreadId,
    _not_send: Rc<()>,
    elsewhere: Arc<AtomicUsize>,
}

impl Drop for Here {
    fn drop(&mut self) {
        if thread::current().id() != self.home {
            self.elsewhere.fetch_add(1, SeqCst);
        }
    }
}

/// Says when it is dropped.
struct Tells(mpsc::Sender<()>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Another thread wakes the last of many tasks while the runtime, whose futures need not be `Send`,
/// ends the others.
#[test]
fn a_future_that_is_not_send_is_dropped_at_home() {
    const TASKS: usize = 10_000;
    let _watchdog = Watchdog::start();
    for round in 0..10 {
        let runtime = On::Local.runtime(Runtime::builder().shutdown_timeout(ms(20)));
        let elsewhere = Arc::new(AtomicUsize::new(0));
        let dropped = Rc::new(RefCell::new(0));
        let last = Arc::new(Mutex::new(None::<Waker>));
        let (ends, ended) = mpsc::channel();
        let handle = runtime.handle();
        runtime.block_on(async {
            for _ in 0..TASKS {
                let here = Here {
                    home: thread::current().id(),
                    _not_send: Rc::new(()),
                    elsewhere: Arc::clone(&elsewhere),
                };
                let (dropped, last) = (Rc::clone(&dropped), Arc::clone(&last));
                let body = shielded(async move {
                    let counts = (here, dropped);
                    poll_fn(|cx| {
                        *last.lock() = Some(cx.waker().clone());
                        Poll::<()>::Pending
                    })
                    .await;
                    *counts.1.borrow_mut() += 1;
                });
                local::spawn(body).detach();
            }
            yield_now().await;
            // Timers are dropped just before the last tasks are ended.
            let tells = Tells(ends);
            let _ = handle.call_later(LONG, move || drop(tells));
        });
        let wakes = thread::spawn({
            let last = Arc::clone(&last);
            move || {
                ended.recv().unwrap();
                thread::sleep(ms(1) * round / 4);
                let waker = last.lock().clone();
                waker.unwrap().wake();
            }
        });
        drop(runtime);
        wakes.join().unwrap();
        assert_eq!(elsewhere.load(SeqCst), 0);
        // All of them were dropped, and none ended.
        assert_eq!((Rc::strong_count(&dropped), *dropped.borrow()), (1, 0));
    }
}

/// A spawn has found the runtime open, and enters the task while the end is on its way. Its place is
/// one that a look for the last task has passed already.
#[test]
fn a_task_that_starts_at_once_during_the_end_does_not_begin() {
    let _watchdog = Watchdog::start();
    for eager in [true, false] {
        let slow = Arc::new(AtomicBool::new(false));
        let (entering, enters) = mpsc::channel();
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let is_slow = Arc::clone(&slow);
        let runtime = Runtime::builder()
            .workers(1)
            .caller_runs_tasks(false)
            .shutdown_timeout(LONG)
            .on_task_spawn(move |_| {
                if is_slow.load(SeqCst) {
                    entering.send(()).unwrap();
                    let _ = held.lock().recv();
                }
            })
            .build()
            .unwrap();
        let (begun, cleaned) = (Arc::default(), Arc::default());
        let marks: [Arc<AtomicBool>; 2] = [Arc::clone(&begun), Arc::clone(&cleaned)];
        runtime.block_on(async move {
            spawn(async move {
                // Its place is free again, and lower than that of the spawner.
                let first = spawn(async {});
                let (go, goes) = oneshot::channel::<()>();
                let spawner = spawn(async move {
                    let _ = goes.await;
                    slow.store(true, SeqCst);
                    let [begun, cleaned] = marks;
                    let body = async move {
                        begun.store(true, SeqCst);
                        pending::<()>().await;
                    };
                    let cleanup = async move {
                        sleep(ms(20)).await;
                        cleaned.store(true, SeqCst);
                    };
                    let builder = Task::builder().eager(eager);
                    builder.spawn(finally(body, cleanup)).detach();
                });
                first.await;
                spawner.detach();
                let _ = go.send(());
            })
            .await;
            wait_until(|| enters.try_recv().is_ok());
        });
        let closing = thread::spawn(move || drop(runtime));
        // So that the end is under way; if it is not, this test finds nothing.
        thread::sleep(ms(30));
        drop(release);
        closing.join().unwrap();
        // A clean-up that has begun is waited for.
        assert_eq!(begun.load(SeqCst), cleaned.load(SeqCst), "eager: {eager}");
        assert!(!eager || !begun.load(SeqCst));
    }
}

/// A thread has found the runtime open, and enters its task when that has ended.
#[test]
fn a_task_that_is_spawned_from_elsewhere_during_the_end_ends() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (entering, enters) = mpsc::channel();
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let runtime = kind.runtime(Runtime::builder().on_task_spawn(move |_| {
            entering.send(()).unwrap();
            let _ = held.lock().recv();
        }));
        let handle = runtime.handle();
        let spawner = thread::spawn(move || handle.spawn(pending::<()>()));
        enters.recv().unwrap();
        drop(runtime);
        drop(release);
        assert!(spawner.join().unwrap().cancelled(), "{kind:?}");
    }
}

/// The poll around it may take long, so the others hear of a task that was woken in its first poll.
#[test]
fn a_task_that_starts_at_once_and_yields_is_found_by_others() {
    let _watchdog = Watchdog::start();
    let runtime = Runtime::builder().workers(4).build().unwrap();
    runtime.block_on(async {
        // The others sleep deeply.
        thread::sleep(ms(50));
        let (told, is_told) = mpsc::channel();
        let yields = async move {
            yield_now().await;
            let _ = told.send(());
        };
        Task::builder().eager(true).spawn(yields).detach();
        // This worker is stuck.
        assert_eq!(is_told.recv_timeout(LONG), Ok(()));
    });
}
