//! Sizes and faults that a naive runtime does not survive: chains and crowds of a million on a
//! small stack and in linear time, tasks that never rest, callbacks that take long, no threads.

mod common;

use common::{
    Counter, EVERYWHERE, Flag, LONG, On, WORKERS, Watchdog, comes_true, forever, ms, scaled,
    settle, until,
};
use futures::stream::{FuturesUnordered, StreamExt};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Barrier, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use weftwork::sync::{CancellationToken, oneshot};
use weftwork::{
    Background, BlockingRefusal, CancelSource, Handle, Runtime, Task, catch, finally, gather,
    sleep, spawn, spawn_blocking, yield_now,
};
use weftwork_io_driver::{Direction, Registered};

/// Where most of the sizes are tried.
const SMALL: [On; 3] = [On::Workers(1), On::Workers(2), On::Local];

/// Runs `body` on a thread whose stack is small.
fn on_small_stack<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let thread = std::thread::Builder::new()
        .name(name)
        .stack_size(256 * 1024)
        .spawn(move || {
            let _watchdog = Watchdog::start();
            body()
        });
    thread.unwrap().join().unwrap()
}

/// Runs `body` with `count` on a runtime of each kind, on a small stack and in linear time.
fn at_size<F: Future<Output = ()>>(
    count: usize,
    body: impl Fn(usize) -> F + Send + Copy + 'static,
) {
    on_small_stack(move || {
        for kind in SMALL {
            timed(kind, count, body);
        }
        // Four times as much takes about four times as long; sixteen times if it is quadratic.
        let small = count / 16;
        let ratio = || {
            let (one, four) = (
                timed(On::Workers(1), small, body),
                timed(On::Workers(1), 4 * small, body),
            );
            four.as_secs_f64() / one.as_secs_f64()
        };
        let ratios: Vec<_> = (0..5)
            .map(|_| ratio())
            .take_while(|ratio| *ratio > 8.0)
            .collect();
        assert!(ratios.len() < 5, "not linear in {small}: {ratios:.1?}");
    });
}

/// How long this thread worked for it.
fn timed<F: Future<Output = ()>>(kind: On, count: usize, body: impl Fn(usize) -> F) -> Duration {
    let start = worked();
    let runtime = kind.runtime(Runtime::builder());
    runtime.block_on(body(count));
    drop(runtime);
    worked().saturating_sub(start).max(Duration::from_nanos(1))
}

/// How long this thread has worked. Where the system does not say, how long it has lived.
fn worked() -> Duration {
    // The number is brought up to date when the thread leaves its processor.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = stat.and_then(|stat| stat.split(' ').next()?.parse().ok());
    match nanos {
        Some(nanos) => Duration::from_nanos(nanos),
        None => START.elapsed(),
    }
}

static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

/// One task after another, each spawned by the one before.
fn relay(left: usize, end: oneshot::Sender<()>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if left == 0 {
            return end.send(()).unwrap();
        }
        spawn(relay(left - 1, end)).detach();
    })
}

#[test]
fn a_million_tasks_each_spawned_by_the_one_before() {
    at_size(scaled(1_000_000), |count| async move {
        let (end, ended) = oneshot::channel();
        spawn(relay(count, end)).detach();
        ended.await.unwrap();
    });
}

/// Each awaits the one before; gives the last one.
fn chain(count: usize) -> Task<usize> {
    let mut last = spawn(async { 0 });
    for _ in 0..count {
        let before = last;
        last = spawn(async move { before.await + 1 });
    }
    last
}

#[test]
fn a_million_tasks_each_awaiting_the_one_before() {
    at_size(scaled(1_000_000), |count| async move {
        assert_eq!(chain(count).await, count);
    });
}

/// Nothing has run when it is cancelled, everything waits when it is cancelled, and again when
/// the runtime ends.
#[test]
fn a_chain_that_is_cancelled_from_the_top() {
    at_size(scaled(100_000), |count| async move {
        let (begun, drops) = (Counter::default(), Counter::default());
        let mut last = spawn(forever::<()>());
        let bottom = last.control();
        for _ in 0..count {
            let (before, begun, inside) = (last, begun.clone(), drops.on_drop());
            last = spawn(async move {
                let _inside = inside;
                begun.add();
                before.await;
            });
        }
        until(|| begun.get() == count).await;
        last.cancel();
        assert!(last.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(drops.get(), count);
        assert!(bottom.cancelled());
        // Its own end cancels this one.
        chain_of_waiters(count).detach();
    });
}

/// Each awaits the one before, which never ends, and has a clean-up.
fn chain_of_waiters(count: usize) -> Task<()> {
    let mut last = spawn(forever::<()>());
    for _ in 0..count {
        let before = last;
        last = spawn(finally(before, yield_now()));
    }
    last
}

#[test]
fn a_chain_of_groups_that_is_cancelled_from_the_top() {
    at_size(scaled(100_000), |count| async move {
        let begun = Counter::default();
        let mut last = spawn(forever::<()>());
        let bottom = last.control();
        for n in 0..count {
            let (before, begun) = (last, begun.clone());
            last = spawn(async move {
                begun.add();
                if n % 2 == 0 {
                    gather([before]).await;
                } else {
                    let _ = gather([before]).return_exceptions().await;
                }
            });
        }
        until(|| begun.get() == count).await;
        last.cancel();
        assert!(last.outcome().await.unwrap_err().is_cancelled());
        assert!(bottom.cancelled());
    });
}

#[test]
fn a_million_pending_tasks_at_the_end() {
    at_size(scaled(1_000_000), |count| async move {
        for _ in 0..count {
            spawn(forever::<()>()).detach();
        }
        yield_now().await;
    });
}

#[test]
fn a_storm_of_cancels_lets_the_others_go_on() {
    at_size(scaled(1_000_000), |count| async move {
        let other = spawn(async {
            for _ in 0..3 {
                sleep(ms(1)).await;
            }
        });
        let tasks: Vec<_> = (0..count).map(|_| spawn(forever::<()>())).collect();
        yield_now().await;
        for task in &tasks {
            assert!(task.cancel());
        }
        other.await;
        for task in tasks {
            assert!(task.outcome().await.unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_crowd_that_waits_for_one_task() {
    at_size(scaled(100_000), |count| async move {
        let (open, opened) = oneshot::channel::<()>();
        let one = spawn(async move { opened.await.unwrap() }).shared();
        let crowd: Vec<_> = (0..count).map(|_| spawn(one.clone())).collect();
        settle().await;
        // The last ones give up: taking a waiter out is not dearer than putting it in.
        for task in &crowd[count / 2..] {
            task.cancel();
        }
        open.send(()).unwrap();
        let (waited, gave_up) = crowd.into_iter().enumerate().fold(
            (Vec::new(), Vec::new()),
            |(mut first, mut second), (n, task)| {
                if n < count / 2 {
                    &mut first
                } else {
                    &mut second
                }
                .push(task);
                (first, second)
            },
        );
        gather(waited).await;
        for task in gave_up {
            let _ = task.outcome().await;
        }
    });
}

/// A foreign collection polls its children with wakers of its own, so that each leaves a probe
/// with the task; a cancel reaches all of them.
#[test]
fn a_crowd_in_a_foreign_collection_is_cancelled() {
    at_size(scaled(100_000), |count| async move {
        let ended = Counter::default();
        let child = || {
            let ended = ended.on_drop();
            spawn(async move {
                let _ended = ended;
                forever::<()>().await;
            })
        };
        let children: FuturesUnordered<_> = (0..count).map(|_| child().outcome()).collect();
        let (reached, is_reached) = oneshot::channel();
        let parent = spawn(async move {
            let mut children = children;
            let mut reached = Some(reached);
            let all = std::future::poll_fn(|cx| {
                let polled = children.poll_next_unpin(cx);
                if let Some(reached) = reached.take() {
                    reached.send(()).unwrap();
                }
                polled.map(drop)
            });
            all.await;
        });
        is_reached.await.unwrap();
        settle().await;
        parent.cancel();
        assert!(parent.outcome().await.unwrap_err().is_cancelled());
        until(|| ended.get() == count).await;
    });
}

#[test]
fn a_million_timers() {
    at_size(scaled(1_000_000), |count| async move {
        let mut sleeps: Vec<_> = (0..count)
            .map(|n| Box::pin(sleep(LONG + Duration::from_micros(n as u64))))
            .collect();
        for sleep in &mut sleeps {
            assert!(futures::poll!(sleep.as_mut()).is_pending());
        }
        sleep(ms(1)).await;
        drop(sleeps);
    });
}

#[test]
fn a_million_callbacks() {
    at_size(scaled(1_000_000), |count| async move {
        let (handle, called) = (Handle::current(), Counter::default());
        for _ in 0..count {
            let called = called.clone();
            handle.call_soon(move || called.add());
        }
        until(|| called.get() == count).await;
        let task = spawn(yield_now());
        for _ in 0..count {
            let called = called.clone();
            task.add_done_callback(move |_| called.add());
        }
        task.await;
        assert_eq!(called.get(), 2 * count);
    });
}

#[test]
fn a_chain_of_a_million_tokens() {
    let body = |count| async move {
        let root = CancellationToken::new();
        let mut last = root.clone();
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            let child = last.child();
            all.push(std::mem::replace(&mut last, child));
        }
        let waits = spawn(last.clone().cancelled_owned());
        yield_now().await;
        root.cancel();
        waits.await;
        assert!(last.is_cancelled());
    };
    at_size(scaled(1_000_000), body);
}

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
        // Two that run, two that have not said yet that they are idle again.
        assert!(most <= 8, "{kind:?}: {most} threads");
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

/// Threads of no use, as many as the system gives.
fn all_threads() -> Vec<(mpsc::Sender<()>, JoinHandle<Result<(), mpsc::RecvError>>)> {
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

fn without_threads() {
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

/// A shutdown that comes while a million tasks are on their way through a chain.
#[test]
fn a_chain_that_is_cut_by_the_end() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let mut last = runtime.block_on(async {
            let last = chain(scaled(100_000));
            yield_now().await;
            last
        });
        drop(runtime);
        match last.result() {
            Ok(count) => assert_eq!(count, scaled(100_000)),
            Err(weftwork::ResultError::Cancelled(cause)) => {
                assert_eq!(cause.source(), CancelSource::Shutdown);
            }
            other => panic!("{kind:?}: {other:?}"),
        }
    }
}

/// Each catches what the one before ends by: only the first one is cancelled in the end.
#[test]
fn a_deep_chain_of_catches() {
    at_size(scaled(100_000), |count| async move {
        let (begun, caught) = (Counter::default(), Counter::default());
        let mut last = spawn(forever::<()>());
        let bottom = last.control();
        for _ in 0..count {
            let (before, begun, caught) = (last, begun.clone(), caught.clone());
            last = spawn(async move {
                begun.add();
                if catch(before).await.is_err_and(|error| error.is_cancelled()) {
                    caught.add();
                }
            });
        }
        until(|| begun.get() == count).await;
        last.cancel();
        assert!(last.outcome().await.is_ok());
        assert!(bottom.cancelled());
        assert_eq!(caught.get(), 1);
    });
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
