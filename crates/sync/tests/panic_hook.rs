//! A future that is polled after its answer panics, and the panic hook may look at the primitive. One
//! test, alone in its process: the hook is there for all.

mod common;

use common::poll_once;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use weftwork_std_or_loom::Mutex as Plain;
use weftwork_sync::{
    Barrier, CancellationToken, Event, Mutex, Notify, Queue, RwLock, Semaphore, broadcast, watch,
};

/// Polls a future to its answer, and once more.
fn poll_twice<F: Future + Unpin>(mut future: F) {
    assert!(poll_once(&mut future).is_ready());
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(&mut future))).is_err());
}

#[test]
fn the_hook_of_a_second_poll_may_look_at_the_primitive() {
    let semaphore = Arc::new(Semaphore::new(1));
    let (mutex, lock) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
    let (event, notify) = (Arc::new(Event::new()), Arc::new(Notify::new()));
    let (barrier, token) = (Arc::new(Barrier::new(1)), CancellationToken::new());
    let (queue, (news, mut receiver)) = (Queue::new(0), watch::channel(0));
    let (sender, mut items) = broadcast::channel(0);
    let (news, sender) = (Arc::new(news), Arc::new(sender));
    let seen = Arc::new(Plain::new(Vec::new()));
    {
        let (semaphore, mutex, lock) = (semaphore.clone(), mutex.clone(), lock.clone());
        let (event, notify, barrier) = (event.clone(), notify.clone(), barrier.clone());
        let (token, queue, news) = (token.clone(), queue.clone(), news.clone());
        let (sender, seen) = (sender.clone(), seen.clone());
        std::panic::set_hook(Box::new(move |_| {
            let locks = format!("{semaphore:?} {mutex:?} {lock:?}");
            let signals = format!("{event:?} {notify:?} {barrier:?} {token:?}");
            let queues = format!("{queue:?} {news:?} {sender:?}");
            seen.lock().push([locks, signals, queues]);
        }));
    }
    event.set();
    notify.notify_one();
    token.cancel();
    queue.try_put(1).unwrap();
    news.send(1).unwrap();
    sender.send(1).unwrap();
    poll_twice(semaphore.acquire());
    poll_twice(mutex.lock());
    poll_twice(lock.read());
    poll_twice(event.wait());
    poll_twice(notify.notified());
    poll_twice(barrier.wait());
    poll_twice(token.cancelled());
    poll_twice(queue.get());
    poll_twice(queue.put(2));
    poll_twice(receiver.changed());
    poll_twice(items.recv());
    drop(std::panic::take_hook());
    assert_eq!(seen.lock().len(), 11);
}
