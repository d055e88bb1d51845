//! Who waits and who holds, by the numbers of weftwork's tasks: on one local thread, where every
//! task stands where the program says, and on several workers; on tokio nobody can say.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use weftwork::local::{run_local, spawn};
use weftwork::{Runtime, Task, catch, current_task, timeout, yield_now};
use weftwork_sync::{
    Barrier, BoundedSemaphore, CancellationToken, CapacityLimiter, Condvar, Event, LifoQueue,
    Mutex, Notify, OnceCell, Queue, RwLock, Semaphore, Who, broadcast, channel, oneshot, watch,
};

/// A task that waits, and has begun to; it ends with the test.
async fn waits<T: 'static>(future: impl Future<Output = T> + 'static) -> Who {
    let task = spawn(async move { drop(future.await) });
    yield_now().await;
    assert!(!task.done(), "it has to wait");
    Who::Task(task.id())
}

fn here() -> Who {
    Who::Task(current_task().unwrap().id())
}

/// Calls a method on a clone of an `Rc`, in a future of its own.
macro_rules! on {
    ($shared:ident.$($call:tt)+) => {{
        let shared = Rc::clone(&$shared);
        async move { let _ = shared.$($call)+.await; }
    }};
}

#[test]
fn permits_and_locks() {
    run_local(async {
        let semaphore = Rc::new(Semaphore::new(0));
        let (a, b) = (
            waits(on!(semaphore.acquire())).await,
            waits(on!(semaphore.acquire_many(2))).await,
        );
        assert_eq!(semaphore.waiters(), [a, b]);
        let shown = format!(
            "Semaphore {{ available_permits: 0, closed: false, waiters: 2 ({a}, {b}), .. }}"
        );
        assert_eq!(format!("{semaphore:?}"), shown);
        // It has been told, and does not wait any more.
        semaphore.add_permits(1);
        assert_eq!(semaphore.waiters(), [b]);

        let bounded = Rc::new(BoundedSemaphore::new(0));
        let a = waits(on!(bounded.acquire())).await;
        assert_eq!(bounded.waiters(), [a]);

        let mutex = Rc::new(Mutex::tracked(()));
        let guard = mutex.lock().await;
        let a = waits(on!(mutex.lock())).await;
        assert_eq!((mutex.holder(), mutex.waiters()), (Some(here()), vec![a]));
        let shown = format!(
            "Mutex {{ locked: true, holder: {}, waiters: 1 ({a}), .. }}",
            here()
        );
        assert_eq!(format!("{mutex:?}"), shown);
        drop(guard);
        assert_eq!((mutex.holder(), mutex.waiters()), (None, vec![]));

        let lock = Rc::new(RwLock::tracked(()));
        let held = (lock.read().await, lock.read().await);
        let a = waits(on!(lock.write())).await;
        let b = waits(on!(lock.read())).await;
        assert_eq!(
            (lock.holders(), lock.waiters()),
            (vec![here(); 2], vec![a, b])
        );
        drop(held);
        yield_now().await;
        assert_eq!((lock.holders(), lock.waiters()), (vec![], vec![]));
    });
}

/// Who did not ask to know it does not: it costs nothing then.
#[test]
fn holders_are_known_where_that_was_asked_for() {
    run_local(async {
        let (mutex, lock) = (Mutex::new(()), RwLock::new(()));
        assert_eq!(mutex.holder(), None);
        let held = (mutex.lock().await, lock.write().await);
        assert_eq!(mutex.holder(), Some(Who::Unknown));
        assert_eq!(lock.holders(), []);
        drop(held);
    });
}

#[test]
fn borrowers() {
    run_local(async {
        let limiter = Rc::new(CapacityLimiter::new(2));
        let mine = limiter.acquire().await;
        let shared = Rc::clone(&limiter);
        let keeps = async move {
            let _token = shared.acquire().await;
            std::future::pending::<()>().await;
        };
        let theirs = waits(keeps).await;
        let waiting = waits(on!(limiter.acquire())).await;
        let seen = limiter.statistics();
        assert_eq!(seen.total_tokens, 2);
        assert_eq!(seen.borrowers, [here(), theirs]);
        assert_eq!(seen.waiters, [waiting]);
        assert_eq!(mine.borrower(), here());
        let shown = format!(
            "CapacityLimiter {{ total_tokens: 2, borrowers: 2 ({}, {theirs}), waiters: 1 ({waiting}), .. }}",
            here()
        );
        assert_eq!(format!("{limiter:?}"), shown);
        drop(mine);
        yield_now().await;
        assert_eq!(limiter.borrowers(), [theirs]);
    });
}

#[test]
fn signals() {
    run_local(async {
        let event = Rc::new(Event::new());
        let a = waits(on!(event.wait())).await;
        let b = waits(on!(event.wait())).await;
        assert_eq!(event.waiters(), [a, b]);

        let notify = Rc::new(Notify::new());
        let a = waits(on!(notify.notified())).await;
        // It stands in the line, and was not polled.
        let _unpolled = notify.notified();
        assert_eq!(notify.waiters(), [a, Who::Unknown]);

        let pair = Rc::new((Mutex::new(()), Condvar::new()));
        let shared = Rc::clone(&pair);
        let a = waits(async move { drop(shared.1.wait(shared.0.lock().await).await) }).await;
        assert_eq!(pair.1.waiters(), [a]);
        let guard = pair.0.lock().await;
        pair.1.notify(1);
        yield_now().await;
        assert_eq!((pair.1.waiters(), pair.0.waiters()), (vec![], vec![a]));
        drop(guard);

        let barrier = Rc::new(Barrier::new(3));
        let a = waits(on!(barrier.wait())).await;
        let b = waits(on!(barrier.wait())).await;
        assert_eq!(barrier.waiters(), [a, b]);
        let shown = format!(
            "Barrier {{ parties: 3, n_waiting: 2, broken: false, waiters: 2 ({a}, {b}), .. }}"
        );
        assert_eq!(format!("{barrier:?}"), shown);

        let cell = Rc::new(OnceCell::<()>::new());
        let maker = waits(on!(cell.get_or_init(std::future::pending))).await;
        let a = waits(on!(cell.get_or_init(|| async {}))).await;
        assert_eq!((cell.initializer(), cell.waiters()), (Some(maker), vec![a]));

        let token = CancellationToken::new();
        let a = waits(token.clone().cancelled_owned()).await;
        let _below = waits(token.child().cancelled_owned()).await;
        assert_eq!(token.waiters(), [a]);
    });
}

#[test]
fn a_cell_whose_initialiser_ends_has_none() {
    run_local(async {
        let cell = OnceCell::new();
        let failed: Result<&u32, ()> = cell.get_or_try_init(|| async { Err(()) }).await;
        assert_eq!((failed, cell.initializer()), (Err(()), None));
        {
            let mut made = pin!(cell.get_or_init(std::future::pending));
            assert!(futures::poll!(&mut made).is_pending());
            assert_eq!(cell.initializer(), Some(here()));
        }
        assert_eq!(cell.initializer(), None);
        cell.get_or_init(|| async { 1 }).await;
        assert_eq!(cell.initializer(), None);
    });
}

#[test]
fn queues_and_channels() {
    run_local(async {
        let queue = Rc::new(Queue::<()>::new(1));
        let a = waits(on!(queue.get())).await;
        let b = waits(on!(queue.get())).await;
        assert_eq!(queue.getters(), [a, b]);

        let queue = Rc::new(LifoQueue::new(1));
        queue.try_put(1).unwrap();
        let a = waits(on!(queue.put(2))).await;
        let b = waits(on!(queue.join())).await;
        assert_eq!((queue.putters(), queue.joiners()), (vec![a], vec![b]));
        let shown = format!(
            "LifoQueue {{ len: 1, maxsize: 1, shut_down: false, getters: 0, putters: 1 ({a}), \
             joiners: 1 ({b}), .. }}"
        );
        assert_eq!(format!("{queue:?}"), shown);

        let (sender, receiver) = channel::<()>(1);
        let a = waits(async move { receiver.recv().await }).await;
        assert_eq!(sender.queue().getters(), [a]);

        let (sender, receiver) = oneshot::channel::<()>();
        assert_eq!(sender.receiver_waits(), None);
        let a = waits(receiver).await;
        assert_eq!(sender.receiver_waits(), Some(a));

        let (sender, mut receiver) = watch::channel(1);
        let a = waits(async move { receiver.changed().await }).await;
        assert_eq!(sender.waiters(), [a]);

        let (sender, mut receiver) = broadcast::channel::<()>(1);
        let a = waits(async move { receiver.recv().await }).await;
        assert_eq!(sender.waiters(), [a]);
    });
}

/// Scopes pass the task's waker on; a collection with wakers of its own hides it from who asks who
/// waits, and not from who asks who holds.
#[test]
fn scopes_show_the_task_and_collections_hide_it() {
    run_local(async {
        let event = Rc::new(Event::new());
        let a = waits(catch(timeout(Duration::from_secs(60), on!(event.wait())))).await;
        assert_eq!(event.waiters(), [a]);

        let mutex = Rc::new(Mutex::tracked(()));
        let shared = Rc::clone(&mutex);
        let all = futures::stream::FuturesUnordered::from_iter([async move {
            let _guard = shared.lock().await;
            std::future::pending::<()>().await;
        }]);
        let holder = waits(futures::StreamExt::collect::<Vec<_>>(all)).await;
        assert_eq!(mutex.holder(), Some(holder));
        let hidden = futures::stream::FuturesUnordered::from_iter([on!(mutex.lock())]);
        waits(futures::StreamExt::collect::<Vec<_>>(hidden)).await;
        assert_eq!(mutex.waiters(), [Who::Unknown]);
    });
}

#[test]
fn many_are_counted_and_the_first_ones_named() {
    run_local(async {
        let event = Rc::new(Event::new());
        let mut all = Vec::new();
        for _ in 0..10 {
            all.push(waits(on!(event.wait())).await.to_string());
        }
        let named = all[..8].join(", ");
        let shown = format!("Event {{ set: false, waiters: 10 ({named}, ..), .. }}");
        assert_eq!(format!("{event:?}"), shown);
    });
}

/// Others come, are told and go on other threads meanwhile.
#[test]
fn tasks_are_known_on_any_worker_while_they_come_and_go() {
    for workers in [1, 2, 8] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.block_on(async {
            let semaphore = Arc::new(Semaphore::new(0));
            let stay: Vec<Task<()>> = (0..3)
                .map(|_| {
                    let semaphore = Arc::clone(&semaphore);
                    weftwork::spawn(async move { drop(semaphore.acquire().await) })
                })
                .collect();
            while semaphore.waiters().len() < 3 {
                yield_now().await;
            }
            let come_and_go: Vec<Task<()>> = (0..4)
                .map(|_| {
                    let semaphore = Arc::clone(&semaphore);
                    weftwork::spawn(async move {
                        for _ in 0..500 {
                            let mut waits = pin!(semaphore.acquire());
                            assert!(futures::poll!(&mut waits).is_pending());
                        }
                    })
                })
                .collect();
            let mut ids: Vec<u64> = stay.iter().map(Task::id).collect();
            while !come_and_go.iter().all(Task::done) {
                let seen = semaphore.waiters();
                let mut first: Vec<_> = seen[..3].iter().map(|who| who.task().unwrap()).collect();
                first.sort_unstable();
                ids.sort_unstable();
                assert_eq!(first, ids);
                let others = come_and_go.iter().map(Task::id);
                let known: Vec<_> = ids.iter().copied().chain(others).collect();
                assert!(seen.iter().all(|who| known.contains(&who.task().unwrap())));
                yield_now().await;
            }
            semaphore.close();
            for task in stay.into_iter().chain(come_and_go) {
                task.await;
            }
        });
    }
}

#[test]
fn on_another_executor_they_are_counted() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mutex = Arc::new(Mutex::tracked(()));
        let guard = mutex.lock().await;
        let shared = Arc::clone(&mutex);
        let task = tokio::spawn(async move { drop(shared.lock().await) });
        tokio::task::yield_now().await;
        assert_eq!(mutex.waiters(), [Who::Unknown]);
        assert_eq!(mutex.holder(), Some(Who::Unknown));
        assert_eq!(
            format!("{mutex:?}"),
            "Mutex { locked: true, waiters: 1, .. }"
        );
        drop(guard);
        task.await.unwrap();
    });
}
