//! A task that uses what is accounted for is cancelled, and dropped, at each of its awaits, while a
//! rival wants the same: nothing stays on an account, and nothing is lost.

use std::sync::Arc;
use weftwork::testing::{Cut, sweep, sweep_drops};
use weftwork::{Runtime, spawn, yield_now};
use weftwork_sync::{CapacityLimiter, Mutex, OnceCell, Queue, RwLock, RwLockWriteGuard};

struct Shared {
    limiter: CapacityLimiter,
    mutex: Mutex<u32>,
    lock: RwLock<u32>,
    cell: OnceCell<u32>,
}

impl Shared {
    /// Has each of them for a while, one inside of the other.
    async fn use_all(&self) {
        let _token = self.limiter.acquire().await;
        *self.mutex.lock().await += 1;
        yield_now().await;
        let guard = self.mutex.lock().await;
        yield_now().await;
        let mut writes = self.lock.write().await;
        *writes += *guard;
        yield_now().await;
        let reads = RwLockWriteGuard::downgrade(writes);
        drop(guard);
        yield_now().await;
        drop(reads);
        let made = self.cell.get_or_init(|| async {
            yield_now().await;
            7
        });
        assert_eq!(*made.await, 7);
    }
}

async fn all_is_given_back(cut: &Cut) {
    let shared = Arc::new(Shared {
        limiter: CapacityLimiter::new(1),
        mutex: Mutex::tracked(0),
        lock: RwLock::tracked(0),
        cell: OnceCell::new(),
    });
    let (inner, other) = (Arc::clone(&shared), Arc::clone(&shared));
    let rival = spawn(async move { other.use_all().await });
    let _ = cut.run(async move { inner.use_all().await }).await;
    rival.await;
    let Shared {
        limiter,
        mutex,
        lock,
        cell,
    } = &*shared;
    assert_eq!((limiter.borrowers(), limiter.waiters()), (vec![], vec![]));
    assert_eq!((mutex.holder(), mutex.waiters()), (None, vec![]));
    assert_eq!((lock.holders(), lock.waiters()), (vec![], vec![]));
    assert_eq!((cell.initializer(), cell.waiters()), (None, vec![]));
    assert_eq!(limiter.available_tokens(), 1);
    assert!(!mutex.is_locked() && lock.try_write().is_ok());
}

/// A producer is cut while two consumers wait: what it has put comes out in order, and what it took
/// along leaves no hole in the line.
async fn a_rendezvous_goes_on(cut: &Cut) {
    let queue = Arc::new(Queue::rendezvous());
    let consumers = [(); 2].map(|()| {
        let queue = Arc::clone(&queue);
        spawn(async move {
            let mut got = Vec::new();
            while let Ok(item) = queue.get().await {
                got.push(item);
            }
            got
        })
    });
    let inner = Arc::clone(&queue);
    let _ = cut
        .run(async move {
            for item in 0..4 {
                inner.put(item).await.unwrap();
                yield_now().await;
            }
        })
        .await;
    queue.put(10).await.unwrap();
    queue.put(11).await.unwrap();
    queue.shutdown(false);
    let mut got = Vec::new();
    for consumer in consumers {
        let mine = consumer.await;
        assert!(mine.is_sorted());
        got.extend(mine);
    }
    got.sort_unstable();
    let put = got.len() - 2;
    let expected: Vec<_> = (0..put as u32).chain([10, 11]).collect();
    assert_eq!(got, expected);
}

#[test]
fn accounts_and_lines_survive_every_cut() {
    for workers in [1, 2, 8] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.block_on(async {
            for _ in 0..10 {
                sweep(all_is_given_back).await;
                sweep_drops(all_is_given_back).await;
                sweep(a_rendezvous_goes_on).await;
                sweep_drops(a_rendezvous_goes_on).await;
            }
        });
    }
}
