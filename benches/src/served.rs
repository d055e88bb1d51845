//! What counts on a row with a server: rate, latency, fairness, the server's CPU time; their goals
//! and their table.

use crate::clock::Sample;
use crate::latency::{Percentile, median};
use crate::row::Peer;
use crate::stats::Spread;
use crate::suite::{Outcome, PeerOutcome};
use crate::table::duration;

/// What a client saw of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) connections: u64,
    /// How many answers the connection got that got the fewest.
    pub(crate) least: u64,
}

/// What weftwork aims for, all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ServedGoal {
    /// At least this share of the requests per second of this peer.
    pub(crate) rate: (f64, Peer),
    /// At most this multiple of the baseline's 99th percentile.
    pub(crate) p99: f64,
    /// At most this multiple of the baseline's CPU time of a request.
    pub(crate) cpu: Option<f64>,
}

/// One part of a goal, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) ratio: f64,
    pub(crate) limit: f64,
    pub(crate) reached: bool,
}

impl Verdict {
    fn at_least(what: String, ratio: Spread, limit: f64) -> Self {
        let ratio = ratio.median;
        Self {
            what,
            ratio,
            limit,
            reached: ratio >= limit,
        }
    }

    fn at_most(what: String, ratio: Spread, limit: f64) -> Self {
        let verdict = Self::at_least(what, ratio, limit);
        Self {
            reached: verdict.ratio <= limit,
            ..verdict
        }
    }
}

/// What weftwork reached of its goal, as far as those were measured with whom it is compared.
pub(crate) fn verdicts(outcome: &Outcome, goal: ServedGoal, own: &PeerOutcome) -> Vec<Verdict> {
    let baseline = outcome.row.baseline;
    let of = |what: &str, peer: Peer| format!("{what} to {}", peer.name());
    let (limit, peer) = goal.rate;
    let rate = outcome.paired(own, peer, rate);
    let p99 = outcome.paired(own, baseline, p99);
    let cpu = outcome.paired(own, baseline, cpu);
    let verdicts = [
        rate.map(|ratio| Verdict::at_least(of("rate", peer), ratio, limit)),
        p99.map(|ratio| Verdict::at_most(of("p99", baseline), ratio, goal.p99)),
        cpu.zip(goal.cpu)
            .map(|(ratio, limit)| Verdict::at_most(of("cpu", baseline), ratio, limit)),
    ];
    verdicts.into_iter().flatten().collect()
}

/// Up to a factor that all samples of a row share.
fn rate(sample: &Sample) -> Option<f64> {
    Some(1.0 / sample.wall.as_secs_f64())
}

fn cpu(sample: &Sample) -> Option<f64> {
    Some(sample.cpu.as_secs_f64())
}

fn p99(sample: &Sample) -> Option<f64> {
    sample.latency.map(|latency| latency.p99.as_secs_f64())
}

pub(crate) fn heading(baseline: Peer) -> String {
    let ratio = format!("to {}", baseline.name());
    format!(
        "  {:9} {:>9}  {:<18} {:<18} {:>8} {:>6} {:>9} {:>9} {:>6}\n",
        "", "req/s", "min..max", ratio, "cpu", "cores", "p50", "p99", "least"
    )
}

/// The line of a peer; none if it has not served.
pub(crate) fn line(outcome: &Outcome, peer: &PeerOutcome) -> Option<String> {
    let ops = outcome.ops as f64;
    let of =
        |figure: fn(&Sample) -> Option<f64>| Spread::of(peer.samples.iter().filter_map(figure));
    let rate = of(rate)?;
    let ratio = outcome.paired(peer, outcome.row.baseline, self::rate);
    let p50 = median(peer, Percentile::P50)?;
    let p99 = median(peer, Percentile::P99)?;
    let served = peer.samples.iter().filter_map(|sample| sample.served);
    let least = Spread::of(served.map(|s| (s.least * s.connections) as f64))?;
    Some(format!(
        "  {:9} {:>9}  {:<18} {:<18} {:>8} {:>6.2} {:>9} {:>9} {:>4.0} %\n",
        peer.peer.name(),
        thousands(rate.median * ops),
        format!(
            "{}..{}",
            thousands(rate.min * ops),
            thousands(rate.max * ops)
        ),
        ratio.map(|ratio| ratio.to_string()).unwrap_or_default(),
        duration(outcome.cpu(peer)?.median),
        peer.cores()?.median,
        duration(p50),
        duration(p99),
        100.0 * least.median / ops,
    ))
}

/// What weftwork reached, in a line.
pub(crate) fn goal_line(verdicts: &[Verdict]) -> String {
    let parts = verdicts.iter().map(|verdict| {
        let Verdict {
            what,
            ratio,
            limit,
            reached,
        } = verdict;
        let bound = if what.starts_with("rate") { ">=" } else { "<=" };
        let word = if *reached { "reached" } else { "missed" };
        format!("{what} {ratio:.2}, {bound} {limit:.2} {word}")
    });
    let parts: Vec<String> = parts.collect();
    format!("  goal: {}\n", parts.join("; "))
}

/// `152.1k`
fn thousands(figure: f64) -> String {
    format!("{:.1}k", figure / 1e3)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::latency::Latency;
    use crate::row::Goal;
    use crate::rows;
    use crate::suite::tests::outcome;

    const GOAL: ServedGoal = ServedGoal {
        rate: (0.97, Peer::Floor),
        p99: 1.0,
        cpu: Some(1.0),
    };

    /// As [`outcome`], with latencies: a 99th percentile of a tenth of the time of all.
    pub(crate) fn served(times: &[(Peer, &[u64])]) -> Outcome {
        let mut outcome = outcome(times);
        for sample in outcome.peers.iter_mut().flat_map(|peer| &mut peer.samples) {
            sample.served = Some(Served {
                connections: 10,
                least: 90,
            });
            sample.latency = Some(Latency {
                p50: sample.wall / 20,
                p99: sample.wall / 10,
                max: sample.wall,
            });
        }
        outcome
    }

    #[test]
    fn every_part_of_a_goal_is_judged_by_its_own_peer() {
        let outcome = served(&[
            (Peer::Weftwork, &[100, 50]),
            (Peer::Tokio, &[80, 40]),
            (Peer::Floor, &[98, 49]),
        ]);
        let verdicts = verdicts(&outcome, GOAL, &outcome.peers[0]);
        let summary: Vec<_> = verdicts
            .iter()
            .map(|v| (v.what.as_str(), v.reached))
            .collect();
        assert_eq!(
            summary,
            [
                ("rate to floor", true),
                ("p99 to tokio", false),
                ("cpu to tokio", false)
            ]
        );
        assert!((verdicts[1].ratio - 1.25).abs() < 1e-9, "{verdicts:?}");
        let line = goal_line(&verdicts);
        assert!(
            line.contains("rate to floor 0.98, >= 0.97 reached"),
            "{line}"
        );
        assert!(line.contains("p99 to tokio 1.25, <= 1.00 missed"), "{line}");
    }

    #[test]
    fn whom_nobody_measured_judges_nothing() {
        let outcome = served(&[(Peer::Weftwork, &[100]), (Peer::Floor, &[98])]);
        let verdicts = verdicts(&outcome, GOAL, &outcome.peers[0]);
        assert_eq!(verdicts.len(), 1);
    }

    #[test]
    fn a_line_has_rate_ratio_latency_and_fairness() {
        let outcome = served(&[(Peer::Weftwork, &[10_000]), (Peer::Tokio, &[20_000])]);
        let line = line(&outcome, &outcome.peers[0]).unwrap();
        // A thousand requests in 10 ms.
        for part in [
            "100.0k",
            "2.00 (2.00..2.00)",
            "500.0 us",
            "1000.0 us",
            "90 %",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn only_rows_with_servers_have_such_goals() {
        for row in rows::ALL {
            let is_served = row.name.starts_with("tcp") || row.name.starts_with("hyper");
            assert_eq!(matches!(row.goal, Some(Goal::Served(_))), is_served);
        }
    }
}
