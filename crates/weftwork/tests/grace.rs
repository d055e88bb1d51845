//! `Finally::grace`: how long a clean-up is shielded.

mod common;

use common::{Counter, LONG, Log, each, forever, ms, settle, started, stuck_at, until};
use std::time::{Duration, Instant};
use weftwork::sync::oneshot;
use weftwork::{catch, finally, gather, spawn, timeout, yield_now};

#[test]
fn a_second_cancel_strikes_when_the_time_is_over_and_not_before() {
    each(|| async {
        let start = Instant::now();
        let (begun, has_begun) = oneshot::channel();
        let task =
            started(|reached| finally(stuck_at::<()>(reached), stuck_at(begun)).grace(ms(30)))
                .await;
        task.cancel();
        has_begun.await.unwrap();
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert!(start.elapsed() >= ms(30), "it was shielded");
    });
}

#[test]
fn a_cancel_after_the_time_strikes_at_once() {
    each(|| async {
        let (begun, has_begun) = oneshot::channel();
        let task = spawn(finally(async {}, stuck_at(begun)).grace(Duration::ZERO));
        has_begun.await.unwrap();
        settle().await;
        assert!(!task.done(), "without a cancel it goes on");
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_cleanup_that_ends_in_time_is_not_struck() {
    each(|| async {
        let log = Log::default();
        let seen = log.clone();
        let task = started(|reached| {
            let cleanup = async move {
                settle().await;
                seen.add("cleaned");
            };
            finally(stuck_at::<()>(reached), cleanup).grace(LONG)
        })
        .await;
        task.cancel();
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["cleaned"]);
    });
}

#[test]
fn a_struck_cleanup_may_handle_that_and_its_children_are_waited_for() {
    each(|| async {
        let log = Log::default();
        let (seen, child) = (log.clone(), log.clone());
        let (begun, has_begun) = oneshot::channel();
        let task = started(|reached| {
            let cleanup = async move {
                let child = spawn(finally(forever::<()>(), async move {
                    settle().await;
                    child.add("child");
                }));
                until(|| child.control().polls() > 0).await;
                begun.send(()).unwrap();
                let children = gather([child]);
                assert!(catch(children).await.unwrap_err().is_cancelled());
                yield_now().await;
                seen.add("handled");
            };
            finally(stuck_at::<()>(reached), cleanup).grace(ms(5))
        })
        .await;
        task.cancel();
        has_begun.await.unwrap();
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["child", "handled"]);
    });
}

#[test]
fn a_cleanup_that_swallows_is_struck_again_by_the_next_cancel() {
    each(|| async {
        let struck = Counter::default();
        let seen = struck.clone();
        let (begun, has_begun) = oneshot::channel();
        let task = spawn(
            finally(async {}, async move {
                begun.send(()).unwrap();
                for _ in 0..2 {
                    assert!(catch(forever::<()>()).await.is_err());
                    seen.add();
                }
                forever().await
            })
            .grace(Duration::ZERO),
        );
        has_begun.await.unwrap();
        for n in 0..3 {
            settle().await;
            assert_eq!(struck.get(), n);
            task.cancel();
            until(|| struck.get() > n || task.done()).await;
        }
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(struck.get(), 2);
    });
}

#[test]
fn a_timeout_ends_a_cleanup_whose_time_is_over() {
    each(|| async {
        let hangs = finally(async {}, forever()).grace(ms(10));
        assert!(timeout(ms(1), hangs).await.is_err());
    });
}
