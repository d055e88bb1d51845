//! How late others are while workers are blocked, as figures; for an idle machine, by command:
//! `cargo test --release -p weftwork --test blocked_figures -- --ignored --nocapture`.
//!
//! That they go on at all is what `blocked.rs` tests, without a clock.
#![allow(clippy::print_stdout, reason = "the figures")]

mod common;

use common::{WORKERS, Watchdog, ms};
use std::io::{Read, Write};
use std::net::TcpListener as Listener;
use std::time::{Duration, Instant};
use weftwork::net::TcpStream;
use weftwork::{Runtime, Task, gather, sleep, spawn};

use futures::io::{AsyncReadExt, AsyncWriteExt};

/// So long all workers are blocked at a time.
const BLOCK: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(2);
const ROUNDS: usize = 3;

/// How a worker is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Sleeps,
    Computes,
}

impl Block {
    fn block(self, time: Duration) {
        let begin = Instant::now();
        match self {
            Self::Sleeps => std::thread::sleep(time),
            Self::Computes => while begin.elapsed() < time {},
        }
    }

    fn spawn(self, count: usize) -> Vec<Task<()>> {
        (0..count)
            .map(|_| spawn(async move { self.block(BLOCK) }))
            .collect()
    }
}

/// How late the latest tick is.
async fn ticker(block: Block, workers: usize) -> Duration {
    let ticker = spawn(async {
        let (begin, mut latest) = (Instant::now(), Duration::ZERO);
        while begin.elapsed() < BLOCK + ms(50) {
            let begin = Instant::now();
            sleep(TICK).await;
            latest = latest.max(begin.elapsed().saturating_sub(TICK));
        }
        latest
    });
    sleep(ms(20)).await;
    gather(block.spawn(workers)).await;
    ticker.await
}

/// How long the latest answer of an echo server took.
async fn echo(block: Block, workers: usize) -> Duration {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let (begin, mut latest) = (Instant::now(), Duration::ZERO);
        while begin.elapsed() < BLOCK + ms(50) {
            std::thread::sleep(ms(3));
            let begin = Instant::now();
            stream.write_all(&[1]).unwrap();
            stream.read_exact(&mut [0]).unwrap();
            latest = latest.max(begin.elapsed());
        }
        latest
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let server = spawn(async move {
        let mut byte = [0];
        while stream.read(&mut byte).await.unwrap() > 0 {
            stream.write_all(&byte).await.unwrap();
        }
    });
    sleep(ms(20)).await;
    gather(block.spawn(workers)).await;
    server.await;
    client.join().unwrap()
}

/// How late the latest child starts that its parent has spawned before it blocks.
async fn child(block: Block, _workers: usize) -> Duration {
    let mut latest = Duration::ZERO;
    for _ in 0..20 {
        let parent = spawn(async move {
            let begin = Instant::now();
            let child = spawn(async move { begin.elapsed() });
            block.block(ms(50));
            child.await
        });
        latest = latest.max(parent.await);
        sleep(ms(5)).await;
    }
    latest
}

/// When the last spare has gone home.
async fn home(block: Block, workers: usize) -> Duration {
    gather(block.spawn(workers + 8)).await;
    let (begin, handle) = (Instant::now(), weftwork::Handle::current());
    while handle.spare_workers() > 0 {
        sleep(ms(5)).await;
    }
    begin.elapsed()
}

/// The rounds of one figure, on each number of workers; the best one shows what the runtime does, the
/// others what the machine does too. Among more threads that compute than cores the system shares.
fn figure(
    (what, limit): (&str, Duration),
    rounds: usize,
    block: Block,
    measure: impl AsyncFn(Block, usize) -> Duration,
) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for kind in WORKERS {
        let common::On::Workers(workers) = kind else {
            continue;
        };
        let _watchdog = Watchdog::start();
        let one = || {
            let runtime = kind.runtime(Runtime::builder());
            runtime.block_on(measure(block, workers))
        };
        let mut figures: Vec<_> = (0..rounds).map(|_| one()).collect();
        figures.sort();
        let (best, worst) = (figures[0], figures[rounds - 1]);
        let is_limited = block == Block::Sleeps || workers <= cores;
        let limit = if is_limited { limit } else { Duration::MAX };
        let at_most = if is_limited {
            format!("{limit:?}")
        } else {
            String::new()
        };
        println!("| {what} | {block:?} | {workers} | {best:.1?} .. {worst:.1?} | {at_most} |");
        assert!(best <= limit, "{figures:?}");
    }
}

#[test]
#[ignore = "figures for an idle machine"]
fn others_are_this_late() {
    println!("| | the workers' tasks | workers | measured | at most |\n|---|---|---|---|---|");
    for block in [Block::Sleeps, Block::Computes] {
        figure(("latest tick of 2 ms", ms(25)), ROUNDS, block, ticker);
        figure(("latest answer of a server", ms(10)), ROUNDS, block, echo);
    }
    let start = "latest start of a child";
    figure((start, ms(5)), ROUNDS, Block::Sleeps, child);
    figure((start, ms(10)), ROUNDS, Block::Computes, child);
    let home_in = ("the last spare is home after", ms(10_000));
    figure(home_in, 1, Block::Sleeps, home);
}
