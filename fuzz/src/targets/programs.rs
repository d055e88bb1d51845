//! Programs of tasks, groups, time limits, scopes and cancels, on a clock that stands still: each comes
//! to its end, with its clean-ups begun, and nothing of it is left.

use crate::bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use weftwork::{ResumeExt, time, timeout, yield_now};
use weftwork::{Runtime, Task, catch, current_task, finally, gather, race, shielded, sleep, spawn};
use weftwork_std_or_loom::atomic::AtomicUsize;
use weftwork_std_or_loom::atomic::Ordering::SeqCst;

/// How deep blocks lie in blocks, and how many steps there are in all.
const DEPTH: usize = 5;
const STEPS: usize = 60;

type Block = Arc<[Step]>;

enum Step {
    Sleep(u64),
    Yield,
    Spawn(Block),
    Await(usize),
    Outcome(usize),
    Cancel(usize),
    Uncancel,
    CancelMyself,
    Detach(usize),
    Gather(Vec<Block>),
    Race(Vec<Block>),
    Timeout(u64, Block),
    Catch(Block),
    CatchAndResume(Block),
    Finally(Block, Block),
    Shielded(Block),
}

/// What is counted while a program runs.
#[derive(Default)]
struct World {
    begun: AtomicUsize,
    ended: AtomicUsize,
    bodies: AtomicUsize,
    clean_ups: AtomicUsize,
}

/// A block that runs, until it is gone.
struct Inside(Arc<World>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, SeqCst);
    }
}

pub(crate) fn run(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let builder = Runtime::builder().start_paused(true);
    let runtime = match bytes.byte() % 8 {
        0 => builder.workers(2).build(),
        1 => builder.workers(1).build(),
        _ => weftwork_scheduler::local::runtime(builder),
    };
    let runtime = runtime.expect("threads and descriptors are there");
    let (world, mut left) = (Arc::<World>::default(), STEPS);
    let block = block(&mut bytes, 0, &mut left);
    let program = Arc::clone(&world);
    runtime.block_on(async move {
        // It may be cancelled, by itself.
        let _ = spawn(play(block, program)).outcome().await;
    });
    runtime.close().expect("it does not run");
    let count = |of: &AtomicUsize| of.load(SeqCst);
    assert_eq!(
        count(&world.begun),
        count(&world.ended),
        "something is left"
    );
    assert_eq!(
        count(&world.bodies),
        count(&world.clean_ups),
        "a clean-up was left out"
    );
    assert_eq!(Arc::strong_count(&world), 1, "a future is left");
}

fn block(bytes: &mut Bytes<'_>, depth: usize, left: &mut usize) -> Block {
    let mut steps = Vec::new();
    while !bytes.is_empty() && *left > 0 {
        *left -= 1;
        // Zero ends a block, so that short inputs make short programs.
        let what = bytes.byte() % 20;
        if what == 0 && depth > 0 {
            break;
        }
        steps.push(step(what, bytes, depth, left));
    }
    steps.into()
}

fn step(what: u8, bytes: &mut Bytes<'_>, depth: usize, left: &mut usize) -> Step {
    let n = bytes.below(8);
    if depth == DEPTH && what > 8 {
        return Step::Sleep(n as u64);
    }
    let mut inner = || block(bytes, depth + 1, left);
    match what {
        0 | 1 => Step::Yield,
        2 | 3 => Step::Sleep(n as u64),
        4 => Step::Await(n),
        5 => Step::Outcome(n),
        6 | 7 => Step::Cancel(n),
        8 if n == 0 => Step::Uncancel,
        8 if n == 1 => Step::Detach(n),
        8 => Step::CancelMyself,
        9..=11 => Step::Spawn(inner()),
        12 => Step::Gather((0..n % 4).map(|_| inner()).collect()),
        13 => Step::Race((0..=n % 3).map(|_| inner()).collect()),
        14 | 15 => Step::Timeout(n as u64, inner()),
        16 => Step::Catch(inner()),
        17 => Step::CatchAndResume(inner()),
        18 => Step::Finally(inner(), inner()),
        _ => Step::Shielded(inner()),
    }
}

fn play(block: Block, world: Arc<World>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        world.begun.fetch_add(1, SeqCst);
        let inside = Inside(world);
        let mut tasks: Vec<Task<()>> = Vec::new();
        for step in block.iter() {
            take(step, &inside.0, &mut tasks).await;
        }
    })
}

async fn take(step: &Step, world: &Arc<World>, tasks: &mut Vec<Task<()>>) {
    let start = |block: &Block| play(Arc::clone(block), Arc::clone(world));
    let pick = |n: usize, tasks: &[Task<()>]| n % tasks.len().max(1);
    match step {
        Step::Sleep(ms) => {
            let until = time::now() + Duration::from_millis(*ms);
            sleep(Duration::from_millis(*ms)).await;
            assert!(time::now() >= until, "too early");
        }
        Step::Yield => yield_now().await,
        Step::Spawn(block) => tasks.push(spawn(start(block))),
        Step::Await(n) if !tasks.is_empty() => tasks.remove(pick(*n, tasks)).await,
        Step::Outcome(n) if !tasks.is_empty() => {
            let _ = tasks.remove(pick(*n, tasks)).outcome().await;
        }
        Step::Cancel(n) if !tasks.is_empty() => {
            tasks[pick(*n, tasks)].cancel();
        }
        Step::Detach(n) if !tasks.is_empty() => tasks.remove(pick(*n, tasks)).detach(),
        Step::Await(_) | Step::Outcome(_) | Step::Cancel(_) | Step::Detach(_) => {}
        Step::Uncancel => {
            current_task().expect("it is one").uncancel();
        }
        Step::CancelMyself => {
            current_task().expect("it is one").cancel();
        }
        Step::Gather(blocks) => {
            gather(blocks.iter().map(start)).await;
        }
        Step::Race(blocks) => {
            race(blocks.iter().map(start)).await;
        }
        Step::Timeout(ms, block) => {
            let _ = timeout(Duration::from_millis(*ms), start(block)).await;
        }
        Step::Catch(block) => {
            let _ = catch(start(block)).await;
        }
        Step::CatchAndResume(block) => {
            let caught = catch(start(block)).await;
            shielded(yield_now()).await;
            caught.or_resume().await;
        }
        Step::Finally(body, clean_up) => {
            let body = async {
                world.bodies.fetch_add(1, SeqCst);
                start(body).await;
            };
            let clean_up = async {
                world.clean_ups.fetch_add(1, SeqCst);
                start(clean_up).await;
            };
            finally(body, clean_up).await;
        }
        Step::Shielded(block) => shielded(start(block)).await,
    }
}
