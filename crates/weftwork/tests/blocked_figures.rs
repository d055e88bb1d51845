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

/// A figure on each number of workers; false if it is over the limit. The best of the rounds shows what
/// the runtime does, the others what the machine does too. Among more threads that compute than cores
/// the system shares.
fn figure(
    (what, limit): (&str, Duration),
    rounds: usize,
    block: Block,
    measure: impl AsyncFn(Block, usize) -> Duration,
) -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut is_within = true;
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
        let limit = (block == Block::Sleeps || workers <= cores).then_some(limit);
        let at_most = limit.map_or_else(String::new, |limit| format!("{limit:?}"));
        println!("| {what} | {block:?} | {workers} | {best:.1?} .. {worst:.1?} | {at_most} |");
        is_within &= limit.is_none_or(|limit| best <= limit);
    }
    is_within
}

#[test]
#[ignore = "figures for an idle machine"]
fn others_are_this_late() {
    println!("| | the workers' tasks | workers | measured | at most |\n|---|---|---|---|---|");
    let (tick, answer) = ("latest tick of 2 ms", "latest answer of a server");
    let (start, home_in) = ("latest start of a child", "the last spare is home after");
    let are_within = [
        figure((tick, ms(25)), ROUNDS, Block::Sleeps, ticker),
        figure((answer, ms(10)), ROUNDS, Block::Sleeps, echo),
        figure((start, ms(5)), ROUNDS, Block::Sleeps, child),
        figure((home_in, ms(10_000)), 1, Block::Sleeps, home),
        figure((tick, ms(25)), ROUNDS, Block::Computes, ticker),
        figure((answer, ms(25)), ROUNDS, Block::Computes, echo),
        figure((start, ms(25)), ROUNDS, Block::Computes, child),
    ];
    assert_eq!(are_within, [true; 7]);
}
