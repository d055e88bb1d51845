//! The clock that stands still: it moves when everything is at rest, and never before.

mod common;

use common::{EVERYWHERE, LONG, On, WORKERS, Watchdog};
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use weftwork::sync::oneshot;
use weftwork::time::{self, interval, now, sleep, sleep_until, timeout};
use weftwork::{Handle, Runtime, gather, spawn, spawn_blocking, wait, yield_now};
use weftwork_std_or_loom::Mutex;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Runs a body on each kind of runtime with a clock that is paused from the start. No real time
/// may pass to speak of.
fn paused<F: Future<Output = ()>>(kinds: &[On], body: impl Fn() -> F) {
    for kind in kinds {
        let watchdog = Watchdog::start();
        let start = Instant::now();
        let runtime = kind.runtime(Runtime::builder().start_paused(true));
        runtime.block_on(body());
        runtime.close().unwrap();
        assert!(start.elapsed() < LONG / 60, "{kind:?}");
        drop(watchdog);
    }
}

#[test]
fn every_wait_ends_at_its_very_instant() {
    paused(&EVERYWHERE, || async {
        let start = now();
        sleep(LONG).await;
        assert_eq!(now() - start, LONG);
        assert_eq!(Handle::current().time(), now());
        assert!(timeout(LONG, sleep(LONG * 2)).await.is_err());
        assert_eq!(now() - start, LONG * 2);
        let waited = wait([sleep(LONG * 9)]).timeout(LONG).await;
        assert!(waited.done.is_empty() && now() - start == LONG * 3);
        let mut ticks = interval(LONG).unwrap();
        for tick in 3..6 {
            assert_eq!(ticks.tick().await - start, LONG * tick);
            assert_eq!(now() - start, LONG * tick);
        }
        sleep_until(start + LONG * 7).await;
        assert_eq!(now() - start, LONG * 7);
        drop(waited);
    });
}

#[test]
fn deadlines_come_in_their_order_and_equal_ones_in_that_of_their_timers() {
    paused(&[On::Local], || async {
        let log = Arc::new(Mutex::new(Vec::new()));
        let naps = [30, 10, 20, 10].into_iter().enumerate().map(|(n, nap)| {
            let log = Arc::clone(&log);
            async move {
                sleep(ms(nap)).await;
                log.lock().push(n);
            }
        });
        gather(naps).await;
        assert_eq!(*log.lock(), [1, 3, 2, 0]);
    });
    paused(&EVERYWHERE, || async {
        let (sent, received) = mpsc::channel();
        let handle = Handle::current();
        for (n, delay) in [30, 10, 20, 10].into_iter().enumerate() {
            let (sent, at) = (sent.clone(), now() + ms(delay));
            handle.call_later(ms(delay), move || sent.send((n, now() == at)).unwrap());
        }
        sleep(ms(40)).await;
        let order: Vec<_> = received.try_iter().collect();
        assert_eq!(order, [(1, true), (3, true), (2, true), (0, true)]);
    });
}

type Walk = std::pin::Pin<Box<dyn Future<Output = u64> + Send>>;

/// Sleeps, yields, spawns, and looks at the clock after each step; gives the number of steps.
fn walk(seed: u64, depth: u32) -> Walk {
    Box::pin(async move {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut steps = 0;
        for _ in 0..20 {
            let wakes = now() + Duration::from_nanos(random.u64(1..2000));
            sleep_until(wakes).await;
            assert_eq!(now(), wakes, "it moved while a task had been woken");
            for _ in 0..random.u32(0..4) {
                yield_now().await;
                assert_eq!(now(), wakes, "it moved while a task was queued");
            }
            let child = (depth > 0 && random.bool()).then(|| {
                let seed = random.u64(..);
                spawn(walk(seed, depth - 1))
            });
            if random.bool() {
                let (tell, told) = oneshot::channel();
                spawn(async move { tell.send(now()).unwrap() }).detach();
                assert_eq!(told.await.unwrap(), wakes, "it moved in a spawned task");
                assert_eq!(now(), wakes, "it moved during a hand-over");
            }
            if let Some(child) = child {
                steps += child.await;
            }
            steps += 1;
        }
        steps
    })
}

/// A task that was woken, or one that only yields, sees the time at which it was woken, whatever
/// all other workers are about.
#[test]
fn the_clock_never_moves_while_a_task_is_ready() {
    for round in 0..4 {
        paused(&WORKERS, || async move {
            let walks = (0..8).map(|n| walk(round * 8 + n, 2));
            assert!(gather(walks).await.iter().sum::<u64>() >= 160);
        });
    }
}

#[test]
fn a_blocking_job_holds_the_clock() {
    paused(&EVERYWHERE, || async {
        for _ in 0..50 {
            let start = now();
            let (tell, told) = mpsc::channel();
            let handle = Handle::current();
            let job = spawn_blocking(move || {
                told.recv().unwrap();
                handle.time()
            });
            let nap = spawn(sleep(ms(1)));
            // A second job, whose task is gone before it ends.
            drop(spawn_blocking(|| ()));
            yield_now().await;
            assert!(!nap.done());
            tell.send(()).unwrap();
            assert_eq!(job.await, start, "it moved during the job");
            nap.await;
            assert_eq!(now() - start, ms(1));
        }
    });
}

/// The end of a job that nobody waits for is the last thing that happens.
#[test]
fn a_job_that_nobody_waits_for_does_not_stop_the_clock_for_ever() {
    paused(&EVERYWHERE, || async {
        for _ in 0..50 {
            let job = spawn_blocking(|| std::thread::sleep(Duration::from_micros(200)));
            job.cancel();
            sleep(ms(1)).await;
        }
    });
}

#[test]
fn it_can_be_stopped_and_let_go_while_others_sleep() {
    for workers in [1, 2, 8] {
        let watchdog = Watchdog::start();
        let runtime = On::Workers(workers).runtime(Runtime::builder());
        runtime.block_on(async {
            for _ in 0..20 {
                let nap = spawn(sleep(LONG));
                // The other workers fall asleep in real time.
                sleep(ms(1)).await;
                time::pause();
                time::pause();
                let stopped = now();
                nap.await;
                assert!(now() - stopped > LONG / 2);
                let virtually = now();
                time::resume();
                sleep(ms(1)).await;
                let slept = now() - virtually;
                assert!(slept >= ms(1) && slept < LONG, "{slept:?}");
            }
        });
        runtime.close().unwrap();
        drop(watchdog);
    }
}

#[test]
fn letting_it_go_ends_the_sleep_of_the_one_on_the_driver() {
    paused(&WORKERS, || async {
        let (tell, told) = oneshot::channel::<()>();
        let handle = Handle::current();
        let (let_go, is_let_go) = mpsc::channel();
        // A thread that nobody waits for: at rest there is no deadline but one far away.
        std::thread::spawn(move || {
            is_let_go.recv().unwrap();
            handle.resume_time();
            handle.call_later(ms(1), move || tell.send(()).unwrap());
        });
        let_go.send(()).unwrap();
        told.await.unwrap();
    });
}

#[test]
fn an_advance_lets_everything_go_off_that_is_due() {
    paused(&EVERYWHERE, || async {
        // Something is always ready, so it does not move by itself.
        let start = now();
        let (sent, received) = mpsc::channel();
        for n in [3, 1, 2] {
            let sent = sent.clone();
            Handle::current().call_later(ms(n), move || sent.send((n, now())).unwrap());
        }
        time::advance(ms(2)).await;
        while received.try_recv() != Ok((1, start + ms(2))) {
            yield_now().await;
        }
        while received.try_recv() != Ok((2, start + ms(2))) {
            yield_now().await;
        }
        assert_eq!(now() - start, ms(2));
        time::advance(Duration::MAX).await;
        while received.try_recv().is_err() {
            yield_now().await;
        }
    });
}

#[test]
#[should_panic(expected = "call `time::pause()` before `advance`")]
fn an_advance_of_the_real_clock_is_a_mistake() {
    weftwork::run_local(time::advance(ms(1)));
}

#[test]
fn what_never_comes_is_never_jumped_to() {
    paused(&EVERYWHERE, || async {
        let (sent, received) = mpsc::channel();
        for _ in 0..40 {
            let sent = sent.clone();
            Handle::current().call_later(Duration::MAX, move || sent.send(()).unwrap());
        }
        let (tell, told) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            std::thread::sleep(ms(20));
            tell.send(()).unwrap();
        });
        let start = now();
        told.await.unwrap();
        assert_eq!(now(), start);
        assert!(received.try_recv().is_err());
    });
}

#[test]
fn main_futures_on_threads_without_a_seat_are_waited_for() {
    let watchdog = Watchdog::start();
    let builder = Runtime::builder().caller_runs_tasks(false);
    let runtime = On::Workers(2).runtime(builder.start_paused(true));
    std::thread::scope(|threads| {
        for n in 0..4 {
            let runtime = &runtime;
            threads.spawn(move || {
                runtime.block_on(async {
                    for step in 1..50 {
                        let wakes = now() + ms(n + step % 7);
                        spawn(sleep_until(wakes)).await;
                        // Another main future may just come in: that is no part of it yet.
                        assert!(now() >= wakes);
                    }
                });
            });
        }
    });
    runtime.close().unwrap();
    drop(watchdog);
}

#[test]
fn what_has_come_over_a_socket_is_read_before_time_moves() {
    use futures::{AsyncReadExt, AsyncWriteExt};
    use weftwork::net::{TcpListener, TcpStream};
    paused(&EVERYWHERE, || async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut byte = [0];
            for _ in 0..50 {
                sleep(ms(5)).await;
                stream.write_all(&[1]).await.unwrap();
                stream.read_exact(&mut byte).await.unwrap();
            }
        });
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let mut byte = [0];
        for _ in 0..50 {
            let read = timeout(ms(7), stream.read_exact(&mut byte)).await;
            read.expect("the byte was there").unwrap();
            stream.write_all(&byte).await.unwrap();
        }
        server.await;
    });
}

#[weftwork::test(start_paused, workers = 2)]
async fn the_attribute_stops_it() {
    let start = Instant::now();
    sleep(LONG).await;
    assert!(start.elapsed() < LONG / 60);
}

#[weftwork::test(start_paused, local)]
async fn the_attribute_stops_it_on_one_thread() {
    let start = now();
    sleep(LONG).await;
    assert_eq!(now() - start, LONG);
}
