//! How late timers go off on an idle machine: sleeps of 10 to 110 ms, a thousand at a time.

#![allow(clippy::print_stdout, reason = "it prints a line")]

use std::time::{Duration, Instant};
use weftwork::{gather, time::sleep_until};

const SLEEPS: usize = 1000;

fn main() {
    let mut late = weftwork::run(async {
        let sleeps = (0..SLEEPS).map(|_| {
            let deadline = Instant::now() + Duration::from_micros(fastrand::u64(10_000..110_000));
            async move {
                sleep_until(deadline).await;
                // Never early: this would panic.
                Instant::now()
                    .checked_duration_since(deadline)
                    .expect("a sleep ends late")
            }
        });
        gather(sleeps).await
    });
    late.sort();
    let [p50, p99] = [SLEEPS / 2, SLEEPS * 99 / 100].map(|n| late[n]);
    println!(
        "{SLEEPS} sleeps: late by {p50:.0?} (p50), {p99:.0?} (p99), {:.0?} at most",
        late[SLEEPS - 1]
    );
}
