//! What tasks share: queues with producers that give up, locks, permits.

use crate::args::Leak;
use crate::books::{Account, check};
use crate::round::Round;
use std::sync::Arc;
use std::time::Duration;
use weftwork::sync::{Mutex, Queue, RwLock, Semaphore, oneshot};
use weftwork::{gather, sleep, spawn, timeout, yield_now};

fn a_while() -> Duration {
    Duration::from_micros(fastrand::u64(..300))
}

/// Producers and consumers, each of whom gives up now and then.
pub(crate) async fn queues(round: Round) {
    let queue = Arc::new(Queue::new(8));
    let consumer = |_| {
        let queue = Arc::clone(&queue);
        spawn(async move {
            loop {
                match timeout(a_while(), queue.get()).await {
                    Ok(Ok(_)) => Account::Items.close(1),
                    Ok(Err(_)) => break,
                    Err(_elapsed) => {}
                }
                if fastrand::u32(..64) == 0 {
                    sleep(a_while()).await;
                }
            }
        })
    };
    let consumers: Vec<_> = (0..3).map(consumer).collect();
    let producer = |_| {
        let queue = Arc::clone(&queue);
        async move {
            while round.goes_on() {
                let put = timeout(a_while(), queue.put(1)).await;
                if let Ok(Ok(())) = put {
                    Account::Items.open(1);
                }
                let (sender, receiver) = oneshot::channel();
                let sent = spawn(async move { sender.send(5) });
                check(matches!(receiver.await, Ok(5)), "a result was lost");
                check(sent.await.is_ok(), "a result came back");
            }
        }
    };
    gather((0..3).map(producer)).await;
    queue.shutdown(false);
    gather(consumers).await;
}

/// What one round's locks are about.
#[derive(Debug)]
struct Shared {
    permits: Semaphore,
    added: Mutex<u64>,
    pair: RwLock<(u64, u64)>,
}

const PERMITS: usize = 5;

pub(crate) async fn locks(round: Round) {
    let shared = Arc::new(Shared {
        permits: Semaphore::new(PERMITS),
        added: Mutex::new(0),
        pair: RwLock::new((0, 0)),
    });
    let user = |n: usize| {
        let shared = Arc::clone(&shared);
        async move {
            while round.goes_on() {
                use_all(&shared, n).await;
            }
        }
    };
    gather((0..8).map(user)).await;
    if round.leaks(Leak::Permit) {
        shared
            .permits
            .try_acquire()
            .expect("all are there")
            .forget();
    }
    Account::Permits.open(PERMITS as u64);
    Account::Permits.close(shared.permits.available_permits() as u64);
    Account::Additions.close(*shared.added.lock().await);
}

async fn use_all(shared: &Shared, n: usize) {
    if let Ok(Ok(permits)) = timeout(a_while(), shared.permits.acquire_many(1 + n % 3)).await {
        yield_now().await;
        drop(permits);
    }
    let _ = timeout(a_while(), async {
        let mut added = shared.added.lock().await;
        *added += 1;
        Account::Additions.open(1);
        yield_now().await;
        drop(added);
    })
    .await;
    if n == 0 {
        let mut pair = shared.pair.write().await;
        pair.0 += 1;
        yield_now().await;
        pair.1 += 1;
    } else {
        let pair = shared.pair.read().await;
        check(pair.0 == pair.1, "a reader saw half of a change");
    }
}
