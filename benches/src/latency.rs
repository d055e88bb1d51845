//! Rows in which it counts how long something takes or how late it comes: percentiles, and their
//! table.

use std::time::Duration;

use crate::row::Peer;
use crate::stats::Spread;
use crate::suite::{Outcome, PeerOutcome};
use crate::table::{duration, goal};

/// Percentiles of many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latency {
    /// Half of them were longer.
    pub(crate) p50: Duration,
    /// One of a hundred was longer.
    pub(crate) p99: Duration,
    /// The longest.
    pub(crate) max: Duration,
}

/// Which of them a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Percentile {
    P50,
    P99,
    Max,
}

/// A time in nanoseconds as [`Latency::of`] takes it; what is longer than four seconds counts as so
/// much.
pub(crate) fn nanos(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX)
}

impl Latency {
    /// The percentiles of so many nanoseconds each; zero of none.
    pub(crate) fn of(times: &mut [u32]) -> Self {
        times.sort_unstable();
        // The time that this share of them does not exceed.
        let at = |share: f64| {
            let rank = (share * times.len() as f64).ceil() as usize;
            let time = times.get(rank.saturating_sub(1)).copied();
            Duration::from_nanos(u64::from(time.unwrap_or(0)))
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        }
    }

    pub(crate) fn at(&self, percentile: Percentile) -> Duration {
        match percentile {
            Percentile::P50 => self.p50,
            Percentile::P99 => self.p99,
            Percentile::Max => self.max,
        }
    }
}

/// The median over the rounds.
pub(crate) fn median(peer: &PeerOutcome, percentile: Percentile) -> Option<f64> {
    let samples = peer.samples.iter().filter_map(|sample| sample.latency);
    let times = samples.map(|latency| latency.at(percentile).as_nanos() as f64);
    Spread::of(times).map(|spread| spread.median)
}

pub(crate) fn heading(baseline: Peer, percentile: Percentile) -> String {
    let of = match percentile {
        Percentile::P50 => "p50",
        Percentile::P99 => "p99",
        Percentile::Max => "longest",
    };
    let ratio = format!("{of} to {}", baseline.name());
    format!(
        "  {:9} {:>9} {:>9} {:>9} {:>9}  {ratio:<22} goal\n",
        "", "p50", "p99", "longest", "cpu"
    )
}

/// The line of a peer; none if it has no such figures.
pub(crate) fn line(outcome: &Outcome, peer: &PeerOutcome) -> Option<String> {
    let show = |percentile| median(peer, percentile).map(duration);
    let ratio = outcome.ratio(peer).map(|ratio| ratio.to_string());
    let line = format!(
        "  {:9} {:>9} {:>9} {:>9} {:>9}  {:<22} {}",
        peer.peer.name(),
        show(Percentile::P50)?,
        show(Percentile::P99)?,
        show(Percentile::Max)?,
        duration(outcome.cpu(peer)?.median),
        ratio.unwrap_or_default(),
        goal(outcome, peer),
    );
    Some(format!("{}\n", line.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let mut times: Vec<u32> = (1..=200).rev().collect();
        let latency = Latency::of(&mut times);
        let all = [Percentile::P50, Percentile::P99, Percentile::Max];
        assert_eq!(all.map(|p| latency.at(p).as_nanos()), [100, 198, 200]);
        assert_eq!(Latency::of(&mut []).max, Duration::ZERO);
        assert_eq!(nanos(Duration::from_secs(5)), u32::MAX);
    }
}
