//! Queues of all kinds between real threads that give up now and then: every item that was put
//! comes out once.

mod common;

use common::poll_once;
use futures::executor::block_on;
use std::collections::HashSet;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use weftwork_sync::queue::{AnyQueue, Order};
use weftwork_sync::{LifoQueue, PriorityQueue, Queue};

const PRODUCERS: usize = 3;
const CONSUMERS: usize = 3;

fn items() -> usize {
    if cfg!(debug_assertions) { 2000 } else { 20_000 }
}

/// True now and then, differently in each thread.
fn now_and_then(seed: usize, n: usize) -> bool {
    let mixed = (n ^ (seed << 7)) as u64;
    mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 62 == 0
}

/// Puts its share, and tells which items were put for certain and which perhaps.
fn produce<O: Order<usize>>(queue: &AnyQueue<usize, O>, seed: usize) -> (Vec<usize>, Vec<usize>) {
    let (mut put, mut perhaps) = (Vec::new(), Vec::new());
    for n in 0..items() {
        let item = n * PRODUCERS + seed;
        if !now_and_then(seed, n) {
            block_on(queue.put(item)).unwrap();
            put.push(item);
            continue;
        }
        // Waits, perhaps until it has been promised a slot, and gives up.
        let mut given_up = queue.put(item);
        match poll_once(&mut given_up) {
            Poll::Ready(answer) => {
                answer.unwrap();
                put.push(item);
            }
            Poll::Pending => {
                thread::yield_now();
                perhaps.push(item);
            }
        }
    }
    (put, perhaps)
}

/// Takes until the queue ends.
fn consume<O: Order<usize>>(queue: &AnyQueue<usize, O>, seed: usize) -> Vec<usize> {
    let mut taken = Vec::new();
    for n in 0.. {
        let count = taken.len();
        match n % 3 {
            _ if now_and_then(seed, n) => {
                let mut given_up = queue.get();
                let polled = poll_once(&mut given_up);
                thread::yield_now();
                match polled {
                    Poll::Pending => {}
                    Poll::Ready(Ok(item)) => taken.push(item),
                    Poll::Ready(Err(_)) => return taken,
                }
            }
            0 => {
                if block_on(queue.get_many(4, &mut taken)).is_err() {
                    return taken;
                }
            }
            _ => match block_on(queue.get()) {
                Ok(item) => taken.push(item),
                Err(_) => return taken,
            },
        }
        (count..taken.len()).for_each(|_| queue.task_done().unwrap());
    }
    taken
}

/// Everything that was put comes out once, and beside it at most what `may_appear`.
fn round<O: Order<usize>>(queue: &AnyQueue<usize, O>, may_appear: bool)
where
    AnyQueue<usize, O>: Sync,
{
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|seed| scope.spawn(move || consume(queue, seed + 10)))
            .collect();
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|seed| scope.spawn(move || produce(queue, seed)))
            .collect();
        let (mut put, mut perhaps) = (Vec::new(), HashSet::new());
        for producer in producers {
            let (certain, uncertain) = producer.join().unwrap();
            put.extend(certain);
            perhaps.extend(uncertain);
        }
        block_on(queue.join());
        queue.shutdown(false);
        let taken = consumers.into_iter().flat_map(|it| it.join().unwrap());
        let taken: Vec<_> = taken.collect();
        let seen: HashSet<_> = taken.iter().copied().collect();
        assert_eq!(seen.len(), taken.len(), "an item came twice");
        assert!(
            put.iter().all(|item| seen.contains(item)),
            "an item was lost"
        );
        let more = seen.len() - put.len();
        assert!(more == 0 || may_appear, "{more} came that were never put");
        let put: HashSet<_> = put.into_iter().collect();
        assert!(seen.difference(&put).all(|item| perhaps.contains(item)));
    });
}

#[test]
fn queues_lose_and_double_nothing() {
    for maxsize in [1, 3, 100] {
        round(&Queue::new(maxsize), false);
        round(&LifoQueue::new(maxsize), false);
        round(&PriorityQueue::new(maxsize), false);
    }
}

/// There an item may have been taken when its put gives up.
#[test]
fn a_rendezvous_loses_and_doubles_nothing() {
    round(&Queue::rendezvous(), true);
}

#[test]
fn a_rendezvous_may_be_shut_down_at_any_moment() {
    for round in 0..500 {
        let queue = Queue::rendezvous();
        let item = Arc::new(());
        thread::scope(|scope| {
            let put = scope.spawn(|| {
                let put = || block_on(queue.put(Arc::clone(&item))).is_ok();
                (0..).take_while(|_| put()).count()
            });
            let got = scope.spawn(|| std::iter::from_fn(|| block_on(queue.get()).ok()).count());
            (0..round).for_each(|_| std::hint::spin_loop());
            thread::yield_now();
            queue.shutdown(round % 2 == 0);
            assert_eq!(put.join().unwrap(), got.join().unwrap());
        });
        assert_eq!(Arc::strong_count(&item), 1);
    }
}
