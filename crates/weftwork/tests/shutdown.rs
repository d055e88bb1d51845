//! The end of a runtime that something holds up.

mod common;

use common::{Counter, EVERYWHERE, LONG, Log, WORKERS, Watchdog, forever, ms, scaled, started};
use futures::FutureExt;
use std::future::Future;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Instant;
use weftwork::sync::oneshot;
use weftwork::{Runtime, Task, catch, finally, shielded, spawn, spawn_blocking, yield_now};
use weftwork_std_or_loom::Mutex;

/// Ignores every cancel.
async fn stubborn<T>(log: Log) -> T {
    let _dropped = log.on_drop("dropped");
    loop {
        let _ = catch(forever::<()>()).await;
        log.add("ignores a cancel");
    }
}

#[test]
fn tasks_and_jobs_that_do_not_end_are_left_behind_at_the_limit() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let log = Log::default();
        let runtime = kind.runtime(Runtime::builder().shutdown_timeout(ms(50)));
        let (release, held) = mpsc::channel::<()>();
        let (task, cleanup) = runtime.block_on(async {
            let (begun, has_begun) = oneshot::channel();
            let job = spawn_blocking(move || {
                begun.send(()).unwrap();
                held.recv().is_ok()
            });
            has_begun.await.unwrap();
            let inner = log.clone();
            let stubborn = started(|reached| async move {
                reached.send(()).unwrap();
                stubborn::<u8>(inner).await
            });
            let task = stubborn.await;
            let cleanup = started(|reached| async move {
                let body = async {
                    reached.send(()).unwrap();
                    forever::<()>().await;
                };
                finally(body, forever::<()>()).await;
            });
            job.detach();
            (task, cleanup.await)
        });
        let began = Instant::now();
        runtime.close().unwrap();
        assert!(began.elapsed() >= ms(50));
        assert_eq!(log.get(), ["ignores a cancel", "dropped"], "{kind:?}");
        assert!(task.cancelled() && cleanup.cancelled(), "{kind:?}");
        // Whoever waited for it outside is told.
        assert!(task.blocking_result(Some(LONG)).is_err());
        assert!(release.send(()).is_ok(), "the job still runs");
    }
}

#[test]
fn what_ends_before_the_limit_is_waited_for() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let log = Log::default();
        let runtime = kind.runtime(Runtime::builder().shutdown_timeout(LONG));
        let (inner, job_log) = (log.clone(), log.clone());
        runtime.block_on(async {
            spawn(finally(forever::<()>(), async move {
                for _ in 0..1000 {
                    yield_now().await;
                }
                weftwork::sleep(ms(20)).await;
                inner.add("cleaned up");
            }))
            .detach();
            yield_now().await;
            let (begun, has_begun) = oneshot::channel();
            let job = spawn_blocking(move || {
                begun.send(()).unwrap();
                std::thread::sleep(ms(200));
                job_log.add("job");
            });
            job.detach();
            has_begun.await.unwrap();
        });
        runtime.close().unwrap();
        assert_eq!(log.get(), ["cleaned up", "job"], "{kind:?}");
    }
}

/// The thread of a worker that is stuck in a task is left behind.
#[test]
fn a_worker_that_is_stuck_is_left_behind() {
    let _watchdog = Watchdog::start();
    for workers in [1, 2, 8] {
        let builder = Runtime::builder().caller_runs_tasks(false);
        let builder = builder.workers(workers).shutdown_timeout(ms(20));
        let runtime = builder.build().unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (ended, has_ended) = mpsc::channel();
        runtime.block_on(async {
            let stuck = started(|reached| async move {
                reached.send(()).unwrap();
                // Until the runtime is closed.
                let _ = held.recv();
                ended.send(()).unwrap();
                forever::<()>().await;
            });
            stuck.await.detach();
        });
        runtime.close().unwrap();
        assert!(runtime.is_closed());
        drop(runtime);
        drop(release);
        has_ended.recv().unwrap();
    }
}

/// What a thread of a worker may be stuck in, where no task that has not ended tells of it.
#[derive(Clone, Copy, Debug)]
enum Stuck {
    Callback,
    Destructor,
    Waker,
}

/// Blocks its thread until the test ends.
struct Block {
    reached: mpsc::Sender<()>,
    held: Mutex<mpsc::Receiver<()>>,
}

impl Block {
    fn now(&self) {
        self.reached.send(()).unwrap();
        let _ = self.held.lock().recv();
    }
}

impl Wake for Block {
    fn wake(self: Arc<Self>) {
        self.now();
    }
}

struct OnDrop(Arc<Block>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.now();
    }
}

#[test]
fn a_worker_that_is_stuck_outside_of_a_task_is_left_behind() {
    let _watchdog = Watchdog::start();
    for stuck in [Stuck::Callback, Stuck::Destructor, Stuck::Waker] {
        let builder = Runtime::builder().caller_runs_tasks(false).workers(2);
        let runtime = builder.shutdown_timeout(ms(20)).build().unwrap();
        let (_release, held) = mpsc::channel();
        let (reached, is_reached) = mpsc::channel();
        let held = Mutex::new(held);
        let block = Arc::new(Block { reached, held });
        let mut joined = None;
        match stuck {
            Stuck::Callback => drop(runtime.handle().call_soon(move || block.now())),
            Stuck::Destructor => runtime.handle().spawn(async { OnDrop(block) }).detach(),
            Stuck::Waker => {
                let (go, goes) = oneshot::channel::<()>();
                let mut task = runtime.handle().spawn(goes);
                let waker = Waker::from(block);
                let polled = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
                go.send(()).unwrap();
                joined = Some(task);
            }
        }
        runtime.block_on(async { spawn_blocking(move || is_reached.recv().unwrap()).await });
        let began = Instant::now();
        runtime.close().unwrap();
        assert!(began.elapsed() < LONG / 60, "{stuck:?}");
        assert!(runtime.is_closed());
        assert!(joined.is_none_or(|task| task.done()), "{stuck:?}");
    }
}

/// A task that holds up its thread while it is cancelled: that is never the thread that closes.
#[test]
fn whoever_closes_is_held_up_by_no_task() {
    let _watchdog = Watchdog::start();
    for kind in WORKERS {
        let runtime = kind.runtime(Runtime::builder().shutdown_timeout(ms(20)));
        let (_release, held) = mpsc::channel();
        let (reached, is_reached) = mpsc::channel();
        let held = Mutex::new(held);
        let block = OnDrop(Arc::new(Block { reached, held }));
        runtime.block_on(async {
            let task = spawn(async move {
                let _block = block;
                forever::<()>().await;
            });
            task.detach();
            yield_now().await;
        });
        runtime.close().unwrap();
        is_reached.recv().unwrap();
    }
}

/// Tasks in every kind of wait, which wake and await each other, are all dropped.
#[test]
fn a_storm_of_tasks_that_do_not_end() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        for round in 0..scaled(300) as u64 {
            let (begun, dropped) = (Counter::default(), Counter::default());
            let builder = Runtime::builder().shutdown_timeout(ms(round % 3));
            let runtime = kind.runtime(builder);
            let tasks: Vec<Task<()>> = runtime.block_on(async {
                let storm = (0..30).map(|n| {
                    let (begun, dropped) = (begun.clone(), dropped.clone());
                    spawn(async move {
                        begun.add();
                        let _dropped = dropped.on_drop();
                        let child = spawn(stubborn::<()>(Log::default()));
                        loop {
                            let _ = match n % 5 {
                                0 => catch(forever()).await,
                                1 => catch(weftwork::sleep(ms(1))).await,
                                2 => catch(yield_now()).await,
                                3 => {
                                    let ended = async {
                                        child.finished().await;
                                        forever().await
                                    };
                                    catch(ended).await
                                }
                                _ => catch(shielded(forever())).await,
                            };
                        }
                    })
                });
                let tasks = storm.collect();
                yield_now().await;
                tasks
            });
            runtime.close().unwrap();
            assert_eq!(dropped.get(), begun.get(), "{kind:?}, {round}");
            for task in tasks {
                let ended = task.blocking_result(Some(LONG));
                assert!(ended.is_err(), "{kind:?}, {round}");
            }
        }
    }
}

/// In a child process, for what is said of it on stderr.
#[test]
fn what_held_it_is_named_with_its_place() {
    const CHILD: &str = "WEFTWORK_TEST_HELD";
    if std::env::var_os(CHILD).is_some() {
        let runtime = Runtime::builder().shutdown_timeout(ms(30)).build().unwrap();
        runtime.block_on(async {
            let named = Task::builder().name("stubborn one");
            let (reached, has_reached) = oneshot::channel();
            let stubborn = async move {
                reached.send(()).unwrap();
                stubborn::<u8>(Log::default()).await
            };
            named.spawn(stubborn).detach();
            has_reached.await.unwrap();
            let (begun, has_begun) = oneshot::channel();
            let job = spawn_blocking(move || {
                begun.send(()).unwrap();
                std::thread::sleep(LONG);
            });
            job.detach();
            has_begun.await.unwrap();
            // A named pipe that is full.
            let path = std::env::temp_dir().join(format!("weftwork-held-{}", std::process::id()));
            let made = std::process::Command::new("mkfifo").arg(&path).status();
            assert!(made.unwrap().success());
            let mut both = std::fs::OpenOptions::new();
            let mut reader = both.read(true).write(true).open(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
            let write = std::pin::pin!(weftwork::fs::write(path, vec![0; 1 << 20]));
            assert!(write.now_or_never().is_none());
            std::io::Read::read_exact(&mut reader, &mut [0]).unwrap();
            std::mem::forget(reader);
        });
        drop(runtime);
        // The threads that are left behind do not hold up the process.
        std::process::exit(0);
    }
    let _watchdog = Watchdog::start();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "what_held_it_is_named_with_its_place",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, "")
        .output()
        .unwrap();
    let said = String::from_utf8(child.stderr).unwrap();
    let lines: Vec<_> = said
        .lines()
        .skip_while(|line| !line.starts_with("weftwork"))
        .collect();
    assert_eq!(
        lines.first().copied(),
        Some("weftwork: the runtime ended after 30ms without waiting any longer for:"),
        "{said}"
    );
    let here = file!();
    let task = lines
        .iter()
        .find(|line| line.contains("stubborn one"))
        .unwrap();
    assert!(task.contains(here), "{said}");
    let jobs: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("  a blocking job from "))
        .collect();
    assert_eq!(jobs.len(), 2, "{said}");
    assert!(jobs.iter().all(|job| job.starts_with(here)), "{said}");
}
