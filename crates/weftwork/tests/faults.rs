//! Faults and hogs: tasks that never rest, callbacks that take long, a system that gives no threads.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a child process says"
)]

mod common;

use common::{
    Counter, EVERYWHERE, Flag, On, WORKERS, Watchdog, comes_true, ms, scaled, settle, until,
};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Barrier, mpsc};
use std::thread::JoinHandle;
use weftwork::sync::oneshot;
use weftwork::{
    Background, BlockingRefusal, Handle, Runtime, catch, gather, sleep, spawn, spawn_blocking,
    yield_now,
};
use weftwork_io_driver::{Direction, Registered};

/// Tasks that are always ready starve nobody: neither timers nor I/O nor other tasks nor the
/// lane nor what comes from other threads.
#[test]
fn tasks_that_never_rest_starve_nobody() {
    common::each(|| async {
        let stop = Flag::default();
        let spinner = |stop: Flag| async move {
            while !stop.is_set() {
                yield_now().await;
            }
        };
        let mut busy: Vec<_> = (0..16).map(|_| spawn(spinner(stop.clone()))).collect();
        // Two that hand the turn to and fro through the LIFO slot.
        for _ in 0..8 {
            let (left, right) = (weftwork::sync::Queue::new(0), weftwork::sync::Queue::new(0));
            left.try_put(()).unwrap();
            for (get, put) in [(left.clone(), right.clone()), (right, left)] {
                let stop = stop.clone();
                busy.push(spawn(async move {
                    while !stop.is_set() && get.get().await.is_ok() {
                        put.try_put(()).unwrap();
                    }
                    put.shutdown(true);
                }));
            }
        }
        // A callback that schedules itself for ever.
        reschedule(Handle::current(), stop.clone());
        progress().await;
        // And a main future that never rests.
        let progress = spawn(progress());
        until(|| progress.done()).await;
        stop.set();
        gather(busy).await;
    });
}

fn reschedule(handle: Handle, stop: Flag) {
    if !stop.is_set() {
        let again = handle.clone();
        handle.call_soon(move || reschedule(again, stop));
    }
}

/// Some of everything.
async fn progress() {
    let handle = Handle::current();
    for _ in 0..3 {
        sleep(ms(1)).await;
        assert_eq!(spawn(async { 5 }).await, 5);
        let (called, is_called) = oneshot::channel();
        handle.call_soon(move || called.send(()).unwrap());
        is_called.await.unwrap();
        let outside = handle.clone();
        let (sent, is_sent) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            outside
                .spawn(async move { sent.send(()).unwrap() })
                .detach();
        });
        is_sent.await.unwrap();
        thread.join().unwrap();
        one_byte(&handle).await;
    }
}

/// A byte from another thread through a socket.
async fn one_byte(handle: &Handle) {
    let (mut here, there) = UnixStream::pair().unwrap();
    there.set_nonblocking(true).unwrap();
    let there = Registered::new(handle.reactor(), there).unwrap();
    let (waits, is_waiting) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        is_waiting.recv().unwrap();
        here.write_all(&[7]).unwrap();
    });
    let mut byte = [0];
    let read = there.io(Direction::Read, |mut io| {
        let read = io.read(&mut byte);
        let _ = waits.send(());
        read
    });
    assert_eq!(read.await.unwrap(), 1);
    assert_eq!(byte, [7]);
    thread.join().unwrap();
}

/// A callback that has begun on another worker is waited for, however long it takes: longer
/// than a waiting worker naps.
#[test]
fn the_end_and_stop_wait_for_a_callback_that_takes_long() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        for stop in [false, true] {
            let (runtime, ended) = (kind.runtime(Runtime::builder()), Flag::default());
            let (handle, seen) = (runtime.handle(), ended.clone());
            let (begun, is_begun) = mpsc::channel();
            handle.clone().call_soon(move || {
                if stop {
                    handle.stop();
                }
                begun.send(()).unwrap();
                std::thread::sleep(ms(20));
                seen.set();
            });
            if stop {
                runtime.run_forever().unwrap();
            } else {
                // It comes back while the callback is running on another worker.
                runtime.block_on(async {
                    if kind != On::Local && kind != On::Workers(1) {
                        is_begun.recv().unwrap();
                    }
                });
                runtime.close().unwrap();
            }
            assert!(ended.is_set(), "{kind:?}, stop: {stop}");
        }
    }
}

/// However many jobs there are one after another, few threads suffice for few at a time.
#[test]
fn the_blocking_pool_does_not_grow_by_itself() {
    let _watchdog = Watchdog::start();
    for kind in WORKERS {
        let runtime = kind.runtime(Runtime::builder());
        let handle = runtime.handle();
        let most = runtime.block_on(async {
            let busy = (0..2).map(|_| async {
                let mut most = 0;
                for _ in 0..scaled(20_000) {
                    spawn_blocking(|| ()).await;
                    most = most.max(Handle::current().blocking_threads());
                }
                most
            });
            gather(busy).await.into_iter().max().unwrap()
        });
        // Two that run, and some that have not had the time to say that they are idle again.
        assert!(most <= 64, "{kind:?}: {most} threads");
        drop(runtime);
        assert_eq!(handle.blocking_threads(), 0);
    }
}

/// More jobs than threads may be: all are done, and never too many at a time.
#[test]
fn more_blocking_jobs_than_threads() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder().blocking_threads(3));
        let (done, barrier) = (Counter::default(), Arc::new(Barrier::new(3)));
        runtime.block_on(async {
            for _ in 0..20 {
                // Three by three they meet, so that three threads are there.
                gather((0..30).map(|_| {
                    let (done, barrier) = (done.clone(), Arc::clone(&barrier));
                    spawn_blocking(move || {
                        barrier.wait();
                        done.add();
                    })
                }))
                .await;
                assert_eq!(Handle::current().blocking_threads(), 3);
            }
        });
        assert_eq!(done.get(), 600);
    }
}

#[test]
fn a_callback_that_lost_its_runtime_in_the_middle() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (runtime, drops) = (kind.runtime(Runtime::builder()), Counter::default());
        let handle = runtime.handle();
        let held: Vec<_> = (0..100).map(|_| drops.on_drop()).collect();
        // Nobody has entered it: what was scheduled goes with it, or runs in its end.
        for held in held {
            let again = handle.clone();
            handle.call_soon(move || {
                again.call_soon(move || drop(held));
            });
        }
        drop(runtime);
        assert_eq!(drops.get(), 100, "{kind:?}");
    }
}

/// The system gives no more threads. In a process of its own, whose memory has room for the
/// stacks of a few threads only.
#[test]
fn no_more_threads() {
    const CHILD: &str = "WEFTWORK_TEST_WITHOUT_THREADS";
    if std::env::var_os(CHILD).is_some() {
        println!("started");
        let _watchdog = Watchdog::start();
        without_threads();
        println!("finished");
        return;
    }
    let stack = 1 << 30;
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 4500000 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "no_more_threads",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, "1")
        .env("RUST_MIN_STACK", stack.to_string())
        .output()
        .expect("a system with sh");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if !text.contains("started") {
        // A sanitizer needs more addresses than that.
        eprintln!("SKIPPED no_more_threads: no child under a limit of memory: {text}{errors}");
        return;
    }
    assert!(
        output.status.success() && text.contains("finished"),
        "{text}{errors}"
    );
}

/// A thread of no use, and what ends it.
type Idler = (mpsc::Sender<()>, JoinHandle<Result<(), mpsc::RecvError>>);

/// Threads of no use, as many as the system gives.
fn all_threads() -> Vec<Idler> {
    let mut threads = Vec::new();
    loop {
        let (end, ended) = mpsc::channel::<()>();
        let spawned = std::thread::Builder::new().spawn(move || ended.recv());
        match spawned {
            Ok(thread) => threads.push((end, thread)),
            Err(_) => return threads,
        }
    }
}

/// How many threads this process has, where the system says so.
fn threads_now() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn without_threads() {
    let before = threads_now();
    // A runtime that does not get all of its threads gives back those that it got.
    for _ in 0..3 {
        Runtime::builder().workers(64).build().unwrap_err();
        Background::start_with(Runtime::builder().workers(64), "no")
            .map(drop)
            .unwrap_err();
    }
    assert!(Runtime::builder().workers(2).build().is_ok());
    let runtime = Runtime::builder().workers(1).build().unwrap();
    // Jobs that get no thread of their own wait for those that are there.
    runtime.block_on(async {
        let (open, opened) = mpsc::channel::<()>();
        let first = spawn_blocking(move || opened.recv().unwrap());
        let others: Vec<_> = (0..50).map(|n| spawn_blocking(move || n)).collect();
        open.send(()).unwrap();
        first.await;
        assert_eq!(gather(others).await, (0..50).collect::<Vec<_>>());
    });
    drop(runtime);
    // The threads of the pool are not joined: the system takes their stacks back a little later.
    assert!(comes_true(|| threads_now() == before));
    let threads = all_threads();
    assert!(
        !threads.is_empty() && threads.len() < 10,
        "{}",
        threads.len()
    );
    let runtime = Runtime::builder().workers(1).build().unwrap();
    let handle = runtime.handle();
    let (refusal, work) = handle.try_spawn_blocking(|| 5).unwrap_err();
    assert!(matches!(refusal, BlockingRefusal::NoThread(_)) && work() == 5);
    assert!(
        refusal.to_string().contains("raise the limit of threads"),
        "{refusal}"
    );
    let refused = runtime.block_on(async { spawn_blocking(|| ()).outcome().await });
    assert!(refused.unwrap_err().to_string().contains("no thread"));
    assert!(Background::start("no").is_err());
    // There is no thread that could close it while this one waits: this one does.
    let (ends, drops) = (
        Runtime::builder().workers(1).build().unwrap(),
        Counter::default(),
    );
    let inside = drops.on_drop();
    ends.block_on(async {
        spawn(async move {
            let _inside = inside;
            sleep(common::LONG).await;
        })
        .detach();
        yield_now().await;
    });
    drop(ends);
    assert_eq!(drops.get(), 1);
    for (end, thread) in threads {
        drop(end);
        let _ = thread.join().unwrap();
    }
    assert_eq!(
        runtime.block_on(async { spawn_blocking(|| 7).await }),
        7,
        "it has recovered"
    );
    assert!(comes_true(|| Runtime::builder().workers(2).build().is_ok()));
}

/// Every task of a chain passes the end of the runtime on to the next one, which has been asked
/// already.
#[test]
fn the_end_asks_every_task_once() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let (runtime, asked) = (kind.runtime(Runtime::builder()), Counter::default());
        let counter = asked.clone();
        runtime.block_on(async {
            let mut last = common::started(|reached| async move {
                if catch(common::stuck_at::<()>(reached)).await.is_err() {
                    counter.add();
                }
                for _ in 0..100 {
                    if catch(yield_now()).await.is_err() {
                        counter.add();
                    }
                }
            })
            .await;
            for _ in 0..10 {
                let before = last;
                last = spawn(before);
            }
            last.detach();
            settle().await;
        });
        drop(runtime);
        assert_eq!(asked.get(), 1, "{kind:?}");
    }
}

/// Who leaves `block_on` may have been the one who looked after the timers.
#[test]
fn those_who_stay_in_block_on_keep_their_timers() {
    let _watchdog = Watchdog::start();
    for kind in WORKERS {
        for threads in [2, 4, 12] {
            let runtime = kind.runtime(Runtime::builder());
            std::thread::scope(|scope| {
                for n in 1..=threads {
                    let runtime = &runtime;
                    // Longer than a nap, so that all others are fast asleep.
                    scope.spawn(move || runtime.block_on(sleep(ms(5 * n))));
                }
            });
        }
    }
}

/// More threads in `block_on` than there are seats for; then only one is left, which came last.
#[test]
fn the_last_one_in_block_on_runs_the_tasks() {
    let _watchdog = Watchdog::start();
    for kind in WORKERS {
        let runtime = kind.runtime(Runtime::builder());
        let (entered, is_entered) = mpsc::channel();
        std::thread::scope(|scope| {
            let (runtime, entered) = (&runtime, &entered);
            let enter = |opened: oneshot::Receiver<()>| {
                let entered = entered.clone();
                let thread = scope.spawn(move || {
                    runtime.block_on(async {
                        entered.send(()).unwrap();
                        opened.await.unwrap();
                        assert_eq!(spawn(async { 5 }).await, 5);
                        sleep(ms(3)).await;
                    });
                });
                is_entered.recv().unwrap();
                thread
            };
            let first: Vec<_> = (0..20)
                .map(|_| {
                    let (open, opened) = oneshot::channel();
                    (open, enter(opened))
                })
                .collect();
            let (open_last, opened) = oneshot::channel();
            let last = enter(opened);
            for (open, thread) in first {
                open.send(()).unwrap();
                thread.join().unwrap();
            }
            open_last.send(()).unwrap();
            last.join().unwrap();
        });
    }
}

/// A worker that was called away from the timers and gets stuck does not hold them up.
#[test]
fn a_stuck_worker_holds_up_no_timer() {
    let _watchdog = Watchdog::start();
    for kind in [On::Workers(2), On::Workers(8)] {
        let runtime = kind.runtime(Runtime::builder());
        for _ in 0..10 {
            runtime.block_on(async {
                let (open, opened) = mpsc::channel();
                let timer = spawn(async move {
                    sleep(ms(15)).await;
                    open.send(()).unwrap();
                });
                let (handle, (done, is_done)) = (Handle::current(), oneshot::channel());
                let outside = std::thread::spawn(move || {
                    // By now all workers are asleep.
                    std::thread::sleep(ms(8));
                    handle
                        .spawn(async move {
                            done.send(opened.recv_timeout(common::LONG / 720)).unwrap();
                        })
                        .detach();
                });
                assert_eq!(is_done.await.unwrap(), Ok(()), "{kind:?}");
                timer.await;
                outside.join().unwrap();
            });
        }
    }
}
