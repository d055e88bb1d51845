//! The rounds: all loads at once, then rest, then a look at the books.

use crate::args::{Args, Leak};
use crate::books::{self, Account};
use crate::loads;
use crate::measure::Measure;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use weftwork::{Builder, Runtime};

/// So many rounds come before the first measure that counts: caches fill, threads of the pool start.
const WARM_UP: usize = 3;
/// After its time a round has to come to rest within this.
const PATIENCE: Duration = Duration::from_secs(60);
/// After the ends of its loads what they left behind may take so long: tasks that were detached, callbacks.
const REST: Duration = Duration::from_secs(5);
/// The memory in use may differ by so much between two moments of rest, and by so much for each worker: caches
/// of cells, of threads.
const SLACK: i64 = 1 << 20;
const SLACK_OF_WORKER: i64 = 128 << 10;

/// One round, for its loads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    end: Instant,
    planted: Option<Leak>,
}

impl Round {
    pub(crate) fn goes_on(self) -> bool {
        Instant::now() < self.end
    }

    /// True if this leak is planted.
    pub(crate) fn leaks(self, leak: Leak) -> bool {
        self.planted == Some(leak)
    }
}

/// A runtime on the books.
pub(crate) fn builder(workers: usize) -> Builder {
    let builder = Builder::new()
        .workers(workers)
        .blocking_threads(8)
        .on_task_spawn(|_| Account::Tasks.open(1))
        .on_task_end(|_| Account::Tasks.close(1));
    builder.exception_handler(|report| books::check(false, &format!("{report}")))
}

/// Runs all rounds, prints the books, and says what is broken.
pub(crate) fn run_all(args: &Args) -> Vec<String> {
    let start = Measure::now();
    let mut measures = Vec::new();
    let mut broken = Vec::new();
    let watch = watch(PATIENCE + args.round);
    {
        let runtime = builder(args.workers)
            .build()
            .expect("the system gives threads");
        let end = Instant::now() + args.time;
        while broken.is_empty() && (Instant::now() < end || measures.len() <= WARM_UP) {
            let round = Round {
                end: Instant::now() + args.round,
                planted: args.planted,
            };
            runtime.block_on(loads::all(round));
            broken = at_rest(&runtime);
            let _ = watch.send(());
            measures.push(Measure::now());
        }
    }
    drop(watch);
    let end = settled(start);
    books::print();
    print(&start, &measures, &end);
    broken.extend(books::broken());
    let slack = SLACK + SLACK_OF_WORKER * i64::try_from(args.workers).unwrap_or(1);
    broken.extend(compare(&start, &measures, &end, slack));
    broken.dedup();
    broken
}

/// Runs the runtime until the books are even, and gives what is broken if they are not for too long.
fn at_rest(runtime: &Runtime) -> Vec<String> {
    let end = Instant::now() + REST;
    loop {
        let broken = books::broken();
        if broken.is_empty() || Instant::now() > end {
            return broken;
        }
        runtime.block_on(weftwork::sleep(Duration::from_millis(1)));
    }
}

/// The threads that were joined may be in the system's list for a moment.
fn settled(start: Measure) -> Measure {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let now = Measure::now();
        if now.threads <= start.threads || Instant::now() > end {
            return now;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Ends the process if a round does not end: what hangs is a fault too.
fn watch(limit: Duration) -> Sender<()> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        loop {
            match receiver.recv_timeout(limit) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    books::print();
                    println!("BROKEN: a round has not ended within {} s", limit.as_secs());
                    std::process::exit(1);
                }
            }
        }
    });
    sender
}

fn print(start: &Measure, measures: &[Measure], end: &Measure) {
    println!();
    println!(
        "{:<14} {:>14} {:>12} {:>12}",
        "rounds", "KiB in use", "descriptors", "threads"
    );
    let row = |name: &str, it: &Measure| {
        let (memory, descriptors, threads) = (it.memory >> 10, it.descriptors, it.threads);
        println!("{name:<14} {memory:>14} {descriptors:>12} {threads:>12}");
    };
    row("before", start);
    for (n, measure) in measures.iter().enumerate() {
        if n < WARM_UP + 2 || n + 2 >= measures.len() {
            row(&format!("after {}", n + 1), measure);
        }
    }
    row("at the end", end);
}

/// What has grown, from the end of the warm-up on, or from the start to the end.
fn compare(start: &Measure, measures: &[Measure], end: &Measure, slack: i64) -> Vec<String> {
    let mut broken = Vec::new();
    let warm = &measures[WARM_UP.min(measures.len() - 1)..];
    let (first, rest) = warm.split_first().expect("there is one");
    // At its lowest, for one moment of rest is not as the other.
    let later = &rest[rest.len() / 2..];
    if let Some(lowest) = later.iter().map(|it| it.memory).min()
        && lowest > first.memory + slack
    {
        broken.push(format!(
            "memory: {} bytes more are in use than after the warm-up",
            lowest - first.memory
        ));
    }
    if end.memory > start.memory + slack {
        let more = end.memory - start.memory;
        broken.push(format!(
            "memory: {more} bytes more are in use than at the start"
        ));
    }
    let mut grown = |what: &str, before: usize, now: usize| {
        if now > before {
            broken.push(format!("{what}: {now} are there, and {before} were"));
        }
    };
    let last = later.last().unwrap_or(first);
    grown("descriptors", first.descriptors, last.descriptors);
    grown("descriptors", start.descriptors, end.descriptors);
    grown("threads", start.threads, end.threads);
    broken
}
