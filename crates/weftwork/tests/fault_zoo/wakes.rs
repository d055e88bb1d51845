//! Wakers: called a million times after the end of their task, leaked, and panicking in their clone.

use crate::common::{EVERYWHERE, Reports, Watchdog, each, ms, scaled};
use futures::FutureExt;
use std::future::{Future, poll_fn};
use std::mem::{forget, take};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use weftwork::sync::{Event, Mutex, Notify, Queue, Semaphore, oneshot};
use weftwork::{Runtime, Task, gather, sleep, spawn, spawn_blocking, yield_now};
use weftwork_std_or_loom as own;

type Wakers = Arc<own::Mutex<Vec<Waker>>>;

/// Keeps its waker; ends in the second poll.
fn keeps(kept: &Wakers) -> impl Future<Output = ()> + Send + use<> {
    let (kept, mut polls) = (Arc::clone(kept), 0);
    poll_fn(move |cx| {
        kept.lock().push(cx.waker().clone());
        polls += 1;
        if polls == 2 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Four threads wake what has ended, a million times in all, while others run, at the end of the runtime,
/// and after it.
#[test]
fn a_million_late_wakes_have_no_effect() {
    for kind in EVERYWHERE {
        let watchdog = Watchdog::start();
        let (reports, kept) = (Reports::default(), Wakers::default());
        let sink = reports.clone();
        let runtime =
            kind.runtime(Runtime::builder().exception_handler(move |report| sink.add(report)));
        runtime.block_on(async {
            spawn(keeps(&kept)).await;
            spawn(keeps(&kept)).detach();
            let cancelled = spawn(keeps(&kept));
            cancelled.cancel();
            let _ = cancelled.outcome().await;
            yield_now().await;
        });
        let wakers = take(&mut *kept.lock());
        forget(wakers.clone());
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let wakers = wakers.clone();
                std::thread::spawn(move || {
                    for _ in 0..scaled(250_000) / wakers.len() {
                        wakers.iter().for_each(Waker::wake_by_ref);
                    }
                    wakers.into_iter().for_each(Waker::wake);
                })
            })
            .collect();
        runtime.block_on(async {
            // Others, in the memory of those that have ended.
            for n in 0..20 {
                assert_eq!(gather((0..50).map(|m| async move { n * m })).await[1], n);
                sleep(ms(1)).await;
            }
        });
        runtime.close().unwrap();
        drop(runtime);
        for caller in callers {
            caller.join().unwrap();
        }
        wakers.into_iter().for_each(Waker::wake);
        assert_eq!(reports.take(), [], "{kind:?}");
        drop(watchdog);
    }
}

/// A waker that cannot be cloned.
fn bad_waker() -> Waker {
    const TABLE: RawWakerVTable =
        RawWakerVTable::new(|_| panic!("no clone of this"), |_| {}, |_| {}, |_| {});
    // SAFETY: nothing is behind the pointer.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) }
}

/// Whoever polls with a waker whose clone panics gets that panic. The future is as before: with another waker it
/// ends as ever, and so does what stands behind it. (An `async fn`, as an accept, cannot be polled again after
/// a panic: that is the language's.)
async fn survives<F: Future>(name: &str, future: F, then: impl FnOnce()) -> F::Output {
    let mut future = pin!(future);
    let bad = bad_waker();
    let polled = catch_unwind(AssertUnwindSafe(|| {
        future.as_mut().poll(&mut Context::from_waker(&bad))
    }));
    if let Ok(polled) = &polled {
        assert!(polled.is_pending(), "{name} had nothing to wait for");
    }
    then();
    let ended = weftwork::timeout(crate::common::LONG, future).await;
    ended.unwrap_or_else(|_| panic!("{name} never ends"))
}

#[test]
fn a_waker_that_panics_in_its_clone_harms_nobody_else() {
    each(|| async {
        let (open, opened) = oneshot::channel();
        let task = spawn(async move { opened.await.is_ok() });
        yield_now().await;
        assert!(survives("a task", task, || assert!(open.send(()).is_ok())).await);
        let (open, opened) = oneshot::channel::<()>();
        let task: Task<()> = spawn(async move { drop(opened.await) });
        survives("an end", task.finished(), || drop(open)).await;
        let members = gather((0..3).map(|_| yield_now()));
        assert_eq!(survives("a group", members, || ()).await.len(), 3);
        survives("a sleep", sleep(ms(2)), || ()).await;
        survives("a job", spawn_blocking(|| std::thread::sleep(ms(2))), || ()).await;

        let semaphore = Semaphore::new(0);
        let permit = survives("a permit", semaphore.acquire(), || semaphore.add_permits(1)).await;
        drop(permit);
        assert_eq!(semaphore.available_permits(), 1);
        let mutex = Arc::new(Mutex::new(5));
        let guard = mutex.try_lock_owned().unwrap();
        let lock = survives("a lock", mutex.lock(), || drop(guard)).await;
        assert_eq!(*lock, 5);
        drop(lock);
        let queue = Queue::new(1);
        let item = survives("an item", queue.get(), || queue.try_put(7).unwrap()).await;
        assert_eq!(item, Ok(7));
        let event = Event::new();
        survives("an event", event.wait(), || event.set()).await;
        let notify = Notify::new();
        survives("a notification", notify.notified(), || notify.notify_one()).await;
        let (sender, receiver) = oneshot::channel();
        let sent = survives("a result", receiver, || assert!(sender.send(3).is_ok())).await;
        assert_eq!(sent.unwrap(), 3);
    });
}

type Leaf = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A future that is polled again after its end panics or waits; it does nothing else.
#[test]
fn polls_after_the_end_harm_nobody() {
    each(|| async {
        let shared = spawn(async { 5 }).shared();
        let leaves: Vec<(&str, Leaf)> = vec![
            ("a task", Box::pin(spawn(async {}))),
            ("an outcome", Box::pin(spawn(async {}).outcome().map(drop))),
            ("a shared task", Box::pin(shared.map(drop))),
            ("a group", Box::pin(gather([async {}]).map(drop))),
            ("a sleep", Box::pin(sleep(ms(1)))),
            (
                "a timeout",
                Box::pin(weftwork::timeout(ms(1), sleep(ms(0))).map(drop)),
            ),
            ("a race", Box::pin(weftwork::race([async {}]).map(drop))),
            (
                "a wait",
                Box::pin(weftwork::wait([spawn(async {})]).into_future().map(drop)),
            ),
            ("a catch", Box::pin(weftwork::catch(async {}).map(drop))),
            ("a job", Box::pin(spawn_blocking(|| ()))),
        ];
        for (name, mut leaf) in leaves {
            leaf.as_mut().await;
            for _ in 0..3 {
                // Its panic is its own, and tells nobody else.
                let again = AssertUnwindSafe(poll_fn(|cx| {
                    let _ = leaf.as_mut().poll(cx);
                    Poll::Ready(())
                }));
                let _ = again.catch_unwind().await;
            }
            drop(leaf);
            assert_eq!(spawn(async { 7 }).await, 7, "after {name}");
        }
    });
}
