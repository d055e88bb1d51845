//! A cancelled await beside something that is still at work: the task waits for that without
//! being polled again and again.

mod common;

use common::{Log, On, each, ms, on, paused};
use futures::future::{Either, join, poll_fn, select};
use futures::stream::{FuturesUnordered, StreamExt};
use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;
use weftwork::sync::oneshot;
use weftwork::{
    Task, TaskError, catch, finally, panic_message, shielded, sleep, spawn, timeout, yield_now,
};

/// A task that has ended cancelled.
async fn cancelled() -> Task<()> {
    let task = spawn(pending::<()>());
    task.cancel();
    task.finished().await;
    task
}

fn is_cancelled<T>(ended: &Result<T, TaskError>) -> bool {
    matches!(ended, Err(TaskError::Cancelled(_)))
}

/// How a cancelled task is awaited: by itself, or in a collection that polls what was woken.
async fn awaited(task: Task<()>, hidden: bool) {
    if hidden {
        let mut tasks: FuturesUnordered<_> = [task].into_iter().collect();
        tasks.next().await;
    } else {
        task.await;
    }
}

/// Pending for ever; counts how often it is polled.
async fn counts(polls: Arc<AtomicUsize>) {
    poll_fn(|_| {
        polls.fetch_add(1, SeqCst);
        Poll::<()>::Pending
    })
    .await;
}

#[test]
fn a_paused_clock_goes_on_while_a_clean_up_sleeps_beside_a_cancelled_await() {
    for hidden in [false, true] {
        paused(|| async move {
            let log = Log::default();
            let own = log.clone();
            let child = cancelled().await;
            let task = spawn(async move {
                let cleanup = async move {
                    sleep(Duration::from_secs(1)).await;
                    own.add("cleaned");
                };
                join(awaited(child, hidden), finally(pending::<()>(), cleanup)).await;
            });
            assert!(is_cancelled(&task.outcome().await));
            assert_eq!(log.get(), ["cleaned"]);
        });
    }
}

#[test]
fn in_a_scope_within_a_scope_too() {
    for hidden in [false, true] {
        paused(|| async move {
            let (first, second) = (cancelled().await, cancelled().await);
            let cleanup = || sleep(Duration::from_secs(1));
            let inner = catch(join(
                awaited(first, hidden),
                finally(pending::<()>(), cleanup()),
            ));
            let beside = finally(pending::<()>(), async {
                sleep(Duration::from_secs(2)).await;
            });
            let outer = catch(join(join(inner, awaited(second, hidden)), beside)).await;
            assert!(is_cancelled(&outer));
        });
    }
}

#[test]
fn two_scopes_side_by_side_do_not_keep_each_other_awake() {
    for hidden in [false, true] {
        paused(|| async move {
            let scope = |child| {
                let cleanup = sleep(Duration::from_secs(1));
                catch(join(
                    awaited(child, hidden),
                    finally(pending::<()>(), cleanup),
                ))
            };
            let (first, second) = (cancelled().await, cancelled().await);
            let third = spawn(async { sleep(Duration::from_secs(5)).await });
            let mut others: FuturesUnordered<_> = [third].into_iter().collect();
            let both = join(scope(first), scope(second));
            let ((first, second), _) = join(both, others.next()).await;
            assert!(is_cancelled(&first) && is_cancelled(&second));
        });
    }
}

#[test]
fn a_task_is_polled_a_few_times_while_a_clean_up_waits() {
    for hidden in [false, true] {
        each(|| async move {
            let polls = Arc::new(AtomicUsize::new(0));
            let counter = counts(Arc::clone(&polls));
            let (go, gone) = oneshot::channel();
            let child = cancelled().await;
            let task = spawn(async move {
                let cleanup = async { gone.await.unwrap() };
                let at_work = finally(pending::<()>(), cleanup);
                join(join(awaited(child, hidden), at_work), counter).await;
            });
            for _ in 0..1000 {
                yield_now().await;
            }
            sleep(ms(20)).await;
            go.send(()).unwrap();
            assert!(is_cancelled(&task.outcome().await));
            let polls = polls.load(SeqCst);
            assert!(polls < 40, "{polls} polls");
        });
    }
}

/// The collection goes on to another await while it holds the cancelled one.
#[test]
fn a_cancelled_await_in_a_collection_is_heard_by_whoever_awaits_that_next() {
    each(|| async {
        let child = cancelled().await;
        let (told, tells) = oneshot::channel();
        let (go, gone) = oneshot::channel();
        let task = spawn(async move {
            let mut tasks: FuturesUnordered<_> = [child].into_iter().collect();
            let moves_on = async move {
                {
                    let (next, mut tells) = (tasks.next(), pin!(tells));
                    let first = select(next, tells.as_mut()).await;
                    assert!(matches!(first, Either::Right(_)));
                }
                tasks.next().await;
            };
            let cleanup = async { gone.await.unwrap() };
            join(moves_on, finally(pending::<()>(), cleanup)).await;
        });
        for _ in 0..10 {
            yield_now().await;
        }
        told.send(()).unwrap();
        for _ in 0..10 {
            yield_now().await;
        }
        go.send(()).unwrap();
        assert!(is_cancelled(&task.outcome().await));
    });
}

/// What outlives the scope is heard again by whoever awaits it.
#[test]
fn a_cancelled_await_that_outlives_its_scope_is_raised_again() {
    each(|| async {
        let child = cancelled().await;
        let mut tasks: FuturesUnordered<_> = [child].into_iter().collect();
        for _ in 0..3 {
            let reached = Cell::new(false);
            let caught = catch(async {
                reached.set(true);
                join(tasks.next(), finally(pending::<()>(), yield_now())).await;
            });
            assert!(is_cancelled(&caught.await) && reached.get());
        }
    });
}

/// A deadline in a branch tells nobody outside of it, though its own branch needs some time.
#[test]
fn a_deadline_cancels_nothing_outside_of_it_while_its_body_cleans_up() {
    paused(|| async {
        let child = spawn(pending::<()>());
        let slow = join(
            child,
            finally(pending::<()>(), sleep(Duration::from_secs(1))),
        );
        let beside = catch(sleep(Duration::from_secs(9)));
        let (late, beside) = join(timeout(ms(1), slow), beside).await;
        assert!(late.is_err());
        assert!(beside.is_ok(), "{beside:?}");
    });
}

/// A part that is shielded is a scope: it asks whether the await still counts.
#[test]
fn shielded_goes_on_past_a_cancelled_await_that_lost_a_select() {
    each(|| async {
        let (first, second) = (cancelled().await, cancelled().await);
        let value = shielded(async move {
            let mut other = pin!(async {
                yield_now().await;
                5
            });
            // The other one is ready when the scope asks once more.
            match select(first, other.as_mut()).await {
                Either::Right((value, _)) => value,
                Either::Left(_) => unreachable!("it was cancelled"),
            }
        });
        assert_eq!(value.await, 5);
        assert!(is_cancelled(&catch(shielded(second)).await));
    });
}

/// It waits for a clean-up beside the await, which is told.
#[test]
fn shielded_tells_the_others_and_waits_for_their_clean_ups() {
    for hidden in [false, true] {
        paused(|| async move {
            let log = Log::default();
            let (own, beside) = (log.clone(), log.clone());
            let child = cancelled().await;
            let at_work = finally(pending::<()>(), async move {
                sleep(Duration::from_secs(1)).await;
                own.add("cleaned");
            });
            let caught = async move {
                let told = is_cancelled(&catch(pending::<()>()).await);
                beside.add(format!("told {told}"));
            };
            let all = join(join(awaited(child, hidden), at_work), caught);
            assert!(is_cancelled(&catch(shielded(all)).await));
            assert_eq!(log.get(), ["told true", "cleaned"]);
        });
    }
}

#[test]
fn a_panic_in_a_shielded_part_goes_on_and_the_part_is_gone() {
    each(|| async {
        let child = cancelled().await;
        let part = shielded(join(child, finally(pending::<()>(), async { panic!("p") })));
        let mut part = Box::pin(part);
        let ended = catch(part.as_mut()).await;
        assert!(matches!(ended, Err(TaskError::Panicked(_))), "{ended:?}");
    });
}

/// Scopes within scopes, each with a cancelled await, a clean-up, and the next one.
fn nested(
    mut children: Vec<Task<()>>,
    hidden: bool,
    polls: &Arc<AtomicUsize>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let Some(child) = children.pop() else {
        return Box::pin(counts(Arc::clone(polls)));
    };
    let within = nested(children, hidden, polls);
    Box::pin(async move {
        let cleanup = sleep(Duration::from_secs(1));
        let beside = join(finally(pending::<()>(), cleanup), within);
        let ended = catch(join(awaited(child, hidden), beside)).await;
        assert!(is_cancelled(&ended));
    })
}

#[test]
fn the_polls_of_scopes_within_scopes_do_not_multiply() {
    for hidden in [false, true] {
        paused(|| async move {
            for depth in [2, 4, 8, 12] {
                let polls = Arc::new(AtomicUsize::new(0));
                let mut children = Vec::new();
                for _ in 0..depth {
                    children.push(cancelled().await);
                }
                let task = spawn(nested(children, hidden, &polls));
                task.await;
                let polls = polls.load(SeqCst);
                assert!(polls < 100 * depth, "{polls} polls");
            }
        });
    }
}

struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What a foreign executor does.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unparks(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// A foreign executor inside of a task would wait for ever for what says that it is cancelled.
#[test]
fn a_foreign_executor_in_a_task_panics_at_a_cancelled_await() {
    on(&[On::Workers(1), On::Local], |_| async {
        let child = cancelled().await;
        let task = spawn(async { block_on(child) });
        let Err(TaskError::Panicked(payload)) = task.outcome().await else {
            panic!("it cannot end");
        };
        let message = panic_message(&*payload).to_owned();
        assert!(message.contains("foreign block_on"), "{message}");
    });
}
