//! Workers that are stuck in one poll: everything else goes on, by a spare if need be.
//!
//! Nearly all of it is told by events: whoever is stuck waits for somebody who can run only if another
//! worker stands in. So without that a test hangs, and its watchdog ends it.

mod common;

use common::{Counter, Log, On, WORKERS, Watchdog, comes_true, ms, until};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpListener as Listener;
use std::sync::{Arc, mpsc};
use weftwork::net::TcpStream;
use weftwork::sync::oneshot;
use weftwork::{Builder, Handle, Runtime, Task, catch, gather, sleep, spawn};
use weftwork_std_or_loom::Mutex;

/// Holds up whoever passes, with its thread, until it is opened.
#[derive(Clone)]
struct Gate {
    passed: Arc<Mutex<mpsc::Receiver<()>>>,
    reached: Counter,
    ended: Counter,
}

/// Opens the gate when it is dropped.
struct Opener(#[allow(dead_code, reason = "its drop counts")] mpsc::Sender<()>);

impl Gate {
    fn new() -> (Self, Opener) {
        let (open, passed) = mpsc::channel();
        let gate = Self {
            passed: Arc::new(Mutex::new(passed)),
            reached: Counter::default(),
            ended: Counter::default(),
        };
        (gate, Opener(open))
    }

    fn pass(&self) {
        self.reached.add();
        let _ = self.passed.lock().recv();
        self.ended.add();
    }

    fn spawn_blocked(&self, count: usize) -> Vec<Task<()>> {
        let blocked = (0..count).map(|_| {
            let gate = self.clone();
            spawn(async move { gate.pass() })
        });
        blocked.collect()
    }
}

fn each_runtime(builder: impl Fn() -> Builder, body: impl Fn(&Runtime, usize)) {
    let _watchdog = Watchdog::start();
    for kind in WORKERS {
        let On::Workers(workers) = kind else { continue };
        let runtime = kind.runtime(builder());
        body(&runtime, workers);
        runtime.close().unwrap();
    }
}

/// More tasks than workers are blocked at once, and what opens the gate for them is another task.
#[test]
fn a_ticker_goes_on_while_all_workers_are_blocked() {
    each_runtime(Runtime::builder, |runtime, workers| {
        runtime.block_on(async {
            let (gate, opener) = Gate::new();
            let count = workers + 3;
            let reached = gate.reached.clone();
            let ticker = spawn(async move {
                while reached.get() < count {
                    sleep(ms(2)).await;
                }
                for _ in 0..20 {
                    sleep(ms(2)).await;
                }
                drop(opener);
            });
            let blocked = gate.spawn_blocked(count);
            gather(blocked).await;
            ticker.await;
        });
    });
}

/// Those who compute are not interrupted; somebody shares their cores.
#[test]
fn a_ticker_goes_on_while_all_workers_compute() {
    each_runtime(Runtime::builder, |runtime, workers| {
        runtime.block_on(async {
            let (computing, stop) = (Counter::default(), Counter::default());
            let (reached, stops) = (computing.clone(), stop.clone());
            let ticker = spawn(async move {
                while reached.get() < workers {
                    sleep(ms(2)).await;
                }
                for _ in 0..20 {
                    sleep(ms(2)).await;
                }
                stops.add();
            });
            gather((0..workers).map(|_| spawn_computing(&computing, &stop))).await;
            ticker.await;
        });
    });
}

/// Computes until it is stopped, in one poll.
fn spawn_computing(computing: &Counter, stop: &Counter) -> Task<()> {
    let (computing, stop) = (computing.clone(), stop.clone());
    spawn(async move {
        computing.add();
        while stop.get() == 0 {
            std::hint::spin_loop();
        }
    })
}

/// Threads that compute share the cores, so that few may step in for them, however many tasks wait.
#[test]
fn long_computations_bring_in_few_spares() {
    each_runtime(Runtime::builder, |runtime, workers| {
        let (computing, stop) = (Counter::default(), Counter::default());
        let (reached, stops, handle) = (computing.clone(), stop.clone(), runtime.handle());
        let opens = std::thread::spawn(move || {
            // One of the spares that are to come at least.
            assert!(comes_true(|| reached.get() > workers));
            // The others have the time that a spare for each task would have needed.
            std::thread::sleep(ms(1000));
            let spares = handle.spare_workers();
            stops.add();
            spares
        });
        runtime.block_on(async {
            gather((0..60).map(|_| spawn_computing(&computing, &stop))).await;
        });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let spares = opens.join().unwrap();
        if cfg!(target_os = "linux") && workers.min(cores) < 16 {
            // Whoever is seen to wait for a moment, for its memory perhaps, gives room for one more.
            assert!(spares <= workers.min(cores) + 4, "{spares}");
        }
    });
}

#[test]
fn sockets_are_served_while_all_workers_are_blocked() {
    each_runtime(Runtime::builder, |runtime, workers| {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (gate, opener) = Gate::new();
        let reached = gate.reached.clone();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(comes_true(|| reached.get() == workers));
            for n in 0..20_u8 {
                stream.write_all(&[n]).unwrap();
                let mut back = [0];
                stream.read_exact(&mut back).unwrap();
                assert_eq!(back, [n]);
            }
        });
        runtime.block_on(async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let echo = spawn(async move {
                let mut byte = [0];
                for _ in 0..20 {
                    stream.read_exact(&mut byte).await.unwrap();
                    stream.write_all(&byte).await.unwrap();
                }
                drop(opener);
            });
            gather(gate.spawn_blocked(workers)).await;
            echo.await;
        });
        peer.join().unwrap();
    });
}

/// The child lies in the LIFO slot of the worker that its parent blocks.
#[test]
fn a_child_starts_while_its_parent_blocks() {
    each_runtime(Runtime::builder, |runtime, _| {
        let parent = || async {
            let (tell, told) = mpsc::channel();
            let child = spawn(async move { tell.send(5).unwrap() });
            assert_eq!(told.recv(), Ok(5));
            child.await;
        };
        runtime.block_on(async {
            for _ in 0..20 {
                spawn(parent()).await;
            }
        });
        // The main future, which nobody else can poll, holds up its own thread only.
        runtime.block_on(parent());
        // And with all the others blocked.
        runtime.block_on(async { gather((0..20).map(|_| spawn(parent()))).await });
    });
}

/// What is in the queue of a worker that is stuck is run, though those who are not never run out of
/// work, and so never look at the queues of others.
#[test]
fn what_a_stuck_worker_has_queued_is_run_by_those_who_never_rest() {
    each_runtime(
        || Runtime::builder().max_spares(1),
        |runtime, workers| {
            runtime.block_on(async {
                let stop = Counter::default();
                let spinners: Vec<_> = (0..4 * workers)
                    .map(|_| {
                        let stop = stop.clone();
                        spawn(async move { until(|| stop.get() > 0).await })
                    })
                    .collect();
                for _ in 0..5 {
                    spawn(async {
                        let (tell, told) = mpsc::channel();
                        for n in 0..100 {
                            let tell = tell.clone();
                            spawn(async move { tell.send(n).unwrap() }).detach();
                        }
                        let got: HashSet<_> = told.iter().take(100).collect();
                        assert_eq!(got.len(), 100);
                    })
                    .await;
                }
                stop.add();
                gather(spinners).await;
            });
        },
    );
}

/// Callbacks go on while tasks are blocked, but wait for one another.
#[test]
fn callbacks_run_while_all_workers_are_blocked() {
    each_runtime(Runtime::builder, |runtime, workers| {
        runtime.block_on(async {
            let (gate, opener) = Gate::new();
            let log = Log::default();
            let (handle, seen) = (Handle::current(), log.clone());
            handle.call_later(ms(2), move || seen.add("first"));
            let seen = log.clone();
            handle.call_later(ms(4), move || {
                seen.add("second");
                drop(opener);
            });
            gather(gate.spawn_blocked(workers)).await;
            assert_eq!(log.get(), ["first", "second"]);
        });
    });
}

#[test]
fn there_are_never_more_spares_than_allowed() {
    for most in [0, 1, 3] {
        each_runtime(
            || Runtime::builder().max_spares(most),
            |runtime, workers| {
                let (gate, opener) = Gate::new();
                let (handle, reached) = (runtime.handle(), gate.reached.clone());
                let opens = std::thread::spawn(move || {
                    assert!(comes_true(|| reached.get() == workers + most));
                    // No further one comes.
                    std::thread::sleep(ms(50));
                    assert_eq!(reached.get(), workers + most);
                    assert_eq!(handle.spare_workers(), most);
                    drop(opener);
                });
                runtime.block_on(async {
                    gather(gate.spawn_blocked(workers + most + 20)).await;
                });
                opens.join().unwrap();
                assert!(runtime.handle().spare_workers() <= most);
            },
        );
    }
}

/// A spare that is not needed goes; the next one that is needed is the same thread.
#[test]
fn spares_are_used_again_and_go_home() {
    let _watchdog = Watchdog::start();
    let background = weftwork::Background::start_with(Runtime::builder().workers(1), "loop");
    let background = background.unwrap();
    let handle = background.handle();
    let mut helpers = HashSet::new();
    for _ in 0..10 {
        let task = handle.spawn(async {
            let (tell, told) = mpsc::channel();
            spawn(async move { tell.send(std::thread::current().id()).unwrap() }).detach();
            told.recv().unwrap()
        });
        helpers.insert(task.blocking_result(None).unwrap());
    }
    assert!(helpers.len() < 10, "{helpers:?}");
    assert!(comes_true(|| handle.spare_workers() == 0));
    assert!(!background.handle().is_closed());
}

/// Neither the workers nor the monitor do anything while the runtime has nothing to do.
#[cfg(target_os = "linux")]
#[test]
fn the_monitor_of_an_idle_runtime_sleeps() {
    let _watchdog = Watchdog::start();
    for workers in [1, 2] {
        let builder = Runtime::builder().workers(workers).thread_name("idle");
        let background = weftwork::Background::start_with(builder, "idle").unwrap();
        // A spare has been there.
        let task = background.handle().spawn(async {
            let (tell, told) = mpsc::channel();
            spawn(async move { tell.send(()).unwrap() }).detach();
            told.recv().unwrap();
        });
        task.blocking_result(None).unwrap();
        assert!(comes_true(|| background.handle().spare_workers() == 0));
        assert!(comes_true(|| {
            let before = switches("idle");
            std::thread::sleep(ms(300));
            !before.is_empty() && before == switches("idle")
        }));
    }
}

/// How often each of the threads whose name begins so fell asleep.
#[cfg(target_os = "linux")]
fn switches(name: &str) -> Vec<String> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let statuses = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("status")).ok());
    let begin = format!("Name:\t{name}");
    let counts = statuses
        .filter(|status| status.starts_with(&begin))
        .filter_map(|status| {
            let mut lines = status.lines();
            let line = lines.find(|line| line.starts_with("voluntary_ctxt_switches"));
            line.map(str::to_owned)
        });
    counts.collect()
}

/// A runtime whose workers are all blocked, and as many spares as there may be.
fn all_blocked(builder: Builder, workers: usize, spares: usize) -> (Runtime, Gate, Opener) {
    // Or the main future might not see that they are.
    let builder = builder.caller_runs_tasks(false).workers(workers);
    let runtime = builder.build().unwrap();
    let (gate, opener) = Gate::new();
    runtime.block_on(async {
        for task in gate.spawn_blocked(workers + spares) {
            task.detach();
        }
        while gate.reached.get() < workers + spares {
            sleep(ms(1)).await;
        }
    });
    (runtime, gate, opener)
}

/// A thread in `block_on` that is no worker looks after timers itself if nobody is left who could.
#[test]
fn a_main_future_without_a_seat_goes_on() {
    let _watchdog = Watchdog::start();
    for workers in [1, 2] {
        for _ in 0..20 {
            let builder = Runtime::builder().blocked_after(ms(2)).max_spares(1);
            let (runtime, _, opener) = all_blocked(builder, workers, 1);
            runtime.block_on(sleep(ms(1)));
            drop(opener);
            runtime.close().unwrap();
        }
    }
}

/// The end of a runtime: clean-ups run while a worker is blocked, and one of them opens its gate.
#[test]
fn clean_ups_run_while_all_workers_are_blocked() {
    let _watchdog = Watchdog::start();
    for workers in [1, 2, 8] {
        let (runtime, gate, opener) = all_blocked(Runtime::builder(), workers, 1);
        runtime.block_on(async {
            let (reached, is_reached) = oneshot::channel();
            spawn(async move {
                let caught = catch(common::stuck_at::<()>(reached)).await;
                assert!(caught.is_err());
                drop(opener);
            })
            .detach();
            is_reached.await.unwrap();
        });
        runtime.close().unwrap();
        assert_eq!(gate.ended.get(), workers + 1);
    }
}

/// The threads of workers and spares that are blocked are left behind.
#[test]
fn the_end_of_a_runtime_leaves_blocked_spares_behind() {
    let _watchdog = Watchdog::start();
    for workers in [1, 2, 8] {
        let builder = Runtime::builder().max_spares(3).shutdown_timeout(ms(20));
        let (runtime, gate, opener) = all_blocked(builder, workers, 3);
        let handle = runtime.handle();
        runtime.close().unwrap();
        assert_eq!((handle.spare_workers(), gate.ended.get()), (3, 0));
        drop(runtime);
        drop(opener);
        assert!(comes_true(|| handle.spare_workers() == 0));
        // The workers come back when they have a core.
        assert!(comes_true(|| gate.ended.get() == workers + 3));
        assert!(comes_true(|| handle.all_tasks().is_empty()));
    }
}

/// A clock that stands still does not move on while a task is blocked, and goes on afterwards.
#[test]
fn a_paused_clock_waits_for_those_who_are_blocked() {
    each_runtime(
        || Runtime::builder().start_paused(true),
        |runtime, workers| {
            let (gate, opener) = Gate::new();
            let log = Log::default();
            let (reached, seen) = (gate.reached.clone(), log.clone());
            let opens = std::thread::spawn(move || {
                assert!(comes_true(|| reached.get() == workers));
                std::thread::sleep(ms(30));
                seen.add("opened");
                drop(opener);
            });
            runtime.block_on(async {
                let seen = log.clone();
                let timer = spawn(async move {
                    sleep(common::LONG).await;
                    seen.add("time has passed");
                });
                gather(gate.spawn_blocked(workers)).await;
                timer.await;
            });
            assert_eq!(log.get(), ["opened", "time has passed"]);
            opens.join().unwrap();
        },
    );
}

/// Between two entries nobody runs the tasks of a runtime, whoever is blocked.
#[test]
fn a_frozen_runtime_is_not_helped() {
    let _watchdog = Watchdog::start();
    let (runtime, _, opener) = all_blocked(Runtime::builder(), 2, 0);
    let ran = Counter::default();
    let seen = ran.clone();
    let waits = runtime.handle().spawn(async move { seen.add() });
    std::thread::sleep(ms(50));
    assert_eq!(ran.get(), 0);
    // With the next entry somebody stands in.
    runtime.block_on(waits);
    assert_eq!(ran.get(), 1);
    drop(opener);
    runtime.close().unwrap();
}

/// Tasks that block, yield, spawn and sleep at random, with threads that enter and leave.
#[test]
fn blocking_at_random_loses_nothing() {
    each_runtime(
        || Runtime::builder().blocked_after(ms(2)).max_spares(5),
        |runtime, workers| {
            for round in 0..10 {
                let done = Counter::default();
                std::thread::scope(|scope| {
                    for entry in 0..2 {
                        let done = done.clone();
                        let seed = 100 * workers as u64 + 2 * round + entry;
                        scope.spawn(move || {
                            runtime.block_on(async {
                                gather((0..50).map(|n| at_random(seed * 1000 + n, done.clone())))
                                    .await;
                            });
                        });
                    }
                });
                assert_eq!(done.get(), 200);
            }
        },
    );
}

/// Whoever leaves was perhaps about to look again, so that others woke nobody else: it leaves nothing
/// behind that is looked at by nobody.
#[test]
fn those_who_come_and_go_strand_nothing() {
    let _watchdog = Watchdog::start();
    let builder = Runtime::builder().blocked_after(ms(2)).max_spares(5);
    let runtime = builder.workers(1).build().unwrap();
    for round in 0..60_u64 {
        std::thread::scope(|scope| {
            for entry in 0..2 {
                let runtime = &runtime;
                scope.spawn(move || {
                    let seed = |n| 1000 * (2 * round + entry) + n;
                    let tasks = (0..20).map(|n| at_random(seed(n), Counter::default()));
                    runtime.block_on(async { gather(tasks).await });
                });
            }
        });
    }
}

async fn at_random(seed: u64, done: Counter) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..random.usize(1..4) {
        match random.u8(..8) {
            0 => std::thread::sleep(ms(random.u64(1..8))),
            1 => sleep(ms(random.u64(..4))).await,
            2 => std::thread::yield_now(),
            _ => weftwork::yield_now().await,
        }
    }
    let seen = done.clone();
    let child = spawn(async move {
        weftwork::yield_now().await;
        seen.add();
    });
    if random.bool() {
        std::thread::sleep(ms(random.u64(..4)));
    }
    child.await;
    done.add();
}

#[test]
fn settings_without_sense_are_refused() {
    for builder in [
        Runtime::builder().blocked_after(ms(0)),
        Runtime::builder().slow_poll(ms(0)),
    ] {
        let error = builder.build().unwrap_err();
        assert!(
            error.to_string().contains("no poll is that short"),
            "{error}"
        );
    }
    let error = Runtime::builder().max_spares(usize::MAX).build();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("n <= 1000"), "{error}");
    // And no time is too long.
    let never = Runtime::builder().blocked_after(std::time::Duration::MAX);
    let never = never.slow_poll(std::time::Duration::MAX);
    assert_eq!(never.run(async { 5 }), 5);
}
