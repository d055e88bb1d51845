//! Ticks at a fixed period.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use weftwork_scheduler::{Timer, now};
use weftwork_task_context::{delivering, spend, yields};

/// What an [`Interval`] does when ticks were missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTick {
    /// The missed ticks come at once, until it has caught up.
    #[default]
    Burst,
    /// The next tick comes a whole period after this one.
    Delay,
    /// The missed ticks are left out; the next one comes on the grid.
    Skip,
}

/// Ticks at a fixed period, made by [`interval`].
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    missed: MissedTick,
    timer: Timer,
}

/// Ticks every `period`, the first time at once.
///
/// # Errors
/// `InvalidInput` for a period of zero, which would tick without end.
pub fn interval(period: Duration) -> io::Result<Interval> {
    if period.is_zero() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an interval of zero never lets anything else happen: use `yield_now` in a loop",
        ));
    }
    let timer = Timer::new(Some(now()));
    Ok(Interval {
        period,
        missed: MissedTick::default(),
        timer,
    })
}

impl Interval {
    /// Says what to do when ticks were missed.
    #[doc(alias = "set_missed_tick_behavior")]
    #[must_use]
    pub fn missed_tick(mut self, missed: MissedTick) -> Self {
        self.missed = missed;
        self
    }

    /// Waits for the next tick; gives the instant for which it was due.
    ///
    /// # Cancel safety
    /// Dropping the wait loses no tick.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        if !delivering() && yields(cx) {
            return Poll::Pending;
        }
        let due = self.timer.deadline();
        ready!(Pin::new(&mut self.timer).poll(cx));
        let now = now();
        let due = due.unwrap_or(now);
        self.timer.reset(self.next(due, now));
        spend();
        Poll::Ready(due)
    }

    /// The tick after the one that was due at `due` and is taken `now`.
    fn next(&self, due: Instant, now: Instant) -> Option<Instant> {
        let next = due.checked_add(self.period)?;
        if next > now {
            return Some(next);
        }
        match self.missed {
            MissedTick::Burst => Some(next),
            MissedTick::Delay => now.checked_add(self.period),
            MissedTick::Skip => {
                let late = (now - due).as_nanos() % self.period.as_nanos();
                let late = Duration::from_nanos(u64::try_from(late).unwrap_or(u64::MAX));
                now.checked_add(self.period)?.checked_sub(late)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tick_after_a_missed_one() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut ticks = interval(Duration::from_millis(10)).unwrap();
        for (missed, expected) in [
            (MissedTick::Burst, 10),
            (MissedTick::Delay, 47),
            (MissedTick::Skip, 40),
        ] {
            ticks.missed = missed;
            assert_eq!(ticks.next(at(0), at(37)), Some(at(expected)), "{missed:?}");
            assert_eq!(
                ticks.next(at(0), at(3)),
                Some(at(10)),
                "in time: {missed:?}"
            );
        }
    }
}
