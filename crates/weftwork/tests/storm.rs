//! Cancel storms: very many tasks in nested groups, cancelled from random places while they run.
//!
//! `WEFTWORK_STORM_ROUNDS` is the number of rounds on each kind of runtime, `WEFTWORK_STORM_SEED`
//! the first seed; a failure names the seed of its round.

mod common;

use common::{Counter, EVERYWHERE, Watchdog, each_reporting, forever, until};
use fastrand::Rng;
use futures::future::{BoxFuture, FutureExt};
use std::sync::Arc;
use weftwork::{
    Runtime, TaskControl, TaskGroup, all_tasks, buffered, catch, current_task, finally, gather,
    race, spawn, task_group_fn, yield_now,
};
use weftwork_std_or_loom::Mutex;

/// How many children the nodes of each depth have: about 100,000 tasks with optimization.
const WIDTHS: [usize; 4] = [10, 10, 10, common::scaled(100)];

/// Why a node failed.
#[derive(Debug)]
struct Failed;

type Node = BoxFuture<'static, Result<(), Failed>>;

/// What the nodes and those who cancel them share.
#[derive(Default)]
struct Storm {
    /// Bodies that were entered, and clean-ups that ended.
    begun: Counter,
    cleaned: Counter,
    /// Nodes that were made, and that are gone.
    made: Counter,
    gone: Counter,
    seed: u64,
    targets: Mutex<Vec<Target>>,
}

enum Target {
    Task(TaskControl),
    Group(TaskGroup<Failed>),
}

impl Storm {
    fn rng(&self) -> Rng {
        Rng::with_seed(self.seed.wrapping_add(self.made.get() as u64))
    }

    fn strike(&self, rng: &mut Rng) {
        let targets = self.targets.lock();
        if targets.is_empty() {
            return;
        }
        let target = &targets[rng.usize(..targets.len())];
        match target {
            Target::Task(task) => {
                let task = task.clone();
                drop(targets);
                task.cancel();
            }
            Target::Group(group) => {
                let group = group.clone();
                drop(targets);
                group.cancel();
            }
        }
    }
}

/// A node that cleans up, with its children below it.
fn node(depth: usize, storm: Arc<Storm>) -> Node {
    storm.made.add();
    let guard = storm.gone.on_drop();
    let mut rng = storm.rng();
    async move {
        let _guard = guard;
        // Not the top: the storm would be over at once.
        if let Some(task) = current_task().filter(|_| depth > 1 && rng.u8(..4) == 0) {
            storm.targets.lock().push(Target::Task(task));
        }
        storm.begun.add();
        let cleaned = storm.cleaned.clone();
        let lingers = rng.usize(..3);
        let body = if depth == WIDTHS.len() {
            leaf(rng).boxed()
        } else {
            children(depth, storm, rng)
        };
        let cleanup = async move {
            for _ in 0..lingers {
                yield_now().await;
            }
            cleaned.add();
        };
        finally(body, cleanup).await
    }
    .boxed()
}

async fn leaf(mut rng: Rng) -> Result<(), Failed> {
    for _ in 0..rng.usize(..10) {
        yield_now().await;
    }
    match rng.u8(..100) {
        0..40 => Ok(()),
        40 => Err(Failed),
        // Without a word from the panic hook.
        41 => std::panic::resume_unwind(Box::new("storm")),
        42..50 => {
            let caught = catch(forever::<()>()).await;
            yield_now().await;
            caught.map_err(|_| Failed).or(Ok(()))
        }
        _ => forever().await,
    }
}

/// The children of a node, in a group of some kind.
fn children(depth: usize, storm: Arc<Storm>, mut rng: Rng) -> Node {
    let width = WIDTHS[depth];
    // Most failures end here, or every storm would be over with the first one.
    let fails = rng.u8(..50) == 0;
    let below = move |storm: &Arc<Storm>| node(depth + 1, Arc::clone(storm));
    match rng.u8(..10) {
        0 => async move {
            gather((0..width).map(|_| below(&storm)))
                .return_exceptions()
                .await;
            Ok(())
        }
        .boxed(),
        1 => async move {
            buffered((0..width).map(|_| below(&storm)), 4).await;
            Ok(())
        }
        .boxed(),
        2 if depth + 1 == WIDTHS.len() => {
            async move { race((0..width).map(|_| below(&storm))).await.unwrap() }.boxed()
        }
        _ => task_group_fn(move |group: TaskGroup<Failed>| async move {
            if depth > 0 {
                storm.targets.lock().push(Target::Group(group.clone()));
            }
            for _ in 0..width {
                let child = group.spawn(below(&storm));
                drop(child);
            }
            yield_now().await;
            Ok(())
        })
        .map(move |end| match end {
            Err(_) if fails => Err(Failed),
            _ => Ok(()),
        })
        .boxed(),
    }
}

/// Waits until there are so many nodes, or no more come: under a `buffered` whose children wait for
/// ever the others are never made.
async fn grown(storm: &Storm, enough: usize, root: &TaskControl) {
    let (mut made, mut turns) = (0, 0);
    while made < enough && turns < 10_000 && !root.done() {
        yield_now().await;
        let now = storm.made.get();
        turns = if now > made { 0 } else { turns + 1 };
        made = now;
    }
}

/// Cancels at random places while the tree runs, and then the whole of it.
async fn round(seed: u64) {
    let storm = Arc::new(Storm {
        seed,
        ..Storm::default()
    });
    let root = spawn(node(0, Arc::clone(&storm)));
    let control = root.control();
    let half = WIDTHS.iter().product::<usize>() / 2;
    let enough = Rng::with_seed(seed).usize(..half);
    grown(&storm, enough, &control).await;
    let strikers = (0..3).map(|number| {
        let (storm, control) = (Arc::clone(&storm), control.clone());
        let mut rng = Rng::with_seed(seed ^ number);
        spawn(async move {
            for _ in 0..rng.usize(..2000) {
                if control.done() {
                    break;
                }
                storm.strike(&mut rng);
                yield_now().await;
            }
        })
    });
    gather(strikers.collect::<Vec<_>>()).await;
    while !control.done() {
        // A node that swallows a cancel is asked again.
        control.cancel();
        yield_now().await;
    }
    drop(root.outcome().await);
    storm.targets.lock().clear();
    // What `buffered` and `race` left behind when they failed ends by itself.
    until(|| all_tasks().len() == 1).await;
    assert_eq!(
        storm.begun.get(),
        storm.cleaned.get(),
        "clean-ups of round {seed}"
    );
    assert_eq!(
        storm.made.get(),
        storm.gone.get(),
        "futures of round {seed}"
    );
    assert_eq!(Arc::strong_count(&storm), 1, "round {seed}");
}

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}")),
        Err(_) => default,
    }
}

#[test]
fn cancel_storms_leave_nothing_behind() {
    let rounds = number("WEFTWORK_STORM_ROUNDS", 2);
    let first = number("WEFTWORK_STORM_SEED", 1);
    for on in EVERYWHERE {
        for seed in first..first + rounds {
            let _watchdog = Watchdog::of(&format!("round {seed} on {on:?}"));
            // A panic after a cancel is nobody's to see: it is reported, and counted here.
            let runtime = on.runtime(Runtime::builder().exception_handler(|report| {
                assert_eq!(report.message(), "storm");
            }));
            runtime.block_on(round(seed));
            runtime.close().unwrap();
        }
    }
}

#[test]
fn a_storm_on_plain_threads() {
    each_reporting(|reports| async move {
        let storm = Arc::new(Storm::default());
        let root = spawn(node(2, Arc::clone(&storm)));
        let control = root.control();
        let threads: Vec<_> = (0..3)
            .map(|seed| {
                let (storm, control) = (Arc::clone(&storm), control.clone());
                std::thread::spawn(move || {
                    let mut rng = Rng::with_seed(seed);
                    while !control.done() {
                        storm.strike(&mut rng);
                        control.cancel();
                        std::thread::yield_now();
                    }
                })
            })
            .collect();
        drop(root.outcome().await);
        for thread in threads {
            thread.join().unwrap();
        }
        storm.targets.lock().clear();
        until(|| all_tasks().len() == 1).await;
        assert_eq!(storm.begun.get(), storm.cleaned.get());
        assert_eq!(storm.made.get(), storm.gone.get());
        reports.take();
    });
}
