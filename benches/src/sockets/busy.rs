//! Tasks that keep all workers of a server busy: each computes for a millisecond, and lets others
//! have a turn.

use std::future::Future;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// So many for each worker: there is always one that waits for its turn.
pub(super) const FOR_A_WORKER: usize = 2;

const PIECE: Duration = Duration::from_millis(1);

/// The futures to spawn.
pub(super) fn tasks<Y: Future<Output = ()>>(
    count: usize,
    yield_now: fn() -> Y,
) -> impl Iterator<Item = impl Future<Output = ()>> {
    (0..count).map(move |_| async move {
        loop {
            compute();
            yield_now().await;
        }
    })
}

/// By the clock and not by count: what counts is how long a worker is away.
fn compute() {
    let begin = Instant::now();
    let mut x = 1_u64;
    while begin.elapsed() < PIECE {
        for _ in 0..100 {
            x = black_box(x.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (x >> 29));
        }
    }
}
