//! Random programs, thousands of rounds: every task ends exactly once, everything is dropped,
//! nothing hangs. A failure names the seed of its round.

#![allow(clippy::print_stderr, reason = "the seed of a round that failed")]

mod common;

use common::{Counter, EVERYWHERE, Flag, On, WORKERS, Watchdog, foreign_block_on, scaled};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Barrier};
use std::time::Duration;
use weftwork::sync::{Queue, oneshot};
use weftwork::{
    Handle, Runtime, RuntimeError, Task, catch, finally, gather, sleep, spawn, spawn_blocking,
    timeout, wait, yield_now,
};

/// The books of one round.
#[derive(Clone, Default)]
struct World {
    made: Counter,
    dropped: Counter,
    clean_ups: Counter,
    cleaned: Counter,
}

/// Runs a round for each seed, and says which one failed.
fn rounds(count: usize, round: impl Fn(&mut fastrand::Rng)) {
    let first = match std::env::var("WEFTWORK_STRESS_SEED") {
        Ok(seed) => seed.parse().expect("a seed is a number"),
        Err(_) => fastrand::u64(..),
    };
    for n in 0..count as u64 {
        let seed = first.wrapping_add(n);
        let _watchdog = Watchdog::of(&format!("WEFTWORK_STRESS_SEED={seed}"));
        let ran = catch_unwind(AssertUnwindSafe(|| {
            round(&mut fastrand::Rng::with_seed(seed));
        }));
        if let Err(payload) = ran {
            eprintln!("failed with WEFTWORK_STRESS_SEED={seed}");
            resume_unwind(payload);
        }
    }
}

fn random(rng: &mut fastrand::Rng, kinds: &[On]) -> On {
    kinds[rng.usize(..kinds.len())]
}

type Node = Pin<Box<dyn Future<Output = u64> + Send>>;

/// A random piece of program, with smaller ones in it.
fn node(world: &World, rng: &mut fastrand::Rng, depth: u32) -> Node {
    world.made.add();
    let (inside, world, mut rng) = (world.dropped.on_drop(), world.clone(), rng.fork());
    Box::pin(async move {
        let _inside = inside;
        let steps = rng.usize(1..5);
        for _ in 0..steps {
            step(&world, &mut rng, depth).await;
        }
        rng.u64(..)
    })
}

/// One random step.
async fn step(world: &World, rng: &mut fastrand::Rng, depth: u32) {
    match rng.u8(..if depth == 0 { 4 } else { 16 }) {
        0 | 1 => yield_now().await,
        2 => sleep(Duration::from_micros(rng.u64(..300))).await,
        3 => drop(spawn_blocking(|| 5).outcome().await),
        step => with_children(step, world, rng, depth - 1).await,
    }
}

/// One random step in which there are smaller programs.
async fn with_children(step: u8, world: &World, rng: &mut fastrand::Rng, depth: u32) {
    let mut child = || spawn(node(world, rng, depth));
    match step {
        4 => drop(child().outcome().await),
        5 => child().detach(),
        6 => {
            let task = child();
            if catch(yield_now()).await.is_ok() {
                task.cancel();
            }
            drop(task.outcome().await);
        }
        7 => drop(gather((0..3).map(|_| child())).return_exceptions().await),
        8 => {
            let waited = wait((0..3).map(|_| child()))
                .timeout(Duration::from_micros(200))
                .await;
            waited.pending.iter().for_each(|task| {
                task.cancel();
            });
        }
        9 => drop(timeout(Duration::from_micros(100), child()).await),
        10 => drop(child().cancel_on_drop()),
        11 => {
            let panics = spawn(async { resume_unwind(Box::new("planned")) });
            let outcome: Result<(), _> = panics.outcome().await;
            assert!(outcome.is_err());
        }
        12 => {
            world.clean_ups.add();
            let cleaned = world.cleaned.clone();
            let body = node(world, rng, depth);
            finally(body, async move {
                yield_now().await;
                cleaned.add();
            })
            .await;
        }
        13 => {
            let (handle, node) = (Handle::current(), node(world, rng, depth));
            let thread = std::thread::spawn(move || handle.spawn(node));
            drop(thread.join().unwrap().outcome().await);
        }
        14 => pass_through_a_queue(rng).await,
        _ => called_back(child()).await,
    }
}

/// Whatever goes in comes out, in order, unless the end of the runtime takes the consumer away
/// from a task that has swallowed its own cancel.
async fn pass_through_a_queue(rng: &mut fastrand::Rng) {
    let (queue, count) = (Queue::new(rng.usize(1..4)), rng.usize(1..20));
    let from = ShutDown(queue.clone());
    let consumer = spawn(async move {
        for expected in 0..count {
            assert_eq!(from.0.get().await.unwrap(), expected);
        }
    });
    for n in 0..count {
        if queue.put(n).await.is_err() {
            assert!(Handle::current().is_closed());
            break;
        }
    }
    drop(consumer.outcome().await);
}

/// Shuts its queue down when it is dropped, so that nobody waits for room in it.
struct ShutDown(Queue<usize>);

impl Drop for ShutDown {
    fn drop(&mut self) {
        self.0.shutdown(true);
    }
}

/// The callback of a task that somebody awaits runs before the await ends.
async fn called_back<T: Send + 'static>(task: Task<T>) {
    let (called, seen) = (Flag::default(), Flag::default());
    let flag = called.clone();
    task.add_done_callback(move |_| flag.set());
    let flag = seen.clone();
    Handle::current().call_soon(move || flag.set());
    drop(task.outcome().await);
    assert!(called.is_set());
    common::until(|| seen.is_set()).await;
}

/// Runs a random program to its end, with others left behind for the end of the runtime.
fn one_program(kind: On, rng: &mut fastrand::Rng) {
    let world = World::default();
    let runtime = kind.runtime(Runtime::builder().event_interval(rng.u32(1..100)));
    let handle = runtime.handle();
    let early: Vec<_> = (0..rng.usize(..4))
        .map(|_| handle.spawn(node(&world, rng, 2)))
        .collect();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..rng.usize(1..6))
            .map(|_| spawn(node(&world, rng, 3)))
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            if n % 3 == 2 {
                task.detach();
            } else {
                drop(task.outcome().await);
            }
        }
    });
    drop(runtime);
    assert!(early.iter().all(Task::done), "{kind:?}");
    assert!(handle.all_tasks().is_empty(), "{kind:?}");
    assert_eq!(world.dropped.get(), world.made.get(), "{kind:?}: futures");
    assert_eq!(
        world.cleaned.get(),
        world.clean_ups.get(),
        "{kind:?}: clean-ups"
    );
}

#[test]
fn random_programs() {
    rounds(scaled(1500), |rng| {
        one_program(random(rng, &EVERYWHERE), rng)
    });
}

#[test]
fn random_programs_on_several_runtimes_at_once() {
    rounds(scaled(300), |rng| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let mut rng = rng.fork();
                scope.spawn(move || one_program(random(&mut rng, &EVERYWHERE), &mut rng));
            }
        });
    });
}

/// Runtimes come and go while threads spawn on them.
#[test]
fn runtimes_that_end_while_others_spawn() {
    rounds(scaled(1500), |rng| {
        let kind = random(rng, &EVERYWHERE);
        let (runtime, world) = (kind.runtime(Runtime::builder()), World::default());
        let start = Arc::new(Barrier::new(3));
        let spawners: Vec<_> = (0..2)
            .map(|_| {
                let (handle, start) = (runtime.handle(), Arc::clone(&start));
                let nodes: Vec<_> = (0..rng.usize(1..30))
                    .map(|_| node(&world, rng, 1))
                    .collect();
                std::thread::spawn(move || {
                    start.wait();
                    nodes
                        .into_iter()
                        .map(|node| handle.spawn(node))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        start.wait();
        if rng.bool() {
            runtime.block_on(async {
                for _ in 0..rng.usize(..20) {
                    yield_now().await;
                }
            });
        }
        drop(runtime);
        for spawner in spawners {
            for task in spawner.join().unwrap() {
                // Nobody runs it any more: it has ended, or it would hang.
                drop(foreign_block_on(task.outcome()));
            }
        }
        assert_eq!(world.dropped.get(), world.made.get(), "{kind:?}");
    });
}

/// Several threads in `block_on`, more than there are seats for, that wake each other.
#[test]
fn many_threads_in_block_on() {
    rounds(scaled(100), |rng| {
        let kind = random(rng, &WORKERS);
        let (runtime, world) = (kind.runtime(Runtime::builder()), World::default());
        let threads = rng.usize(2..14);
        std::thread::scope(|scope| {
            let (start, mut next) = oneshot::channel();
            for _ in 0..threads {
                let (give, given) = oneshot::channel();
                let from = std::mem::replace(&mut next, given);
                let (runtime, mut rng, world) = (&runtime, rng.fork(), &world);
                scope.spawn(move || {
                    runtime.block_on(async {
                        let own = spawn(node(world, &mut rng, 1));
                        from.await.unwrap();
                        drop(own.outcome().await);
                        give.send(()).unwrap();
                    });
                });
            }
            start.send(()).unwrap();
            runtime.block_on(next).unwrap();
        });
        runtime.close().unwrap();
        assert_eq!(world.dropped.get(), world.made.get(), "{kind:?}");
    });
}

/// `run_forever` and `stop`, again and again, with work left over from one to the next.
#[test]
fn stop_and_go() {
    rounds(scaled(300), |rng| {
        let kind = random(rng, &EVERYWHERE);
        let (runtime, world) = (kind.runtime(Runtime::builder()), World::default());
        let handle = runtime.handle();
        for _ in 0..rng.usize(1..8) {
            let task = handle.spawn(node(&world, rng, 2));
            let (stopper, called) = (handle.clone(), Flag::default());
            let flag = called.clone();
            match rng.u8(..3) {
                0 => drop(handle.call_soon(move || {
                    flag.set();
                    stopper.stop();
                })),
                1 => drop(
                    handle.call_later(Duration::from_micros(rng.u64(..500)), move || {
                        flag.set();
                        stopper.stop();
                    }),
                ),
                _ => {
                    std::thread::spawn(move || {
                        flag.set();
                        stopper.stop();
                    });
                }
            }
            runtime.run_forever().unwrap();
            assert!(called.is_set() && !runtime.is_running());
            task.detach();
        }
        runtime.close().unwrap();
        assert_eq!(runtime.run_forever(), Err(RuntimeError::Closed));
        assert_eq!(world.dropped.get(), world.made.get(), "{kind:?}");
    });
}
