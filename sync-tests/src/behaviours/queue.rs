//! Queues in all orders: promises, shutdown, work that is counted.

use crate::{On, still_waits, waiting};
use weftwork_sync::queue::{AnyQueue, Order, TooManyTaskDone};
use weftwork_sync::{LifoQueue, PriorityQueue, Queue, ShutDown, TryGetError};

/// The future of a get that owns its queue.
async fn get<O: Order<u32>>(queue: AnyQueue<u32, O>) -> Result<u32, ShutDown<()>> {
    queue.get().await
}

/// The future of a put that owns its queue.
async fn put<O: Order<u32>>(queue: AnyQueue<u32, O>, item: u32) -> Result<(), ShutDown<u32>> {
    queue.put(item).await
}

pub async fn a_getter_woken_and_then_cancelled_leaves_its_item_and_the_order(on: On) {
    let queue = Queue::new(0);
    let first = waiting(get(queue.clone())).await;
    let second = on.spawn(waiting(get(queue.clone())).await);
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    assert_eq!(
        queue.try_get(),
        Err(TryGetError::Empty),
        "one is promised to each"
    );
    // It was woken; the other one may have run.
    drop(first);
    let (second, rest) = (second.await.unwrap(), queue.get().await);
    assert_eq!((second, rest), (Ok(1), Ok(2)));
}

pub async fn a_cancelled_getter_takes_nothing(on: On) {
    let queue = Queue::new(0);
    let getter = on.spawn(waiting(get(queue.clone())).await);
    assert_eq!(getter.cancel().await, None);
    queue.try_put(1).unwrap();
    assert_eq!(queue.try_get(), Ok(1));
}

pub async fn a_freed_slot_is_the_first_putters(on: On) {
    let queue = LifoQueue::new(1);
    queue.put(1).await.unwrap();
    let first = waiting(put(queue.clone(), 2)).await;
    let mut second = waiting(put(queue.clone(), 3)).await;
    assert_eq!(queue.get().await, Ok(1));
    assert!(queue.try_put(4).is_err(), "it is the first one's");
    still_waits(&mut second).await;
    on.spawn(first).await.unwrap().unwrap();
    assert_eq!(queue.get().await, Ok(2));
    on.spawn(second).await.unwrap().unwrap();
    assert_eq!(queue.get().await, Ok(3));
}

pub async fn an_extra_task_done_is_an_error(on: On) {
    let queue = Queue::new(0);
    queue.put(1).await.unwrap();
    let joiner = queue.clone();
    let join = on.spawn(waiting(async move { joiner.join().await }).await);
    assert_eq!(queue.task_done(), Ok(()));
    join.await.unwrap();
    assert_eq!(queue.task_done(), Err(TooManyTaskDone));
}

pub async fn shutdown_gives_putters_their_items_back_and_getters_drain_first(on: On) {
    let queue = PriorityQueue::new(2);
    queue.put(5).await.unwrap();
    queue.put(3).await.unwrap();
    let putter = on.spawn(waiting(put(queue.clone(), 1)).await);
    queue.shutdown(false);
    assert_eq!(putter.await, Some(Err(ShutDown(1))));
    for expected in [Ok(3), Ok(5), Err(ShutDown(()))] {
        assert_eq!(on.spawn(get(queue.clone())).await, Some(expected));
    }
}

pub async fn immediate_shutdown_empties_and_settles_join(on: On) {
    let queue = Queue::new(1);
    queue.put(1).await.unwrap();
    let joiner = queue.clone();
    let join = on.spawn(waiting(async move { joiner.join().await }).await);
    let putter = on.spawn(waiting(put(queue.clone(), 2)).await);
    queue.shutdown(true);
    join.await.unwrap();
    assert_eq!(putter.await, Some(Err(ShutDown(2))));
    assert_eq!(get(queue).await, Err(ShutDown(())));
}

pub async fn a_rendezvous_put_is_done_when_its_item_is_taken(on: On) {
    let queue = Queue::rendezvous();
    let mut putter = waiting(on.spawn(waiting(put(queue.clone(), 1)).await)).await;
    still_waits(&mut putter).await;
    assert_eq!(queue.get().await, Ok(1));
    putter.await.unwrap().unwrap();
    // A put that is cancelled takes its item along.
    let putter = on.spawn(waiting(put(queue.clone(), 2)).await);
    assert_eq!(putter.cancel().await, None);
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
}

/// Many producers and consumers on a small queue.
pub async fn everything_that_is_put_is_got_once(on: On) {
    const EACH: u32 = 200;
    let queue = Queue::new(3);
    let producers = [0, 1, 2].map(|part| {
        let queue = queue.clone();
        on.spawn(async move {
            for n in 0..EACH {
                queue.put(3 * n + part).await.unwrap();
            }
        })
    });
    let consumers = [0; 3].map(|_| {
        let queue = queue.clone();
        on.spawn(async move {
            let mut sum = 0;
            while let Ok(item) = queue.get().await {
                sum += item;
                queue.task_done().unwrap();
            }
            sum
        })
    });
    for producer in producers {
        producer.await.unwrap();
    }
    queue.join().await;
    queue.shutdown(false);
    let mut sum = 0;
    for consumer in consumers {
        sum += consumer.await.unwrap();
    }
    assert_eq!(sum, 3 * EACH * (3 * EACH - 1) / 2);
}

/// Of two getters at a time one is cancelled, whatever it is doing at that moment.
pub async fn getters_cancelled_at_any_moment_lose_no_item(on: On) {
    const ITEMS: u32 = 500;
    let queue = Queue::new(2);
    let producer = queue.clone();
    let producer = on.spawn(async move {
        for n in 0..ITEMS {
            producer.put(n).await.unwrap();
        }
        producer.shutdown(false);
    });
    let mut got = Vec::new();
    loop {
        let cancelled = on.spawn(get(queue.clone()));
        let other = on.spawn(get(queue.clone()));
        got.extend(cancelled.cancel().await.and_then(Result::ok));
        match other.await.unwrap() {
            Ok(item) => got.push(item),
            Err(ShutDown(())) => break,
        }
    }
    producer.await.unwrap();
    got.sort_unstable();
    assert!(got.into_iter().eq(0..ITEMS));
}

/// Putters are cancelled likewise: what was put comes out, and what was not does not.
pub async fn putters_cancelled_at_any_moment_put_all_or_nothing(on: On) {
    let queue = LifoQueue::new(1);
    let consumer = queue.clone();
    let consumer = on.spawn(async move {
        let mut got = Vec::new();
        while let Ok(item) = consumer.get().await {
            got.push(item);
        }
        got
    });
    let mut put_for_certain = Vec::new();
    for n in 0..500 {
        let (some, other) = (2 * n, 2 * n + 1);
        let cancelled = on.spawn(put(queue.clone(), some));
        let certain = on.spawn(put(queue.clone(), other));
        if cancelled.cancel().await.is_some() {
            put_for_certain.push(some);
        }
        certain.await.unwrap().unwrap();
        put_for_certain.push(other);
    }
    queue.shutdown(false);
    let mut got = consumer.await.unwrap();
    got.sort_unstable();
    assert_eq!(got, put_for_certain);
}
