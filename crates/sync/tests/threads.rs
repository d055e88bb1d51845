//! Everything at once from real threads: counts must come out even, and nobody may hang.

mod common;

use common::{Dice, poll_once};
use futures::executor::block_on;
use std::sync::Arc;
use std::thread;
use weftwork_std_or_loom::Mutex;
use weftwork_sync::{CancellationToken, Queue, Semaphore, oneshot};

#[test]
fn the_semaphore_keeps_its_bound_and_its_permits() {
    const PERMITS: usize = 3;
    let semaphore = Arc::new(Semaphore::new(PERMITS));
    let inside = Mutex::new(0);
    thread::scope(|scope| {
        for seed in 0..6 {
            let (semaphore, inside) = (&semaphore, &inside);
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..3000 {
                    let n = usize::try_from(dice.roll(3)).unwrap() + 1;
                    if dice.roll(3) == 0 {
                        // Waits, perhaps is promised its permits, and gives up.
                        let mut given_up = semaphore.acquire_many(n);
                        let _ = poll_once(&mut given_up);
                        thread::yield_now();
                        continue;
                    }
                    let permit = block_on(semaphore.acquire_many(n)).unwrap();
                    *inside.lock() += n;
                    assert!(*inside.lock() <= PERMITS);
                    *inside.lock() -= n;
                    drop(permit);
                }
            });
        }
    });
    assert_eq!(semaphore.available_permits(), PERMITS);
}

/// `producers` and `consumers` that now and then give up; every item must come out once, and
/// those of one producer in order.
fn queue_round(maxsize: usize, producers: usize, consumers: usize, items: usize) {
    let queue = Queue::new(maxsize);
    let consume = |seed: usize| {
        let mut dice = Dice(seed as u64);
        let mut last = vec![0; producers];
        let mut count = 0;
        loop {
            if dice.roll(4) == 0 {
                let mut given_up = queue.get();
                let polled = poll_once(&mut given_up);
                thread::yield_now();
                match polled {
                    std::task::Poll::Pending => continue,
                    std::task::Poll::Ready(Err(_)) => return count,
                    std::task::Poll::Ready(Ok((from, n))) => {
                        assert!(std::mem::replace(&mut last[from], n) < n);
                    }
                }
            } else {
                let Ok((from, n)) = block_on(queue.get()) else {
                    return count;
                };
                assert!(std::mem::replace(&mut last[from], n) < n);
            }
            count += 1;
            queue.task_done().unwrap();
        }
    };
    let produce = |from: usize| {
        let mut dice = Dice(from as u64 + 77);
        let mut n = 1;
        while n <= items {
            if dice.roll(4) == 0 {
                let mut given_up = queue.put((from, n));
                let polled = poll_once(&mut given_up);
                thread::yield_now();
                n += usize::from(polled.is_ready());
            } else {
                block_on(queue.put((from, n))).unwrap();
                n += 1;
            }
        }
    };
    let (produce, consume) = (&produce, &consume);
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..consumers)
            .map(|seed| scope.spawn(move || consume(seed)))
            .collect();
        let producers: Vec<_> = (0..producers)
            .map(|from| scope.spawn(move || produce(from)))
            .collect();
        let sent = producers.len() * items;
        producers.into_iter().for_each(|it| it.join().unwrap());
        block_on(queue.join());
        queue.shutdown(false);
        let taken: usize = consumers.into_iter().map(|it| it.join().unwrap()).sum();
        assert_eq!(taken, sent);
    });
}

#[test]
fn the_queue_loses_and_doubles_nothing() {
    queue_round(1, 3, 3, 2000);
    queue_round(3, 4, 2, 2000);
    queue_round(100, 4, 1, 10_000);
    queue_round(1000, 1, 3, 10_000);
    queue_round(0, 2, 2, 10_000);
}

#[test]
fn a_queue_may_be_shut_down_at_any_moment() {
    for round in 0..300 {
        let queue = Queue::new(if round % 2 == 0 { 2 } else { 64 });
        thread::scope(|scope| {
            let put = scope.spawn(|| {
                (0..)
                    .take_while(|&n| block_on(queue.put(n)).is_ok())
                    .count()
            });
            let got = scope.spawn(|| std::iter::from_fn(|| block_on(queue.get()).ok()).count());
            for _ in 0..round {
                std::hint::spin_loop();
            }
            thread::yield_now();
            queue.shutdown(round % 3 == 0);
            let (put, got) = (put.join().unwrap(), got.join().unwrap());
            assert!(got <= put);
            assert!(round % 3 == 0 || got == put, "{got} of {put}");
        });
    }
}

#[test]
fn a_oneshot_has_one_winner() {
    for _ in 0..500 {
        let (sender, receiver) = oneshot::channel();
        let won = thread::scope(|scope| {
            let sender = &sender;
            let sends = [1, 2].map(|n| scope.spawn(move || sender.send(n).is_ok()));
            let receives = scope.spawn(move || block_on(receiver).unwrap());
            let [first, second] = sends.map(|send| send.join().unwrap());
            assert!(first != second);
            assert_eq!(receives.join().unwrap(), if first { 1 } else { 2 });
            first
        });
        assert!(sender.is_done() || won);
    }
}

#[test]
fn a_tree_is_cancelled_while_it_grows_and_shrinks() {
    for _ in 0..200 {
        let root = CancellationToken::new();
        thread::scope(|scope| {
            for seed in 0..3 {
                let token = root.child();
                scope.spawn(move || {
                    let mut dice = Dice(seed);
                    let mut tokens = vec![token];
                    // Ends only if the cancel reaches the leaves, dropped parents or not.
                    while !tokens.last().unwrap().is_cancelled() {
                        let at = usize::try_from(dice.roll(tokens.len() as u64)).unwrap();
                        tokens.push(tokens[at].child());
                        if tokens.len() > 20 {
                            tokens.swap_remove(at);
                        }
                    }
                    tokens.iter().for_each(|token| block_on(token.cancelled()));
                });
            }
            thread::yield_now();
            root.cancel();
        });
    }
}
