//! Queues and channels: each item comes once, and in order.

use crate::common::settle;
use crate::knife::{Knife, swept};
use futures::StreamExt;
use std::sync::Arc;
use weftwork::sync::{Mutex, Queue, broadcast, oneshot, watch};
use weftwork::{spawn, yield_now};

const COUNT: u32 = 4;

/// How a consumer takes the items.
#[derive(Clone, Copy)]
enum Take {
    Get,
    GetMany,
    Stream,
}

/// Takes items until there are so many. What came is noted at once.
async fn take_on(queue: Queue<u32>, got: Arc<Mutex<Vec<u32>>>, take: Take, until: u32) {
    let mut got = got.lock().await;
    while got.len() < until as usize {
        match take {
            Take::Get => got.push(queue.get().await.unwrap()),
            Take::GetMany => drop(queue.get_many(2, &mut got).await),
            Take::Stream => got.push(queue.stream().next().await.unwrap()),
        }
        yield_now().await;
    }
}

/// A consumer of a small queue is cut; the next one gets the rest.
async fn cut_consumer(knife: &Knife<'_>, take: Take) {
    let queue = Queue::new(2);
    let producer = queue.clone();
    let producer = spawn(async move {
        for item in 0..COUNT {
            yield_now().await;
            producer.put(item).await.unwrap();
        }
    });
    let got = Arc::default();
    let cut = take_on(queue.clone(), Arc::clone(&got), take, COUNT);
    let _ = knife.run(cut).await;
    take_on(queue.clone(), Arc::clone(&got), take, COUNT).await;
    producer.await;
    assert!(queue.is_empty());
    assert_eq!(*got.lock().await, [0, 1, 2, 3]);
}

#[test]
fn what_is_taken_from_a_queue() {
    swept("queue::Get", async |knife| {
        cut_consumer(knife, Take::Get).await;
    });
    swept("queue::GetMany", async |knife| {
        cut_consumer(knife, Take::GetMany).await;
    });
    swept("queue::Items", async |knife| {
        cut_consumer(knife, Take::Stream).await;
    });
}

/// What is put has come, or not; a put that is cut puts nothing.
#[test]
fn what_is_put_into_a_queue() {
    swept("queue::Put, queue::Join", async |knife| {
        let queue = Queue::new(1);
        let (inner, consumer) = (queue.clone(), queue.clone());
        let put = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&put);
        let consumer = spawn(async move {
            let mut got = Vec::new();
            while let Ok(item) = consumer.get().await {
                got.push(item);
                settle().await;
                consumer.task_done().unwrap();
            }
            got
        });
        let _ = knife
            .run(async move {
                for item in 0..COUNT {
                    inner.put(item).await.unwrap();
                    seen.lock().await.push(item);
                }
                inner.join().await;
            })
            .await;
        queue.join().await;
        queue.shutdown(false);
        assert_eq!(consumer.await, *put.lock().await);
    });
}

#[test]
fn a_oneshot() {
    swept("oneshot::Receiver", async |knife| {
        let (sender, receiver) = oneshot::channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let inner = Arc::clone(&receiver);
        let sender = spawn(async move {
            settle().await;
            sender.send(7).unwrap();
        });
        let end = knife
            .run(async move { (&mut *inner.lock().await).await.unwrap() })
            .await;
        sender.await;
        let value = match end {
            Ok(value) => value,
            Err(_) => receiver.lock().await.try_recv().unwrap(),
        };
        assert_eq!(value, 7);
    });
    swept("oneshot::UntilClosed", async |knife| {
        let (sender, receiver) = oneshot::channel::<u32>();
        let receiver = spawn(async move {
            settle().await;
            drop(receiver);
        });
        let sender = Arc::new(sender);
        let inner = Arc::clone(&sender);
        let _ = knife.run(async move { inner.closed().await }).await;
        sender.closed().await;
        receiver.await;
    });
}

#[test]
fn a_watch() {
    let program = "watch::Changed, Receiver::wait_for, watch::UntilClosed";
    swept(program, async |knife| {
        let (sender, receiver) = watch::channel(0);
        let (sender, mut last) = (Arc::new(sender), receiver.clone());
        let (inner, closing) = (Arc::clone(&sender), Arc::clone(&sender));
        let changer = spawn(async move {
            for number in 1..=COUNT {
                settle().await;
                let _ = inner.send(number);
            }
        });
        let receiver = Arc::new(Mutex::new(receiver));
        let cut = Arc::clone(&receiver);
        let _ = knife
            .run(async move {
                let mut receiver = cut.lock().await;
                receiver.changed().await.unwrap();
                receiver.wait_for(|number| *number == COUNT).await.unwrap();
            })
            .await;
        changer.await;
        // No change is lost to the one that was cut, or to another.
        let mut receiver = receiver.lock().await;
        assert_eq!(
            *receiver.wait_for(|number| *number == COUNT).await.unwrap(),
            COUNT
        );
        last.changed().await.unwrap();
        assert_eq!(*last.borrow(), COUNT);
        let _ = knife
            .run(async move {
                let closed = async { closing.closed().await };
                weftwork::timeout(std::time::Duration::ZERO, closed).await
            })
            .await;
    });
}

#[test]
fn a_broadcast() {
    for as_stream in [false, true] {
        swept("broadcast::Recv, broadcast::Receiver", async |knife| {
            let (sender, receiver) = broadcast::channel(8);
            let sender = spawn(async move {
                for number in 0..COUNT {
                    settle().await;
                    sender.send(number).unwrap();
                }
            });
            let receiver = Arc::new(Mutex::new(receiver));
            let got: Arc<Mutex<Vec<u32>>> = Arc::default();
            let (inner, seen) = (Arc::clone(&receiver), Arc::clone(&got));
            let _ = knife
                .run(async move {
                    let (mut receiver, mut got) = (inner.lock().await, seen.lock().await);
                    while got.len() < COUNT as usize {
                        let next = match as_stream {
                            true => receiver.next().await.unwrap().unwrap(),
                            false => receiver.recv().await.unwrap(),
                        };
                        got.push(next);
                    }
                })
                .await;
            sender.await;
            let (mut receiver, mut got) = (receiver.lock().await, got.lock().await);
            while let Ok(next) = receiver.recv().await {
                got.push(next);
            }
            assert_eq!(*got, [0, 1, 2, 3]);
        });
    }
}
