//! Running a scenario under many schedules, and naming the seed of one that fails.

use crate::parts::thread_name;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// So many schedules have a seed in common: PCT learns from the first ones how long the later are.
const BATCH: usize = 100;

/// So many changes of priority PCT makes in a schedule.
const CHANGES: usize = 4;

/// A thread's stack. The frames of a debug build are large.
const STACK: usize = 256 << 10;

/// A schedule in which a scenario failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed of its batch.
    pub seed: u64,
    /// What the panic said.
    pub message: String,
}

/// Runs a scenario under as many schedules as `WEFTWORK_SCHEDULES` says (200), in batches. The first
/// batch has the seed `WEFTWORK_SEED` (1), each further one the next. Those with an even seed choose the
/// next thread at random at each step; the others by priorities that change now and then (PCT), which
/// lets a thread fall far behind.
///
/// # Panics
/// When a schedule fails; it says by which seed it can be had again.
pub fn scenario(body: fn()) {
    let (seed, schedules) = (
        number("WEFTWORK_SEED", 1),
        number("WEFTWORK_SCHEDULES", 200),
    );
    if let Err(failure) = explore(seed, schedules, body) {
        let (name, seed) = (thread_name(), failure.seed);
        panic!(
            "{name} fails: {}\nonce more: cargo xtask shuttle {name} --seed {seed} --schedules {BATCH}",
            failure.message
        );
    }
    println!("Completed in {schedules} iterations");
}

fn number(variable: &str, default: u64) -> u64 {
    let Ok(value) = std::env::var(variable) else {
        return default;
    };
    let number = value.parse();
    number.unwrap_or_else(|_| panic!("{variable} is a number, not {value:?}"))
}

/// As [`scenario`], from a seed on, and gives the failure.
///
/// # Errors
/// The first schedule that failed.
pub fn explore(seed: u64, schedules: u64, body: fn()) -> Result<(), Failure> {
    let mut left = usize::try_from(schedules).unwrap_or(usize::MAX);
    for seed in seed.. {
        if left == 0 {
            break;
        }
        let count = left.min(BATCH);
        left -= count;
        run_batch(seed, count, body)?;
    }
    Ok(())
}

fn run_batch(seed: u64, schedules: usize, body: fn()) -> Result<(), Failure> {
    if seed.is_multiple_of(2) {
        run(seed, RandomScheduler::new_from_seed(seed, schedules), body)
    } else {
        run(
            seed,
            PctScheduler::new_from_seed(seed, CHANGES, schedules),
            body,
        )
    }
}

fn run(seed: u64, scheduler: impl Scheduler + 'static, body: fn()) -> Result<(), Failure> {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.silence_warnings = true;
    // A schedule is had again by its seed; written out it is long.
    config.failure_persistence = FailurePersistence::None;
    config
        .ungraceful_shutdown_config
        .immediately_return_on_panic = true;
    let runner = Runner::new(scheduler, config);
    match catch_unwind(AssertUnwindSafe(|| runner.run(body))) {
        Ok(_) => Ok(()),
        Err(payload) => Err(Failure {
            seed,
            message: weftwork_scheduler::panic_message(&*payload).to_owned(),
        }),
    }
}
