//! Clocks that jump.

use crate::common::{paused, settle};
use std::time::Duration;
use weftwork::time::{self, MissedTick, interval};
use weftwork::{gather, sleep, spawn, timeout};

/// A year, and what never comes.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The clock jumps over years at once: all that is due goes off, in the order of its deadlines, and nothing
/// that never comes.
#[test]
fn a_clock_that_jumps_over_years() {
    paused(|| async {
        let start = time::now();
        let never = spawn(sleep(Duration::MAX));
        let sleepers = [0, 1, 1_000, 3_600_000_000_000].map(|nanos| {
            spawn(async move {
                sleep(Duration::from_nanos(nanos)).await;
                time::now() - start
            })
        });
        settle().await;
        time::advance(100 * YEAR).await;
        for woke in gather(sleepers).await {
            assert!(woke <= 100 * YEAR);
        }
        assert!(timeout(Duration::ZERO, sleep(YEAR)).await.is_err());
        // It does not wrap at the end of all clocks.
        time::advance(Duration::MAX).await;
        time::advance(Duration::MAX).await;
        assert!(time::now() - start >= 100 * YEAR);
        assert!(!never.done());
        never.cancel();
        assert!(never.outcome().await.is_err());
    });
}

/// Ticks that were jumped over are made up for, skipped, or moved, as each interval says.
#[test]
fn intervals_that_are_jumped_over() {
    paused(|| async {
        for (behaviour, at_once) in [
            (MissedTick::Burst, 11),
            (MissedTick::Delay, 1),
            (MissedTick::Skip, 1),
        ] {
            let ticks = interval(Duration::from_millis(10)).unwrap();
            let mut ticks = ticks.missed_tick(behaviour);
            ticks.tick().await;
            time::advance(Duration::from_millis(115)).await;
            let now = time::now();
            let mut came = 0;
            while timeout(Duration::ZERO, ticks.tick()).await.is_ok() {
                came += 1;
            }
            assert_eq!((came, time::now()), (at_once, now), "{behaviour:?}");
        }
    });
}
