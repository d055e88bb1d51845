//! Sleeping and ticking: never early, any duration, missed ticks.

mod common;

use common::{LONG, Log, On, each, ms, on, settle, started, until};
use futures::future::FutureExt;
use std::time::{Duration, Instant};
use weftwork::sync::oneshot;
use weftwork::time::{MissedTick, interval, sleep_until};
use weftwork::{Handle, gather, sleep, spawn, spawn_blocking, yield_now};

#[test]
fn a_sleep_never_ends_early() {
    each(|| async {
        let naps = (0..100u64).map(|n| async move {
            let nap = Duration::from_micros(n * 97);
            let start = Instant::now();
            sleep(nap).await;
            (nap, start.elapsed())
        });
        for (nap, slept) in gather(naps).await {
            assert!(slept >= nap, "{nap:?} took {slept:?}");
        }
    });
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    // On several workers those that are due together race.
    on(&[On::Local], |_| async {
        let log = Log::default();
        let start = Instant::now();
        let naps = [30u64, 10, 20].map(|n| {
            let log = log.clone();
            async move {
                sleep_until(start + ms(n)).await;
                log.add(n.to_string());
                Instant::now()
            }
        });
        for (end, n) in gather(naps).await.into_iter().zip([30, 10, 20]) {
            assert!(end >= start + ms(n));
        }
        assert_eq!(log.get(), ["10", "20", "30"]);
    });
}

#[test]
fn a_sleep_of_zero_is_one_turn_for_the_others() {
    on(&[On::Local], |_| async {
        let log = Log::default();
        let other = log.clone();
        let task = spawn(async move {
            other.add("other 1");
            sleep(Duration::ZERO).await;
            other.add("other 2");
        });
        sleep(Duration::ZERO).await;
        log.add("main 1");
        sleep(Duration::ZERO).await;
        log.add("main 2");
        task.await;
        assert_eq!(log.get(), ["other 1", "main 1", "other 2", "main 2"]);
    });
    each(|| async {
        assert!(
            sleep(Duration::ZERO).now_or_never().is_none(),
            "it suspends"
        );
        sleep(Duration::ZERO).await;
    });
}

#[test]
fn a_sleep_until_the_past_ends_at_once() {
    each(|| async {
        let start = Instant::now();
        sleep_until(start).await;
        sleep_until(start.checked_sub(ms(1)).unwrap_or(start)).await;
        assert!(sleep_until(start).now_or_never().is_some());
    });
}

#[test]
fn the_longest_sleep_never_ends_and_is_cancelled() {
    each(|| async {
        for nap in [
            Duration::MAX,
            Duration::from_secs(u64::MAX),
            LONG * 24 * 365 * 1000,
        ] {
            let task = started(|reached| async move {
                reached.send(()).unwrap();
                sleep(nap).await;
            })
            .await;
            settle().await;
            sleep(ms(1)).await;
            assert!(!task.done(), "{nap:?}");
            task.cancel();
            assert!(task.outcome().await.unwrap_err().is_cancelled());
        }
        assert_eq!(sleep(Duration::MAX).deadline(), None);
    });
}

#[test]
fn the_end_of_a_sleep_can_be_moved() {
    each(|| async {
        let start = Instant::now();
        let mut nap = sleep(LONG);
        assert!((&mut nap).now_or_never().is_none());
        nap.reset(start + ms(10));
        assert_eq!(nap.deadline(), Some(start + ms(10)));
        (&mut nap).await;
        assert!(start.elapsed() >= ms(10));
        nap.reset(start + LONG);
        assert!((&mut nap).now_or_never().is_none(), "it can be used again");
        // An earlier deadline wakes a runtime that sleeps until a later one.
        nap.reset(Instant::now() + ms(1));
        nap.await;
    });
}

#[test]
fn a_sleep_moves_between_tasks() {
    each(|| async {
        let mut nap = Box::pin(sleep(ms(10)));
        let start = Instant::now();
        assert!((&mut nap).now_or_never().is_none());
        let slept = spawn(async move {
            nap.await;
            start.elapsed()
        });
        assert!(slept.await >= ms(9), "made before the clock was read");
    });
}

#[test]
fn a_sleep_wakes_a_runtime_that_has_nothing_else_to_do() {
    each(|| async {
        for _ in 0..5 {
            spawn(sleep(ms(1))).await;
        }
        // A timer that a thread from outside sets is earlier than the one waited for.
        let handle = Handle::current();
        let (tell, told) = oneshot::channel();
        let outside = std::thread::spawn(move || {
            std::thread::sleep(ms(5));
            handle.call_later(ms(1), move || tell.send(()).unwrap());
        });
        let start = Instant::now();
        futures::future::select(told, sleep(LONG)).await;
        assert!(start.elapsed() < LONG / 2);
        spawn_blocking(move || outside.join().unwrap()).await;
    });
}

#[test]
fn a_sleep_outside_of_a_runtime_says_so() {
    let _watchdog = common::Watchdog::start();
    let text = common::panic_of(|| common::foreign_block_on(sleep(ms(1))));
    assert!(
        text.contains("no weftwork runtime on this thread"),
        "{text}"
    );
}

#[test]
fn an_interval_ticks_on_its_grid_and_never_early() {
    each(|| async {
        let mut ticks = interval(ms(5)).unwrap();
        let first = ticks.tick().await;
        assert!(first <= Instant::now(), "the first comes at once");
        for n in 1..=4 {
            let due = ticks.tick().await;
            assert_eq!(due, first + ms(5 * n));
            assert!(Instant::now() >= due, "early");
        }
    });
}

#[test]
fn missed_ticks() {
    each(|| async {
        for missed in [MissedTick::Burst, MissedTick::Delay, MissedTick::Skip] {
            let mut ticks = interval(ms(4)).unwrap().missed_tick(missed);
            let first = ticks.tick().await;
            sleep_until(first + ms(14)).await;
            assert_eq!(
                ticks.tick().await,
                first + ms(4),
                "{missed:?}: the missed one"
            );
            let taken = Instant::now();
            let next = ticks.tick().await;
            match missed {
                MissedTick::Burst => assert_eq!(next, first + ms(8)),
                MissedTick::Delay => {
                    // A whole period after the late tick was taken.
                    assert!(next <= taken + ms(4) && next >= first + ms(18));
                }
                MissedTick::Skip => {
                    let nanos = (next - first).as_nanos();
                    assert_eq!(nanos % ms(4).as_nanos(), 0, "on the grid");
                    assert!(next >= first + ms(16), "the missed ones are left out");
                }
            }
        }
    });
}

#[test]
fn a_cancelled_tick_is_not_lost() {
    each(|| async {
        let mut ticks = interval(ms(10)).unwrap();
        let first = ticks.tick().await;
        let mut next = 1;
        for _ in 0..10 {
            // Mostly too early; a tick that comes is the next one.
            let in_time = weftwork::timeout(ms(1), ticks.tick()).await.ok();
            if let Some(due) = in_time.or_else(|| ticks.tick().now_or_never()) {
                assert_eq!(due, first + ms(10 * next));
                next += 1;
            }
        }
        assert_eq!(ticks.tick().await, first + ms(10 * next));
    });
}

#[test]
fn any_period_but_zero_is_legal() {
    each(|| async {
        let error = interval(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        let mut never = interval(Duration::MAX).unwrap();
        never.tick().await;
        for _ in 0..20 {
            assert!(never.tick().now_or_never().is_none());
            yield_now().await;
        }
        let mut tiny = interval(Duration::from_nanos(1))
            .unwrap()
            .missed_tick(MissedTick::Skip);
        for _ in 0..10 {
            tiny.tick().await;
        }
    });
}

#[test]
fn very_many_sleeps() {
    each(|| async {
        let count = u64::try_from(common::scaled(20_000)).unwrap();
        let start = Instant::now();
        let naps = (0..count).map(|n| sleep(Duration::from_micros(n % 5000)));
        gather(naps).await;
        assert!(start.elapsed() >= Duration::from_micros(count.min(5000) - 1));
        // Sleeps that are dropped unfinished leave nothing behind that would fire.
        let tasks: Vec<_> = (0..100).map(|_| spawn(sleep(LONG))).collect();
        for task in &tasks {
            task.cancel();
        }
        until(|| tasks.iter().all(weftwork::Task::done)).await;
    });
}
