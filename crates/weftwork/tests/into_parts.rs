//! A cancel goes into what an await consists of: the source of a `buffered_stream`, the children of a
//! group that `wait_for` gives no time.

mod common;

use common::{Flag, LONG, Log, each, forever, ms, paused, settle, until};
use futures::stream::{self, Stream, StreamExt};
use std::future::{Future, pending};
use std::time::Duration;
use weftwork::{
    Task, buffered_stream, catch, finally, gather, race, shield, sleep, spawn, try_gather,
    wait_for, yield_now,
};

/// A task that waits for ever, and logs at the end of its clean-up.
fn cleans(log: &Log, name: &'static str) -> Task<()> {
    let log = log.clone();
    spawn(finally(forever::<()>(), async move {
        sleep(ms(5)).await;
        log.add(name);
    }))
}

/// Gives some futures, then waits for a future for ever.
fn source<F: Future<Output = ()>>(
    first: u32,
    then: F,
) -> impl Stream<Item = impl Future<Output = u32> + Send> {
    let wait = stream::once(then).map(|()| 9);
    stream::iter(0..first).chain(wait).map(|n| async move {
        let n: u32 = n;
        pending::<()>().await;
        n
    })
}

#[test]
fn a_cancel_goes_into_the_source_and_to_what_runs() {
    for running in [0, 2] {
        paused(|| async move {
            let log = Log::default();
            let child = cleans(&log, "child");
            let control = child.control();
            let own = log.clone();
            let task = spawn(async move {
                let from = source(running, child);
                let caught = catch(buffered_stream(Box::pin(from), 4)).await;
                own.add(format!("caught {}", caught.is_err()));
            });
            sleep(ms(1)).await;
            task.cancel();
            task.await;
            assert!(control.cancelled(), "it was awaited by the source");
            assert_eq!(log.get(), ["child", "caught true"]);
        });
    }
}

#[test]
fn a_clean_up_in_the_source_runs_to_its_end() {
    for running in [0, 2] {
        paused(|| async move {
            let log = Log::default();
            let (inner, own) = (log.clone(), log.clone());
            let task = spawn(async move {
                let cleanup = async move {
                    sleep(Duration::from_secs(1)).await;
                    inner.add("cleaned");
                };
                let from = source(running, finally(forever::<()>(), cleanup));
                let caught = catch(buffered_stream(Box::pin(from), 4)).await;
                own.add(format!("caught {}", caught.is_err()));
            });
            sleep(ms(1)).await;
            task.cancel();
            task.await;
            assert_eq!(log.get(), ["cleaned", "caught true"]);
        });
    }
}

/// What the source gives after that is not run, and the cancel goes on.
#[test]
fn a_source_that_swallows_the_cancel_does_not_hold_it_up() {
    each(|| async {
        let (ran, first) = (Flag::default(), Flag::default());
        let (seen, begun) = (ran.clone(), first.clone());
        let task = spawn(async move {
            let swallows = stream::once(async move {
                drop(catch(forever::<()>()).await);
                1
            });
            let first = stream::once(async { 0 });
            let from = first.chain(swallows).map(move |n| {
                let flag = if n == 0 { begun.clone() } else { seen.clone() };
                async move {
                    flag.set();
                    forever::<()>().await;
                }
            });
            catch(buffered_stream(Box::pin(from), 4)).await.is_err()
        });
        until(|| first.is_set()).await;
        settle().await;
        task.cancel();
        assert!(task.await && !ran.is_set());
    });
}

#[test]
fn a_source_that_swallows_the_cancel_while_nothing_runs_goes_on() {
    each(|| async {
        let begun = Flag::default();
        let seen = begun.clone();
        let task = spawn(async move {
            let from = stream::once(async move {
                seen.set();
                drop(catch(forever::<()>()).await);
            });
            let from = from.map(|()| async { 7 });
            let mut values = buffered_stream(Box::pin(from), 2).await;
            values.extend(buffered_stream(stream::iter([async { 8 }]), 2).await);
            values
        });
        until(|| begun.is_set()).await;
        settle().await;
        task.cancel();
        assert_eq!(task.await, [7, 8]);
    });
}

#[test]
fn a_group_that_is_given_no_time_is_cancelled_and_awaited() {
    each(|| async {
        let log = Log::default();
        let two = || [cleans(&log, "one"), cleans(&log, "two")];
        let children = two();
        settle().await;
        assert!(wait_for(gather(children), Duration::ZERO).await.is_err());
        assert_eq!(log.len(), 2);
        let children = two();
        settle().await;
        let outcomes = gather(children).return_exceptions();
        assert!(wait_for(outcomes, Duration::ZERO).await.is_err());
        assert_eq!(log.len(), 4);
        let children = weftwork::gather!(cleans(&log, "five"), async { 6 });
        settle().await;
        assert!(wait_for(children, Duration::ZERO).await.is_err());
        assert_eq!(log.len(), 5);
        let children = try_gather([finally(forever::<Result<(), ()>>(), {
            let log = log.clone();
            async move { log.add("six") }
        })]);
        settle().await;
        assert!(wait_for(children, Duration::ZERO).await.is_err());
        assert_eq!(log.len(), 6);
        let runners = race(two());
        settle().await;
        assert!(wait_for(runners, Duration::ZERO).await.is_err());
        assert_eq!(log.len(), 8);
    });
}

#[test]
fn a_group_that_has_ended_gives_its_values_without_time() {
    each(|| async {
        let children = gather((0..3).map(|n| async move { n }));
        until(|| children.done()).await;
        assert_eq!(wait_for(children, Duration::ZERO).await, Ok(vec![0, 1, 2]));
        let shared = spawn(async { 5 }).shared();
        while !shared.control().done() {
            yield_now().await;
        }
        assert_eq!(wait_for(shared, Duration::ZERO).await, Ok(5));
        let task = spawn(async { 6 });
        task.finished().await;
        assert_eq!(wait_for(shield(task), Duration::ZERO).await, Ok(6));
    });
}

#[test]
fn what_is_shared_or_shielded_is_left_alone_without_time() {
    each(|| async {
        let shared = spawn(sleep(LONG)).shared();
        assert!(wait_for(shared.clone(), Duration::ZERO).await.is_err());
        assert!(!shared.control().done() && shared.control().cancelling() == 0);
        shared.control().cancel();
    });
}
