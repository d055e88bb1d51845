//! Time: limits that are far, that strike in the middle, and none; no timer is left behind.

use crate::children::Children;
use crate::common::LONG;
use crate::knife::{Knife, swept, swept_or_done};
use std::time::Duration;
use weftwork::time::{Instant, advance, interval, pause, resume};
use weftwork::{sleep, spawn, timeout, timeout_at, wait_for};

/// Cancelled, they have ended before the awaiter; dropped, a future of its own is dropped where it
/// stands.
fn ended(knife: &Knife<'_>, children: &Children) {
    if !knife.drops() {
        children.assert_all_over();
    }
}

#[test]
fn a_limit_that_is_far() {
    swept("Timeout", async |knife| {
        let children = Children::default();
        let child = spawn(children.child(2));
        let _ = knife.run(timeout(LONG, child)).await;
        if knife.drops() {
            children.assert_soon_over().await;
        }
        ended(knife, &children);
    });
    swept("Timeout", async |knife| {
        let children = Children::default();
        let deadline = Instant::now() + LONG;
        let _ = knife.run(timeout_at(deadline, children.child(2))).await;
        ended(knife, &children);
    });
    swept("WaitFor", async |knife| {
        let children = Children::default();
        let _ = knife.run(wait_for(children.child(2), LONG)).await;
        ended(knife, &children);
    });
}

/// The cancel of the task goes on whatever the limit did.
#[test]
fn a_limit_that_comes_in_the_middle() {
    swept_or_done("Timeout", async |knife| {
        let children = Children::default();
        let body = children.child(50);
        let _ = knife.run(timeout(Duration::from_micros(50), body)).await;
        ended(knife, &children);
    });
}

#[test]
fn no_time_at_all() {
    swept("WaitFor", async |knife| {
        let children = Children::default();
        let child = spawn(children.child(2));
        let _ = knife.run(wait_for(child, Duration::ZERO)).await;
        children.assert_soon_over().await;
    });
}

#[test]
fn sleeping_and_ticking() {
    swept("Sleep, Interval::tick", async |knife| {
        let _ = knife
            .run(async {
                sleep(Duration::ZERO).await;
                sleep(Duration::from_micros(10)).await;
                let mut ticks = interval(Duration::from_micros(10)).unwrap();
                ticks.tick().await;
                ticks.tick().await;
            })
            .await;
    });
}

#[test]
fn no_tick_is_lost() {
    swept("Interval::tick", async |knife| {
        let period = Duration::from_micros(100);
        let ticks = std::sync::Arc::new(weftwork::sync::Mutex::new(interval(period).unwrap()));
        let inner = std::sync::Arc::clone(&ticks);
        let first = ticks.lock().await.tick().await;
        let due = std::sync::Arc::new(weftwork_std_or_loom::Mutex::new(vec![first]));
        let seen = std::sync::Arc::clone(&due);
        let _ = knife
            .run(async move {
                let mut ticks = inner.lock().await;
                for _ in 0..3 {
                    let at = ticks.tick().await;
                    seen.lock().push(at);
                }
            })
            .await;
        let next = ticks.lock().await.tick().await;
        let mut due = due.lock().clone();
        due.push(next);
        for (number, at) in (0..).zip(&due) {
            assert_eq!(*at, first + number * period, "{due:?}");
        }
    });
}

#[test]
fn a_clock_that_is_moved() {
    swept("time::advance", async |knife| {
        pause();
        let nap = spawn(sleep(Duration::from_secs(10)));
        weftwork::yield_now().await;
        let _ = knife
            .run(async {
                advance(Duration::from_secs(5)).await;
                advance(Duration::from_secs(5)).await;
            })
            .await;
        nap.await;
        resume();
    });
}
