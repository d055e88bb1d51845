//! A task whose awaits are always ready lets the others have a turn from time to time.

mod common;

use common::{Flag, On, cancelled_task, each, on, settle};
use futures::FutureExt;
use futures::StreamExt;
use futures::future::{Either, select, select_all};
use std::sync::Arc;
use std::time::Duration;
use weftwork::sync::{
    Barrier, CancellationToken, CapacityLimiter, Event, Mutex, Notify, Queue, RwLock, Semaphore,
    broadcast, channel, oneshot, watch,
};
use weftwork::time::{interval, sleep_until};
use weftwork::{catch, spawn, yield_now};

/// More than a task does in one turn.
const MANY: usize = 1_200;

/// Far more than it takes others to have some turns.
const TOO_MANY: usize = 100_000;

/// A task that has had its turns when the flag is set.
fn other() -> Flag {
    let done = Flag::default();
    let task = spawn({
        let done = done.clone();
        async move {
            for _ in 0..10 {
                yield_now().await;
            }
            done.set();
        }
    });
    task.detach();
    done
}

/// A test for each: the operation again and again, beside another task.
macro_rules! starves_nobody {
    ($($name:ident: { $($setup:stmt;)* } $operation:expr;)*) => {$(
        #[test]
        fn $name() {
            on(&[On::Workers(1), On::Local], |_| async {
                let done = other();
                $($setup)*
                let looping = spawn(async move {
                    for round in 0..TOO_MANY {
                        if done.is_set() {
                            return round;
                        }
                        $operation;
                    }
                    TOO_MANY
                });
                let rounds = looping.await;
                assert!(rounds < TOO_MANY, "nobody else had a turn");
                assert!(rounds > 300, "{rounds}: it gives up its turn too often");
            });
        }
    )*};
}

starves_nobody! {
    a_queue: { let queue = Queue::new(0); } {
        queue.put(1).await.unwrap();
        queue.get().await.unwrap()
    };
    a_queue_taken_in_bulk: { let (queue, mut all) = (Queue::new(0), Vec::new()); } {
        queue.try_put(1).unwrap();
        queue.get_many(9, &mut all).await.unwrap()
    };
    a_queue_without_work: { let queue = Queue::<u8>::new(0); } queue.join().await;
    the_stream_of_a_queue: { let queue = Queue::new(0); let mut stream = queue.stream(); } {
        queue.try_put(1).unwrap();
        stream.next().await.unwrap()
    };
    a_channel: { let (sender, receiver) = channel(9); } {
        sender.send(1).await.unwrap();
        receiver.recv().await.unwrap()
    };
    a_semaphore: { let semaphore = Semaphore::new(1); } drop(semaphore.acquire().await);
    an_owned_permit: { let semaphore = Arc::new(Semaphore::new(1)); } {
        drop(semaphore.acquire_owned().await)
    };
    a_limiter: { let limiter = CapacityLimiter::new(1); } drop(limiter.acquire().await);
    a_mutex: { let mutex = Mutex::new(0); } *mutex.lock().await += 1;
    a_lock_for_readers: { let lock = RwLock::new(0); } drop(lock.read().await);
    a_lock_for_writers: { let lock = RwLock::new(0); } drop(lock.write().await);
    a_oneshot: {} {
        let (sender, receiver) = oneshot::channel();
        sender.send(1).unwrap();
        receiver.await.unwrap()
    };
    a_receiver_that_is_gone: { let (sender, receiver) = oneshot::channel::<u8>(); drop(receiver); } {
        sender.closed().await
    };
    an_event: { let event = Event::new(); event.set(); } event.wait().await;
    a_notification: { let notify = Notify::new(); } {
        notify.notify_one();
        notify.notified().await
    };
    a_barrier_for_one: { let barrier = Barrier::new(1); } barrier.wait().await.unwrap();
    a_cancelled_token: { let token = CancellationToken::new(); assert!(token.cancel()); } {
        token.cancelled().await
    };
    a_broadcast: { let (sender, mut receiver) = broadcast::channel(9); } {
        sender.send(1).unwrap();
        receiver.recv().await.unwrap()
    };
    a_watched_value: { let (sender, mut receiver) = watch::channel(0); } {
        sender.send(1).unwrap();
        receiver.changed().await.unwrap()
    };
    a_wanted_value: { let (_sender, mut receiver) = watch::channel(0); } {
        drop(receiver.wait_for(|value| *value == 0).await.unwrap())
    };
    a_sleep_that_is_over: { let past = weftwork::time::now(); } sleep_until(past).await;
    an_interval_that_is_late: { let mut ticks = interval(Duration::from_nanos(1)).unwrap(); } {
        ticks.tick().await
    };
    the_end_of_a_task: { let ended = spawn(async {}); } ended.finished().await;
    a_shared_task: { let shared = spawn(async { 1 }).shared(); } shared.clone().await;
}

/// Whoever asks with a waker of its own is told the truth, however long the task has worked.
#[test]
fn who_asks_only_once_is_told_the_truth() {
    each(|| async {
        spawn(async {
            let semaphore = Semaphore::new(1);
            let queue = Queue::new(0);
            for n in 0..MANY {
                assert!(semaphore.acquire().now_or_never().is_some());
                queue.put(n).now_or_never().unwrap().unwrap();
                let permit = semaphore.acquire().await;
                assert_eq!(queue.get().now_or_never().unwrap().unwrap(), n);
                drop(permit);
            }
        })
        .await;
    });
}

/// Only what was done counts: one that waits for much is not polled over and over.
#[test]
fn what_has_to_wait_costs_nothing() {
    each(|| async {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..MANY).map(|_| oneshot::channel::<usize>()).unzip();
        let waiting = spawn(async move { select_all(receivers).await.0.unwrap() });
        settle().await;
        while waiting.control().polls() == 0 {
            yield_now().await;
        }
        senders[MANY - 1].send(7).unwrap();
        let control = waiting.control();
        assert_eq!(waiting.await, 7);
        assert!(control.polls() <= 3, "{} polls", control.polls());
    });
}

/// As long as the task is not polled again, nothing that a cancel asks is answered by `Pending`.
#[test]
fn a_value_wins_over_a_cancelled_await_however_much_was_done_before() {
    each(|| async {
        for before in 0..MANY {
            let event = Event::new();
            event.set();
            let queue = Queue::new(0);
            queue.try_put(before).unwrap();
            let cancelled = cancelled_task::<()>().await;
            let task = spawn(async move {
                for _ in 0..before {
                    event.wait().await;
                }
                let both = async {
                    match select(cancelled, queue.get()).await {
                        Either::Left(_) => unreachable!("it was cancelled"),
                        Either::Right((item, _)) => item.unwrap(),
                    }
                };
                catch(both).await.unwrap()
            });
            assert_eq!(task.await, before);
        }
    });
}

#[test]
fn a_future_is_not_polled_after_the_cancel_of_its_token() {
    each(|| async {
        spawn(async {
            let (token, event) = (CancellationToken::new(), Event::new());
            token.cancel();
            event.set();
            // An odd number of operations, so that the turn is over just before the token is asked.
            event.wait().await;
            for _ in 0..MANY {
                event.wait().await;
                let ran = token.run_until_cancelled(async { panic!("it is polled") });
                assert!(ran.await.is_none());
            }
        })
        .await;
    });
}

/// The wait that gives up its turn has taken nothing.
#[test]
fn a_cancel_strikes_in_an_endless_loop_and_nothing_is_lost() {
    each(|| async {
        let queue = Queue::new(0);
        let semaphore = Arc::new(Semaphore::new(1));
        let looping = spawn({
            let (queue, semaphore) = (queue.clone(), Arc::clone(&semaphore));
            async move {
                loop {
                    queue.put(1).await.unwrap();
                    let _permit = semaphore.acquire().await.unwrap();
                    queue.get().await.unwrap();
                }
            }
        });
        settle().await;
        looping.cancel();
        assert!(looping.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(semaphore.available_permits(), 1);
        assert!(queue.len() <= 1);
    });
}
