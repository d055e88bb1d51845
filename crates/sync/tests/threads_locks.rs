//! Locks and signals from real threads: nothing is lost, nobody is in two places, nobody hangs.

mod common;

use common::{Dice, poll_once};
use futures::executor::block_on;
use std::task::Poll;
use std::thread;
use weftwork_std_or_loom::Mutex as Plain;
use weftwork_sync::{
    Barrier, BoundedSemaphore, BrokenBarrier, Condvar, Event, Mutex, Notify, OnceCell, RwLock,
    RwLockWriteGuard,
};

/// Waits, or polls once and gives up: none then.
fn now_or_never<F: Future + Unpin>(mut future: F, patient: bool) -> Option<F::Output> {
    if patient {
        return Some(block_on(future));
    }
    match poll_once(&mut future) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => {
            // Perhaps it is granted before it goes.
            thread::yield_now();
            None
        }
    }
}

#[test]
fn the_mutex_has_one_holder() {
    let mutex = Mutex::new(0);
    let sum = Plain::new(0);
    thread::scope(|scope| {
        for seed in 0..6 {
            let (mutex, sum) = (&mutex, &sum);
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..3000 {
                    if let Some(mut guard) = now_or_never(mutex.lock(), dice.roll(3) > 0) {
                        let before = *guard;
                        if dice.roll(8) == 0 {
                            thread::yield_now();
                        }
                        *guard = before + 1;
                        drop(guard);
                        *sum.lock() += 1;
                    }
                }
            });
        }
    });
    assert!(!mutex.is_locked());
    assert_eq!(mutex.into_inner(), *sum.lock());
}

#[test]
fn the_reader_writer_lock_has_readers_or_one_writer() {
    let lock = RwLock::new((0, 0));
    let writes = Plain::new(0);
    thread::scope(|scope| {
        for seed in 0..6 {
            let (lock, writes) = (&lock, &writes);
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..3000 {
                    let patient = dice.roll(3) > 0;
                    if dice.roll(3) > 0 {
                        if let Some(read) = now_or_never(lock.read(), patient) {
                            assert_eq!(read.0, read.1);
                        }
                    } else if let Some(mut write) = now_or_never(lock.write(), patient) {
                        write.0 += 1;
                        thread::yield_now();
                        write.1 += 1;
                        *writes.lock() += 1;
                        let read = RwLockWriteGuard::downgrade(write);
                        assert_eq!(read.0, read.1);
                    }
                }
            });
        }
    });
    let writes = *writes.lock();
    assert_eq!(lock.into_inner(), (writes, writes));
}

/// Items pass through a bounded store; waiters give up at any time, and no notification is lost.
#[test]
fn the_condition_variable_moves_every_item() {
    const ITEMS: usize = 3000;
    let (store, changed) = (Mutex::new(0), Condvar::new());
    let step = |dice: &mut Dice, wanted: fn(&usize) -> bool, change: fn(&mut usize)| {
        let mut guard = block_on(store.lock());
        while !wanted(&guard) {
            let waited = now_or_never(changed.wait(guard), dice.roll(4) > 0);
            guard = waited.unwrap_or_else(|| block_on(store.lock()));
        }
        change(&mut guard);
        drop(guard);
        // Producers and consumers stand in one line.
        changed.notify_all();
    };
    thread::scope(|scope| {
        for seed in 0..4 {
            let step = &step;
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..ITEMS {
                    if seed % 2 == 0 {
                        step(&mut dice, |it| *it < 2, |it| *it += 1);
                    } else {
                        step(&mut dice, |it| *it > 0, |it| *it -= 1);
                    }
                }
            });
        }
    });
    assert_eq!(store.into_inner(), 0);
}

/// One line for each side, so one notification for each change is enough, and none may be lost.
#[test]
fn the_condition_variable_loses_no_notification() {
    const ITEMS: usize = 3000;
    let store = Mutex::new(0);
    let (filled, emptied) = (Condvar::new(), Condvar::new());
    let put = |patient| {
        let guard = block_on(store.lock());
        let wait = Box::pin(emptied.wait_for(guard, |it| *it < 2));
        let put = now_or_never(wait, patient).map(|mut guard| *guard += 1);
        put.inspect(|()| filled.notify(1))
    };
    let take = |patient| {
        let guard = block_on(store.lock());
        let wait = Box::pin(filled.wait_for(guard, |it| *it > 0));
        let taken = now_or_never(wait, patient).map(|mut guard| *guard -= 1);
        taken.inspect(|()| emptied.notify(1))
    };
    thread::scope(|scope| {
        for seed in 0..4 {
            let (put, take) = (&put, &take);
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..ITEMS {
                    let mut patient = || dice.roll(4) > 0;
                    if seed % 2 == 0 {
                        while put(patient()).is_none() {}
                    } else {
                        while take(patient()).is_none() {}
                    }
                }
            });
        }
    });
    assert_eq!(store.into_inner(), 0);
}

#[test]
fn the_event_wakes_all_who_wait() {
    let event = Event::new();
    let left = Plain::new(4);
    thread::scope(|scope| {
        for seed in 0..4 {
            let (event, left) = (&event, &left);
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..2000 {
                    while now_or_never(event.wait(), dice.roll(4) > 0).is_none() {}
                }
                *left.lock() -= 1;
            });
        }
        while *left.lock() > 0 {
            event.set();
            event.clear();
            thread::yield_now();
        }
    });
}

#[test]
fn the_notify_loses_no_notification() {
    const ITEMS: usize = 3000;
    let (notify, items) = (Notify::new(), Plain::new((0, false)));
    let consume = |seed| {
        let mut dice = Dice(seed);
        let mut taken = 0;
        loop {
            // In the line before the look: what comes after the look is heard of.
            let notified = notify.notified();
            {
                let mut items = items.lock();
                if items.0 > 0 {
                    items.0 -= 1;
                    taken += 1;
                    continue;
                }
                if items.1 {
                    return taken;
                }
            }
            now_or_never(notified, dice.roll(4) > 0);
        }
    };
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..3)
            .map(|seed| {
                let consume = &consume;
                scope.spawn(move || consume(seed))
            })
            .collect();
        let producers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..ITEMS {
                        items.lock().0 += 1;
                        notify.notify_one();
                    }
                })
            })
            .collect();
        producers.into_iter().for_each(|it| it.join().unwrap());
        items.lock().1 = true;
        notify.notify_waiters();
        let taken: usize = consumers.into_iter().map(|it| it.join().unwrap()).sum();
        assert_eq!(taken, 2 * ITEMS);
    });
}

#[test]
fn the_barrier_keeps_the_phases_together() {
    const PARTIES: usize = 4;
    let barrier = Barrier::new(PARTIES);
    let phases = Plain::new([0; PARTIES]);
    let numbers = Plain::new(0);
    thread::scope(|scope| {
        for me in 0..PARTIES {
            let (barrier, phases, numbers) = (&barrier, &phases, &numbers);
            scope.spawn(move || {
                for phase in 1..=2000 {
                    phases.lock()[me] = phase;
                    *numbers.lock() += block_on(barrier.wait()).unwrap();
                    let seen = *phases.lock();
                    assert!(seen.iter().all(|at| (phase..=phase + 1).contains(at)));
                }
            });
        }
    });
    assert_eq!(*numbers.lock(), 2000 * (1 + 2 + 3));
}

/// Phases that are aborted and reset, with tasks that give up: nobody hangs.
#[test]
fn the_barrier_may_break_at_any_moment() {
    for round in 0..300 {
        let barrier = Barrier::new(3);
        thread::scope(|scope| {
            for seed in 0..3 {
                let barrier = &barrier;
                scope.spawn(move || {
                    let mut dice = Dice(seed + round);
                    let broken = Some(Err(BrokenBarrier));
                    while now_or_never(barrier.wait(), dice.roll(3) > 0) != broken {}
                });
            }
            for _ in 0..round % 8 {
                barrier.reset();
                thread::yield_now();
            }
            barrier.abort();
        });
        assert_eq!(barrier.n_waiting(), 0);
    }
}

#[test]
fn the_cell_is_set_once() {
    for round in 0..300 {
        let (cell, made) = (OnceCell::new(), Plain::new(0));
        thread::scope(|scope| {
            for seed in 0..6 {
                let (cell, made) = (&cell, &made);
                scope.spawn(move || {
                    let mut dice = Dice(seed + round);
                    loop {
                        let fails = dice.roll(2) == 0;
                        let init = cell.get_or_try_init(async || {
                            thread::yield_now();
                            if fails {
                                return Err(());
                            }
                            *made.lock() += 1;
                            Ok(seed)
                        });
                        if let Some(Ok(_)) = now_or_never(Box::pin(init), dice.roll(3) > 0) {
                            return;
                        }
                    }
                });
            }
        });
        assert_eq!(*made.lock(), 1);
    }
}

#[test]
fn the_bounded_semaphore_ends_as_it_began() {
    const PERMITS: usize = 3;
    let semaphore = BoundedSemaphore::new(PERMITS);
    thread::scope(|scope| {
        for seed in 0..6 {
            let semaphore = &semaphore;
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..3000 {
                    let acquire = semaphore.acquire();
                    if let Some(permit) = now_or_never(acquire, dice.roll(3) > 0) {
                        let permit = permit.unwrap();
                        if dice.roll(2) == 0 {
                            permit.forget();
                            semaphore.release(1).unwrap();
                        }
                    }
                }
            });
        }
    });
    assert_eq!(semaphore.available_permits(), PERMITS);
    assert!(semaphore.release(1).is_err());
}
