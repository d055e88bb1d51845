//! `race` and `buffered`: the first of some futures, and some of many at a time.

mod common;

use common::{
    Counter, Flag, LONG, Log, cancelled_task, each, each_reporting, forever, settle, started,
    struck, stuck_at, swallow_a_cancel, until,
};
use futures::poll;
use futures::stream::{self, Stream, StreamExt};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use weftwork::sync::{Semaphore, oneshot};
use weftwork::{
    CancelSource, TaskError, buffered, buffered_stream, catch, finally, local, race, run_local,
    sleep, spawn, yield_now,
};
use weftwork_std_or_loom::Mutex;

#[test]
fn the_first_wins_and_the_others_have_ended_when_it_gives_its_value() {
    each(|| async {
        let cleaned = Counter::default();
        let losers = (0..5).map(|_| {
            let cleaned = cleaned.clone();
            let loser = finally(forever::<u8>(), async move {
                settle().await;
                cleaned.add();
            });
            spawn(loser)
        });
        let losers: Vec<_> = losers.collect();
        for loser in &losers {
            until(|| loser.control().polls() > 0).await;
        }
        let controls: Vec<_> = losers.iter().map(|loser| loser.control()).collect();
        let winner = spawn(async { 7 });
        let id = winner.id();
        let line = line!() + 1;
        assert_eq!(race(losers.into_iter().chain([winner])).await, Some(7));
        assert_eq!(cleaned.get(), 5);
        for loser in controls {
            let cause = loser.cancel_cause().unwrap();
            assert!(loser.cancelled());
            assert_eq!(cause.source(), CancelSource::RaceLost(id));
            assert_eq!(
                (cause.location().file(), cause.location().line()),
                (file!(), line)
            );
        }
    });
}

#[test]
fn nobody_wins_a_race_without_runners() {
    each(|| async {
        assert_eq!(race(Vec::<std::future::Ready<u8>>::new()).await, None);
        assert_eq!(race!(async { 1 }).await, Some(1));
    });
}

#[test]
fn a_late_value_is_dropped_and_a_late_panic_reported() {
    each_reporting(|reports| async move {
        let dropped = Counter::default();
        let (late, winners) = (dropped.on_drop(), dropped.on_drop());
        let (a, at_a) = oneshot::channel();
        let (b, at_b) = oneshot::channel();
        let value = spawn(async move {
            assert!(catch(stuck_at::<()>(a)).await.is_err());
            late
        });
        let panic = spawn(async move {
            assert!(catch(stuck_at::<()>(b)).await.is_err());
            panic!("late")
        });
        at_a.await.unwrap();
        at_b.await.unwrap();
        let won = race([value, panic, spawn(async { winners })]).await;
        assert_eq!(dropped.get(), 1);
        assert_eq!(reports.messages(), ["late"]);
        drop(won);
        assert_eq!(dropped.get(), 2);
    });
}

#[test]
fn a_panic_that_a_cancel_overtakes_is_reported() {
    for dropped in [false, true] {
        each_reporting(move |reports| async move {
            let (go, goes) = oneshot::channel::<()>();
            let loser = started(|reached| {
                finally(stuck_at::<u8>(reached), async move {
                    let _ = goes.await;
                })
            })
            .await;
            let panics = spawn(async { panic!("overtaken") });
            let told = panics.control();
            let racing = started(|reached| async move {
                let mut race = race([loser, panics]);
                let polled = poll!(&mut race);
                until(|| told.done()).await;
                // It hears of the panic, and waits for the loser.
                let polled_again = poll!(&mut race);
                assert!(polled.is_pending() && polled_again.is_pending());
                reached.send(()).unwrap();
                if dropped {
                    forever::<()>().await;
                }
                race.await
            })
            .await;
            racing.cancel();
            struck(&racing.control()).await;
            go.send(()).unwrap();
            let end = catch(racing).await;
            assert!(matches!(end, Err(TaskError::Cancelled(_))));
            assert_eq!(reports.messages(), ["overtaken"], "dropped: {dropped}");
        });
    }
}

#[test]
fn a_panic_ends_a_race_after_the_losers() {
    each(|| async {
        let cleaned = Flag::default();
        let seen = cleaned.clone();
        let loser = started(|reached| {
            finally(stuck_at::<u8>(reached), async move {
                settle().await;
                seen.set();
            })
        })
        .await;
        let end = catch(race([loser, spawn(async { panic!("first") })])).await;
        assert_eq!(end.unwrap_err().to_string(), "panicked: first");
        assert!(cleaned.is_set());
    });
}

#[test]
fn a_runner_that_was_cancelled_has_given_up() {
    each(|| async {
        let gone = cancelled_task::<u8>().await;
        assert_eq!(
            race([
                gone,
                spawn(async {
                    settle().await;
                    3
                })
            ])
            .await,
            Some(3)
        );
        let all = [cancelled_task::<u8>().await, cancelled_task::<u8>().await];
        assert!(catch(race(all)).await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_cancel_of_a_race_goes_to_all_runners_and_on() {
    each(|| async {
        let ignored = Counter::default();
        let seen = ignored.clone();
        let task = started(|reached| async move {
            let runners = (0..3).map(move |_| {
                let seen = seen.clone();
                spawn(async move {
                    swallow_a_cancel().await;
                    settle().await;
                    seen.add();
                    5
                })
            });
            let runners: Vec<_> = runners.collect();
            for runner in &runners {
                until(|| runner.control().polls() > 0).await;
            }
            reached.send(()).unwrap();
            race(runners).await
        })
        .await;
        settle().await;
        task.cancel_with("m");
        let Err(TaskError::Cancelled(cause)) = task.outcome().await else {
            panic!("swallowed")
        };
        assert_eq!((cause.msg(), ignored.get()), (Some("m"), 3));
    });
}

#[test]
fn a_dropped_race_cancels_its_runners() {
    each(|| async {
        let gone = Counter::default();
        let guards: Vec<_> = (0..3).map(|_| gone.on_drop()).collect();
        drop(race(guards.into_iter().map(|guard| async move {
            let _guard = guard;
            forever::<()>().await;
        })));
        until(|| gone.get() == 3).await;
    });
}

/// Counts how many are in it at once.
#[derive(Clone, Default)]
struct Gauge(Arc<Mutex<(usize, usize)>>);

impl Gauge {
    async fn visit<T>(self, value: T) -> T {
        {
            let mut gauge = self.0.lock();
            gauge.0 += 1;
            gauge.1 = gauge.1.max(gauge.0);
        }
        yield_now().await;
        self.0.lock().0 -= 1;
        value
    }

    fn most(&self) -> usize {
        self.0.lock().1
    }
}

#[test]
fn values_come_in_the_order_of_the_input_and_no_more_run_than_may() {
    each(|| async {
        for limit in [0, 1, 3, 1000, usize::MAX] {
            let gauge = Gauge::default();
            let visits = (0..100).map(|n| gauge.clone().visit(n));
            assert_eq!(buffered(visits, limit).await, (0..100).collect::<Vec<_>>());
            assert!(gauge.most() <= limit.max(1), "{} at once", gauge.most());

            let visits = stream::iter(0..100).map(|n| gauge.clone().visit(n));
            let mut values = buffered_stream(visits, limit).unordered().await;
            values.sort_unstable();
            assert_eq!(values, (0..100).collect::<Vec<_>>());
        }
        assert_eq!(buffered(Vec::<std::future::Ready<u8>>::new(), 4).await, []);
    });
}

#[test]
fn as_many_run_as_may() {
    each(|| async {
        // Each needs the other two.
        let barrier = Arc::new(Semaphore::new(0));
        let visits = (0..9).map(|_| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.add_permits(1);
                let all = barrier.acquire_many(3).await.unwrap();
                drop(all);
            }
        });
        assert_eq!(buffered(visits, 3).await.len(), 9);
    });
}

#[test]
fn the_iterator_is_asked_only_when_a_place_is_free() {
    each(|| async {
        let taken = Counter::default();
        let (go, gate) = oneshot::channel::<()>();
        let mut gate = Some(gate);
        let seen = taken.clone();
        let endless = std::iter::from_fn(move || {
            seen.add();
            let gate = gate.take();
            Some(async move {
                if let Some(gate) = gate {
                    gate.await.unwrap();
                }
            })
        });
        let mut stream = buffered(endless, 4).stream();
        assert_eq!(taken.get(), 0, "nothing is taken before the first poll");
        let mut first = Box::pin(stream.next());
        futures::future::select(&mut first, Box::pin(settle())).await;
        settle().await;
        assert_eq!(taken.get(), 4, "the slow first one holds the places");
        go.send(()).unwrap();
        first.await.unwrap();
        for _ in 0..20 {
            stream.next().await.unwrap();
        }
        assert!(taken.get() <= 21 + 4, "{}", taken.get());
    });
}

#[test]
fn unordered_values_come_as_they_come() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let mut gate = Some(gate);
        let work = (0..5).map(move |n| {
            let gate = gate.take();
            async move {
                if let Some(gate) = gate {
                    gate.await.unwrap();
                }
                n
            }
        });
        let mut stream = buffered(work, 2).unordered().stream();
        assert_eq!(stream.size_hint(), (5, Some(5)));
        for n in 1..5 {
            assert_eq!(stream.next().await, Some(n), "past the slow first one");
        }
        go.send(()).unwrap();
        assert_eq!(stream.next().await, Some(0));
        assert_eq!((stream.next().await, stream.next().await), (None, None));
    });
}

#[test]
fn a_failure_goes_on_at_once_and_what_runs_is_cancelled() {
    each(|| async {
        for panics in [true, false] {
            let gone = Counter::default();
            let taken = Counter::default();
            let (seen, guards) = (taken.clone(), gone.clone());
            let work = (0..100).map(move |n| {
                seen.add();
                let guard = guards.on_drop();
                async move {
                    if n == 3 && panics {
                        panic!("third");
                    }
                    if n == 3 {
                        weftwork::current_task().unwrap().cancel();
                    }
                    let _guard = guard;
                    forever::<()>().await;
                }
            });
            let end = catch(buffered(work, 10)).await.unwrap_err();
            assert_eq!(end.is_panic(), panics);
            until(|| gone.get() == 10).await;
            assert_eq!(taken.get(), 10);
        }
    });
}

#[test]
fn a_cancel_of_buffered_goes_to_all_that_run_and_no_more_are_taken() {
    each(|| async {
        for as_stream in [false, true] {
            let (log, taken) = (Log::default(), Counter::default());
            let (cleanups, seen) = (log.clone(), taken.clone());
            let (reached, is_reached) = oneshot::channel();
            let mut reached = Some(reached);
            let task = spawn(async move {
                let work = (0..100).map(move |_| {
                    seen.add();
                    let log = cleanups.clone();
                    let reached = reached.take().filter(|_| seen.get() == 1);
                    finally(
                        async move {
                            if let Some(reached) = reached {
                                settle().await;
                                reached.send(()).unwrap();
                            }
                            forever::<()>().await;
                        },
                        async move {
                            settle().await;
                            log.add("cleaned");
                        },
                    )
                });
                if as_stream {
                    buffered(work, 3).stream().next().await;
                } else {
                    buffered(work, 3).await;
                }
            });
            is_reached.await.unwrap();
            settle().await;
            task.cancel();
            assert!(task.outcome().await.unwrap_err().is_cancelled());
            assert_eq!(taken.get(), 3);
            assert!(log.len() <= 3, "those that had begun");
        }
    });
}

#[test]
fn a_source_that_is_slow_is_waited_for() {
    each(|| async {
        let source = stream::unfold(0, |n| async move {
            settle().await;
            (n < 5).then(|| (async move { n }, n + 1))
        });
        assert_eq!(buffered_stream(Box::pin(source), 2).await, [0, 1, 2, 3, 4]);

        let task = started(|reached| async move {
            let mut reached = Some(reached);
            let source = stream::poll_fn(move |_| {
                reached.take().map(|reached| reached.send(()));
                std::task::Poll::<Option<std::future::Ready<()>>>::Pending
            });
            buffered_stream(source, 2).await
        })
        .await;
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn both_have_local_forms() {
    let order = Rc::new(RefCell::new(Vec::new()));
    run_local(async {
        let work = (0..4).map(|n| {
            let order = Rc::clone(&order);
            async move {
                order.borrow_mut().push(n);
                Rc::new(n)
            }
        });
        let values = local::buffered(work, 2).await;
        assert_eq!(values.iter().map(|n| **n).collect::<Vec<_>>(), [0, 1, 2, 3]);
        let slow = sleep(LONG);
        let first = local::race([true, false].map(|fast| {
            let slow = (!fast).then(|| Rc::new(()));
            async move {
                if slow.is_some() {
                    forever::<()>().await;
                }
                Rc::new(fast)
            }
        }));
        assert!(*first.await.unwrap());
        drop(slow);
    });
    assert_eq!(*order.borrow(), [0, 1, 2, 3]);
}
