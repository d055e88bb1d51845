//! The locks and signals of `weftwork_sync` between five and eight threads, some of which give up.

#![cfg(weftwork_shuttle)]

use shuttle::future::block_on;
use std::sync::Arc;
use weftwork_shuttle_tests::{
    Flag, Pool, Tally, join, poll_and_drop, scenario, threads, yield_once,
};
use weftwork_sync::{
    Barrier, CancellationToken, CapacityLimiter, Condvar, Event, Mutex, Notify, OnceCell, RwLock,
    Semaphore,
};

/// Six threads want one or two of three permits; two of them give up now and then.
#[test]
fn permits_are_neither_lost_nor_made() {
    scenario(|| {
        let (semaphore, held) = (Arc::new(Semaphore::new(3)), Tally::default());
        let users = threads(6, {
            let semaphore = Arc::clone(&semaphore);
            move |n| {
                for _ in 0..2 {
                    let many = 1 + n % 2;
                    if n < 2 {
                        drop(poll_and_drop(semaphore.acquire_many(many)));
                    }
                    let permit = block_on(semaphore.acquire_many(many)).expect("it is open");
                    (0..many).for_each(|_| assert!(held.add() < 3, "a permit too many"));
                    (0..many).for_each(|_| held.take());
                    drop(permit);
                }
            }
        });
        join(users);
        assert_eq!(semaphore.available_permits(), 3);
        assert!(semaphore.waiters().is_empty());
    });
}

/// The same among tasks on three workers, which are cancelled by two threads.
#[test]
fn permits_of_cancelled_tasks_come_back() {
    scenario(|| {
        let (pool, semaphore) = (Pool::new(3), Arc::new(Semaphore::new(2)));
        let task = |n: usize| {
            let semaphore = Arc::clone(&semaphore);
            pool.handle().spawn(async move {
                let _permit = semaphore.acquire_many(1 + n % 2).await;
                yield_once().await;
            })
        };
        let tasks: Vec<_> = (0..6).map(task).collect();
        let controls: Vec<_> = tasks.iter().map(|task| task.control()).collect();
        let cancellers = threads(2, move |n| {
            for control in controls.iter().skip(n).step_by(3) {
                control.cancel();
            }
        });
        for task in tasks {
            let _ = block_on(task.outcome());
        }
        join(cancellers);
        assert_eq!(semaphore.available_permits(), 2);
        pool.close();
    });
}

/// A close in the middle: everybody hears of it, and the permits are all there.
#[test]
fn a_close_reaches_all_who_wait() {
    scenario(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let users = threads(5, {
            let semaphore = Arc::clone(&semaphore);
            move |_| (0..4).for_each(|_| drop(block_on(semaphore.acquire())))
        });
        semaphore.close();
        assert!(block_on(semaphore.acquire()).is_err());
        join(users);
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// A number that is no atomic, and waiters that give up.
#[test]
fn a_mutex_excludes() {
    scenario(|| {
        let mutex = Arc::new(Mutex::new(0));
        let users = threads(5, {
            let mutex = Arc::clone(&mutex);
            move |n| {
                if n.is_multiple_of(2) {
                    drop(poll_and_drop(mutex.lock()));
                }
                let mut guard = block_on(mutex.lock());
                let seen = *guard;
                shuttle::thread::yield_now();
                *guard = seen + 1;
            }
        });
        join(users);
        assert_eq!(*block_on(mutex.lock()), 5);
    });
}

/// Four readers and two writers, some of whom give up.
#[test]
fn readers_see_no_half_written_pair() {
    scenario(|| {
        let lock = Arc::new(RwLock::new((0, 0)));
        let users = threads(6, {
            let lock = Arc::clone(&lock);
            move |n| {
                if n < 2 {
                    drop(poll_and_drop(lock.read()));
                    let mut pair = block_on(lock.write());
                    pair.0 += 1;
                    shuttle::thread::yield_now();
                    pair.1 += 1;
                } else {
                    drop(poll_and_drop(lock.write()));
                    let pair = block_on(lock.read());
                    assert_eq!(pair.0, pair.1);
                }
            }
        });
        join(users);
        assert_eq!(*block_on(lock.read()), (2, 2));
        assert!(lock.holders().is_empty() && lock.waiters().is_empty());
    });
}

/// Five threads wait for a number that two raise; one of the five gives up at its first wait.
#[test]
fn a_condition_wakes_who_has_to_see_it() {
    scenario(|| {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let waiters = threads(5, {
            let shared = Arc::clone(&shared);
            move |n| {
                let (mutex, condvar) = &*shared;
                if n == 0 {
                    let guard = block_on(mutex.lock());
                    let _ = poll_and_drop(condvar.wait(guard)).is_ready();
                    condvar.notify(1);
                    return;
                }
                let guard = block_on(mutex.lock());
                let guard = block_on(condvar.wait_for(guard, |number| *number >= 2));
                assert!(*guard >= 2);
            }
        });
        let raisers = threads(2, {
            let shared = Arc::clone(&shared);
            move |_| {
                *block_on(shared.0.lock()) += 1;
                shared.1.notify_all();
            }
        });
        join(raisers);
        join(waiters);
    });
}

/// Each phase begins when all four are there, three times over, and numbers nobody twice.
#[test]
fn a_barrier_lets_each_phase_begin_together() {
    scenario(|| {
        let (barrier, came) = (Arc::new(Barrier::new(4)), Tally::default());
        let parties = threads(4, {
            let came = came.clone();
            move |_| {
                for phase in 1..=3 {
                    came.add();
                    let number = block_on(barrier.wait()).expect("nobody breaks it");
                    assert!(number < 4 && came.count() >= 4 * phase);
                }
            }
        });
        join(parties);
        assert_eq!(came.count(), 12);
    });
}

/// Three wait for an event that one sets, clears and sets again: all pass.
#[test]
fn an_event_lets_all_pass() {
    scenario(|| {
        let (event, flag) = (Arc::new(Event::new()), Flag::default());
        let waiters = threads(4, {
            let (event, flag) = (Arc::clone(&event), flag.clone());
            move |n| {
                if n == 0 {
                    let _ = poll_and_drop(event.wait()).is_ready();
                }
                block_on(event.wait());
                assert!(flag.is_set());
            }
        });
        flag.set();
        event.set();
        event.clear();
        event.set();
        join(waiters);
    });
}

/// As many notifications as waiters, and one waiter that gives up: it hands its own on.
#[test]
fn a_notification_is_handed_on() {
    scenario(|| {
        let notify = Arc::new(Notify::new());
        let waiters = threads(3, {
            let notify = Arc::clone(&notify);
            move |_| {
                block_on(notify.notified());
                notify.notify_one();
            }
        });
        let goers = threads(2, {
            let notify = Arc::clone(&notify);
            move |_| {
                if poll_and_drop(notify.notified()).is_ready() {
                    notify.notify_one();
                }
            }
        });
        notify.notify_one();
        join(waiters);
        join(goers);
    });
}

/// Five want what one has to make; the first two makers give up.
#[test]
fn a_cell_is_made_once() {
    scenario(|| {
        let (cell, made) = (Arc::new(OnceCell::new()), Tally::default());
        let users = threads(5, {
            let made = made.clone();
            move |n| {
                if n < 2 {
                    let never = cell.get_or_init(std::future::pending::<u32>);
                    let _ = poll_and_drop(never).is_ready();
                }
                let make = || async {
                    made.add();
                    yield_once().await;
                    7
                };
                assert_eq!(*block_on(cell.get_or_init(make)), 7);
            }
        });
        join(users);
        assert_eq!(made.count(), 1);
    });
}

/// Tokens of a limiter are on one account each.
#[test]
fn tokens_of_a_limiter_are_borrowed_and_come_back() {
    scenario(|| {
        let (limiter, held) = (Arc::new(CapacityLimiter::new(2)), Tally::default());
        let users = threads(5, {
            let limiter = Arc::clone(&limiter);
            move |n| {
                if n == 0 {
                    drop(poll_and_drop(limiter.acquire()));
                }
                let token = block_on(limiter.acquire());
                assert!(held.add() < 2 && limiter.borrowed_tokens() <= 2);
                held.take();
                drop(token);
            }
        });
        join(users);
        let statistics = (limiter.borrowed_tokens(), limiter.available_tokens());
        assert_eq!(statistics, (0, 2));
    });
}

/// A tree of tokens grows and loses branches while two threads cancel it: every leaf hears of it.
#[test]
fn a_cancelled_tree_of_tokens_reaches_every_leaf() {
    scenario(|| {
        let root = CancellationToken::new();
        let branches: Vec<_> = (0..2).map(|_| root.child()).collect();
        let growers = threads(4, move |n| {
            let branch = branches[n % 2].child();
            let leaf = branch.child();
            drop(branch);
            let _ = poll_and_drop(leaf.cancelled()).is_ready();
            block_on(leaf.cancelled());
            assert!(leaf.is_cancelled());
        });
        let cancels = Tally::default();
        let cancellers = threads(2, {
            let cancels = cancels.clone();
            move |_| {
                if root.cancel() {
                    cancels.add();
                }
            }
        });
        join(growers);
        join(cancellers);
        assert_eq!(cancels.count(), 1);
    });
}
