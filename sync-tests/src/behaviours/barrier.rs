//! Tasks that wait for each other.

use crate::{On, still_waits, waiting};
use std::sync::Arc;
use weftwork_sync::{Barrier, BrokenBarrier};

type Numbers = Vec<Result<usize, BrokenBarrier>>;

/// A task that waits, counted already.
async fn arrive(on: &On, barrier: &Arc<Barrier>) -> crate::Job<Result<usize, BrokenBarrier>> {
    let barrier = Arc::clone(barrier);
    on.spawn(waiting(async move { barrier.wait().await }).await)
}

pub async fn a_cancelled_waiter_does_not_break_it(on: On) {
    let barrier = Arc::new(Barrier::new(3));
    let first = arrive(&on, &barrier).await;
    let second = arrive(&on, &barrier).await;
    assert_eq!(barrier.n_waiting(), 2);
    assert_eq!(first.cancel().await, None);
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (1, false));
    let third = arrive(&on, &barrier).await;
    assert_eq!(barrier.n_waiting(), 2);
    assert_eq!(barrier.wait().await, Ok(2));
    // Each number once, though somebody was there who went.
    assert_eq!((second.await, third.await), (Some(Ok(0)), Some(Ok(1))));
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
}

/// Phase after phase, each number is given once; and nobody is ahead by a phase.
pub async fn every_phase_gives_each_number_once(on: On) {
    const PARTIES: usize = 5;
    const PHASES: usize = 20;
    let barrier = Arc::new(Barrier::new(PARTIES));
    let jobs: Vec<_> = (0..PARTIES)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            on.spawn(async move {
                let mut numbers = Numbers::new();
                for _ in 0..PHASES {
                    numbers.push(barrier.wait().await);
                }
                numbers
            })
        })
        .collect();
    let mut all = Vec::new();
    for job in jobs {
        all.push(job.await.unwrap());
    }
    for phase in 0..PHASES {
        let mut numbers: Vec<_> = all.iter().map(|of| of[phase].unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..PARTIES).collect::<Vec<_>>());
    }
}

/// Whoever comes while a phase drains waits for the next one, which fills when the last has gone.
pub async fn newcomers_wait_while_a_phase_drains(on: On) {
    let barrier = Arc::new(Barrier::new(2));
    let slow = waiting(barrier.wait()).await;
    assert_eq!(barrier.wait().await, Ok(1));
    // The slow one has its number and has not gone.
    let mut early = waiting(barrier.wait()).await;
    let other = arrive(&on, &barrier).await;
    assert_eq!(barrier.n_waiting(), 0);
    still_waits(&mut early).await;
    assert_eq!(slow.await, Ok(0));
    assert_eq!(early.await, Ok(0));
    assert_eq!(other.await, Some(Ok(1)));
}

pub async fn abort_breaks_it_until_a_reset(on: On) {
    let barrier = Arc::new(Barrier::new(3));
    let first = arrive(&on, &barrier).await;
    barrier.abort();
    assert_eq!(first.await, Some(Err(BrokenBarrier)));
    assert!(barrier.is_broken());
    assert_eq!(barrier.wait().await, Err(BrokenBarrier));
    barrier.reset();
    assert!(!barrier.is_broken());
    let (a, b) = (arrive(&on, &barrier).await, arrive(&on, &barrier).await);
    assert_eq!(barrier.wait().await, Ok(2));
    assert_eq!((a.await, b.await), (Some(Ok(0)), Some(Ok(1))));
}

pub async fn reset_refuses_those_who_wait(on: On) {
    let barrier = Arc::new(Barrier::new(3));
    let first = arrive(&on, &barrier).await;
    let second = arrive(&on, &barrier).await;
    barrier.reset();
    assert_eq!(first.await, Some(Err(BrokenBarrier)));
    assert_eq!(second.await, Some(Err(BrokenBarrier)));
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
}

/// As in asyncio: those who have not gone yet are refused, those who came meanwhile are not.
pub async fn reset_while_a_phase_drains_refuses_that_phase(_: On) {
    let barrier = Barrier::new(2);
    let slow = waiting(barrier.wait()).await;
    assert_eq!(barrier.wait().await, Ok(1));
    let early = waiting(barrier.wait()).await;
    barrier.reset();
    assert_eq!(barrier.n_waiting(), 1);
    assert_eq!(barrier.wait().await, Ok(1));
    assert_eq!(early.await, Ok(0));
    assert_eq!(slow.await, Err(BrokenBarrier));
}
