//! Queues and channels of `weftwork_sync` between five and eight threads: each item arrives once.

#![cfg(weftwork_shuttle)]

use shuttle::future::block_on;
use std::sync::Arc;
use weftwork_shuttle_tests::{Drops, Pool, Tally, join, poll_and_drop, scenario, threads};
use weftwork_std_or_loom::Mutex;
use weftwork_sync::{PriorityQueue, Queue, broadcast, channel, oneshot, watch};

/// What each of several threads got.
type Got = Arc<Mutex<Vec<usize>>>;

fn sorted(got: &Got) -> Vec<usize> {
    let mut got = got.lock().clone();
    got.sort_unstable();
    got
}

/// Three producers, three consumers, a queue of two; consumers that give up hand on what they were
/// promised; all is counted as done.
#[test]
fn every_item_of_a_queue_arrives_once() {
    scenario(|| {
        let (queue, got) = (Arc::new(Queue::new(2)), Got::default());
        let producers = threads(3, {
            let queue = Arc::clone(&queue);
            move |n| {
                for item in 0..2 {
                    block_on(queue.put(10 * n + item)).expect("it is open");
                }
            }
        });
        let consumers = threads(3, {
            let (queue, got) = (Arc::clone(&queue), Arc::clone(&got));
            move |n| {
                let take = |item| {
                    got.lock().push(item);
                    queue.task_done().expect("one for each item");
                };
                if n == 0
                    && let std::task::Poll::Ready(Ok(item)) = poll_and_drop(queue.get())
                {
                    take(item);
                }
                while let Ok(item) = block_on(queue.get()) {
                    take(item);
                }
            }
        });
        join(producers);
        block_on(queue.join());
        queue.shutdown(false);
        join(consumers);
        assert_eq!(sorted(&got), [0, 1, 10, 11, 20, 21]);
    });
}

/// Shut down at once in the middle: each item is taken, dropped with the queue, or comes back.
#[test]
fn a_shutdown_in_the_middle_loses_no_item() {
    scenario(|| {
        let (queue, drops) = (Arc::new(Queue::new(1)), Drops::default());
        let producers = threads(3, {
            let (queue, drops) = (Arc::clone(&queue), drops.clone());
            move |_| (0..3).for_each(|_| drop(block_on(queue.put(drops.counted()))))
        });
        let consumers = threads(2, {
            let queue = Arc::clone(&queue);
            move |_| (0..4).for_each(|_| drop(block_on(queue.get())))
        });
        shuttle::thread::yield_now();
        queue.shutdown(true);
        join(producers);
        join(consumers);
        drop(queue);
        drops.assert_all();
    });
}

/// Items go from hand to hand, and some hands are drawn back.
#[test]
fn a_rendezvous_hands_each_item_over_or_back() {
    scenario(|| {
        let (queue, drops) = (Arc::new(Queue::rendezvous()), Drops::default());
        let (put, got) = (Tally::default(), Tally::default());
        let producers = threads(3, {
            let (queue, drops, put) = (Arc::clone(&queue), drops.clone(), put.clone());
            move |n| {
                if n == 0 && poll_and_drop(queue.put(drops.counted())).is_ready() {
                    put.add();
                }
                block_on(queue.put(drops.counted())).expect("it is open");
                put.add();
            }
        });
        let consumers = threads(2, {
            let (queue, got) = (Arc::clone(&queue), got.clone());
            move |_| {
                while block_on(queue.get()).is_ok() {
                    got.add();
                }
            }
        });
        join(producers);
        queue.shutdown(false);
        join(consumers);
        assert!(got.count() >= put.count() && got.count() <= 4);
        drops.assert_all();
    });
}

/// The best of what is there comes first, whoever takes it.
#[test]
fn a_priority_queue_gives_each_item_once() {
    scenario(|| {
        let (queue, got) = (Arc::new(PriorityQueue::new(0)), Got::default());
        let producers = threads(3, {
            let queue = Arc::clone(&queue);
            move |n| (0..2).for_each(|item| queue.try_put(10 * n + item).expect("it is open"))
        });
        let consumers = threads(3, {
            let (queue, got) = (Arc::clone(&queue), Arc::clone(&got));
            move |_| {
                (0..2).for_each(|_| got.lock().push(block_on(queue.get()).expect("it is open")))
            }
        });
        join(producers);
        join(consumers);
        assert_eq!(sorted(&got), [0, 1, 10, 11, 20, 21]);
    });
}

/// Senders and receivers come and go: the channel ends after what was sent.
#[test]
fn a_channel_ends_after_the_last_sender() {
    scenario(|| {
        let ((sender, receiver), got) = (channel(1), Got::default());
        let producers: Vec<_> = (0..3)
            .map(|n| {
                let sender = sender.clone();
                shuttle::thread::spawn(move || {
                    block_on(sender.send(n)).expect("somebody receives");
                })
            })
            .collect();
        drop(sender);
        let consumers: Vec<_> = (0..2)
            .map(|_| {
                let (receiver, got) = (receiver.clone(), Arc::clone(&got));
                shuttle::thread::spawn(move || {
                    while let Ok(item) = block_on(receiver.recv()) {
                        got.lock().push(item);
                    }
                })
            })
            .collect();
        drop(receiver);
        join(producers);
        join(consumers);
        assert_eq!(sorted(&got), [0, 1, 2]);
    });
}

/// Each of three receivers has every item, or knows how many it missed.
#[test]
fn receivers_of_a_broadcast_account_for_all() {
    scenario(|| {
        let (sender, receiver) = broadcast::channel(2);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let mut receiver = receiver.resubscribe();
                shuttle::thread::spawn(move || {
                    let mut next = 0;
                    loop {
                        match block_on(receiver.recv()) {
                            Ok(item) => {
                                assert_eq!(item, next);
                                next += 1;
                            }
                            Err(broadcast::RecvError::Lagged(missed)) => next += missed,
                            Err(_) => return assert_eq!(next, 4),
                        }
                    }
                })
            })
            .collect();
        drop(receiver);
        let sends = shuttle::thread::spawn(move || {
            (0..4_u64).for_each(|item| assert!(sender.send(item).is_ok()));
        });
        sends.join().expect("it ends");
        join(receivers);
    });
}

/// Three look at a value that two change: it never goes back, and all see the last one.
#[test]
fn a_watched_value_ends_as_the_last_one() {
    scenario(|| {
        let (sender, receiver) = watch::channel(0);
        let lookers: Vec<_> = (0..3)
            .map(|_| {
                let mut receiver = receiver.clone();
                shuttle::thread::spawn(move || {
                    let mut last = 0;
                    while block_on(receiver.changed()).is_ok() {
                        let now = *receiver.borrow_and_update();
                        assert!(now >= last);
                        last = now;
                    }
                    assert_eq!(*receiver.borrow(), 4);
                })
            })
            .collect();
        let changers: Vec<_> = (0..2)
            .map(|_| {
                let sender = sender.clone();
                shuttle::thread::spawn(move || {
                    (0..2).for_each(|_| sender.send_modify(|value| *value += 1));
                })
            })
            .collect();
        drop((sender, receiver));
        join(changers);
        join(lookers);
    });
}

/// Tasks on three workers wait for results that threads set, give up, or drop.
#[test]
fn results_reach_the_tasks_that_wait() {
    scenario(|| {
        let (pool, drops) = (Pool::new(3), Drops::default());
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..4).map(|_| oneshot::channel()).unzip();
        let tasks: Vec<_> = receivers
            .into_iter()
            .map(|receiver| pool.handle().spawn(async move { receiver.await.is_ok() }))
            .collect();
        let setters: Vec<_> = senders
            .into_iter()
            .enumerate()
            .map(|(n, sender)| {
                let value = drops.counted();
                shuttle::thread::spawn(move || {
                    if n.is_multiple_of(2) {
                        assert!(sender.send(value).is_ok());
                    }
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(block_on(task.outcome()).ok(), Some(n % 2 == 0));
        }
        join(setters);
        pool.close();
        drops.assert_all();
    });
}
