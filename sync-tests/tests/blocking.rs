//! Blocking forms on the threads of a real runtime: refused on a worker, on the thread of the main
//! future and on the lane, with what was to be handed over; let through on the blocking pool.

use std::sync::Arc;
use weftwork::{Handle, Runtime, spawn, spawn_blocking};
use weftwork_sync::queue::{Lowest, Order};
use weftwork_sync::{
    Barrier, BlockingError, BoundedSemaphore, CapacityLimiter, Condvar, Event, LifoQueue, Mutex,
    Notify, PriorityQueue, Queue, RwLock, Semaphore, broadcast, channel, oneshot, queue::AnyQueue,
    watch,
};

/// Each blocking form, on something for which it need not wait: what it was refused with.
fn refusals() -> Vec<(&'static str, Option<String>)> {
    fn of<T, E: std::fmt::Display>(result: Result<T, E>) -> Option<String> {
        result.err().map(|error| error.to_string())
    }
    fn queue<O: Order<u8>>(queue: &AnyQueue<u8, O>) -> [Option<String>; 2] {
        let put = queue.blocking_put(7);
        if let Err(BlockingError::Refused(refused)) = &put {
            assert_eq!(refused.item, 7, "it comes back");
            queue.try_put(7).unwrap();
        }
        let refused = of(put);
        let got = queue.blocking_get();
        [refused, of(got)]
    }
    let [put, get] = queue(&Queue::new(1));
    let [lifo_put, lifo_get] = queue(&LifoQueue::new(1));
    let [lowest_put, lowest_get] = queue::<Lowest>(&PriorityQueue::new(1));
    let (sender, receiver) = channel(2);
    sender.try_send(1).unwrap();
    let (once, mut result) = oneshot::channel();
    once.send(1).unwrap();
    let (latest, mut watched) = watch::channel(1);
    latest.send(2).unwrap();
    let (all, mut every) = broadcast::channel(1);
    all.send(1).unwrap();
    let (event, notify, condvar) = (Event::new(), Notify::new(), Condvar::new());
    event.set();
    notify.notify_one();
    let mutex = Mutex::new(());
    let wait = match weftwork::current_task() {
        // It has to wait, so it is tried only where it is refused.
        Some(_) => of(condvar.blocking_wait(mutex.try_lock().unwrap())),
        None => None,
    };
    vec![
        ("put", put),
        ("get", get),
        ("lifo put", lifo_put),
        ("lifo get", lifo_get),
        ("lowest put", lowest_put),
        ("lowest get", lowest_get),
        ("send", of(sender.blocking_send(1))),
        ("recv", of(receiver.blocking_recv())),
        ("oneshot", of(result.blocking_recv())),
        ("watch", of(watched.blocking_changed())),
        ("broadcast", of(every.blocking_recv())),
        ("event", of(event.blocking_wait())),
        ("notify", of(notify.blocking_notified())),
        ("barrier", of(Barrier::new(1).blocking_wait())),
        ("semaphore", of(Semaphore::new(1).blocking_acquire())),
        ("bounded", of(BoundedSemaphore::new(1).blocking_acquire())),
        ("limiter", of(CapacityLimiter::new(1).blocking_acquire())),
        ("mutex", of(mutex.blocking_lock())),
        ("read", of(RwLock::new(()).blocking_read())),
        ("write", of(RwLock::new(()).blocking_write())),
        ("condvar", wait),
    ]
}

fn all_refused(refusals: Vec<(&'static str, Option<String>)>, thread: &str) {
    for (form, refusal) in refusals {
        let refusal = refusal.unwrap_or_else(|| panic!("{form} was let through on {thread}"));
        assert!(refusal.contains(thread), "{form}: {refusal}");
        assert!(refusal.contains("spawn_blocking"), "{form}: {refusal}");
    }
}

#[test]
fn workers_are_refused_and_the_pool_is_not() {
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.block_on(async {
            all_refused(refusals(), "a worker thread");
            all_refused(spawn(async { refusals() }).await, "a worker thread");
            for (form, refusal) in spawn_blocking(refusals).await {
                assert_eq!(refusal, None, "{form}");
            }
        });
    }
}

#[test]
fn the_lane_is_refused() {
    weftwork::run(async {
        let (sender, receiver) = oneshot::channel();
        Handle::current().call_soon(move || {
            let queue = Queue::new(1);
            let put = queue.blocking_put(7).unwrap_err();
            let _ = sender.send((
                put.to_string(),
                queue.blocking_get().unwrap_err().to_string(),
            ));
        });
        let (put, got) = receiver.await.unwrap();
        assert!(put.contains("the callback lane") && got.contains("the callback lane"));
    });
}

/// Both sides at once: threads block while tasks wait.
#[test]
fn threads_and_tasks_share_a_queue() {
    weftwork::run(async {
        let (there, back) = (Arc::new(Queue::new(1)), Arc::new(Queue::rendezvous()));
        let thread = std::thread::spawn({
            let (there, back) = (Arc::clone(&there), Arc::clone(&back));
            move || {
                while let Ok(n) = there.blocking_get() {
                    back.blocking_put(n + 1).unwrap();
                }
            }
        });
        for n in 0..500 {
            there.put(n).await.unwrap();
            assert_eq!(back.get().await, Ok(n + 1));
        }
        there.shutdown(false);
        spawn_blocking(|| thread.join().unwrap()).await;
    });
}
