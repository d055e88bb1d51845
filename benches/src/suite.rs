//! The rounds: who runs when, and what comes out.

use std::io::{self, IsTerminal};

use crate::args::{Options, Request};
use crate::child;
use crate::clock::Sample;
use crate::row::{Goal, Peer, Row};
use crate::served::verdicts;
use crate::stats::Spread;

/// All samples of one row.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) row: &'static Row,
    pub(crate) ops: u64,
    pub(crate) peers: Vec<PeerOutcome>,
}

/// One peer's samples, one a round. After a failure there are no more.
#[derive(Debug)]
pub(crate) struct PeerOutcome {
    pub(crate) peer: Peer,
    pub(crate) samples: Vec<Sample>,
    pub(crate) failure: Option<String>,
}

/// One round measures every row once with every peer, so that a slow minute of the machine strikes
/// all of them.
pub(crate) fn run(options: &Options) -> Result<Vec<Outcome>, String> {
    let mut outcomes: Vec<Outcome> = options
        .rows
        .iter()
        .map(|row| Outcome::new(row, options))
        .collect();
    if outcomes.iter().all(|outcome| outcome.peers.is_empty()) {
        return Err("none of these peers takes part in these rows".to_owned());
    }
    for round in 0..options.rounds {
        for outcome in &mut outcomes {
            progress(options, round, outcome.row.name);
            for place in order(outcome.peers.len(), round) {
                outcome.measure(place, options);
            }
        }
    }
    if io::stderr().is_terminal() {
        eprintln!();
    }
    Ok(outcomes)
}

/// A line that the next one overwrites, for a person who waits.
fn progress(options: &Options, round: usize, row: &str) {
    if io::stderr().is_terminal() {
        eprint!("\rround {} of {}: {row:20}", round + 1, options.rounds);
    }
}

/// The order of the peers in a round: each is first equally often, and every second lap is
/// backwards, so that a peer does not always follow the same one.
fn order(peers: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..peers).collect();
    if peers > 0 {
        order.rotate_left(round % peers);
        if (round / peers) % 2 == 1 {
            order.reverse();
        }
    }
    order
}

/// What went wrong, one line each.
pub(crate) fn failures(outcomes: &[Outcome]) -> Vec<String> {
    let mut lines = Vec::new();
    for outcome in outcomes {
        for peer in &outcome.peers {
            if let Some(failure) = &peer.failure {
                let (row, peer) = (outcome.row.name, peer.peer.name());
                lines.push(format!("{row} on {peer}: {failure}"));
            }
        }
    }
    lines
}

impl Outcome {
    fn new(row: &'static Row, options: &Options) -> Self {
        let chosen = row.peers.iter().map(|(peer, _)| *peer);
        let chosen = chosen.filter(|peer| options.peers.contains(peer));
        Self {
            row,
            ops: row.ops(options.scale),
            peers: chosen.map(PeerOutcome::new).collect(),
        }
    }

    fn measure(&mut self, place: usize, options: &Options) {
        let outcome = &mut self.peers[place];
        if outcome.failure.is_some() {
            return;
        }
        let request = Request {
            row: self.row,
            peer: outcome.peer,
            ops: self.ops,
            workers: options.workers,
        };
        match child::sample(&request, options.scale.limit()) {
            Ok(sample) => outcome.samples.push(sample),
            Err(failure) => outcome.failure = Some(failure),
        }
    }

    /// The cost of one operation in the row's unit. `None` also where the system does not tell.
    pub(crate) fn cost(&self, peer: &PeerOutcome) -> Option<Spread> {
        Spread::of(peer.samples.iter().filter_map(|s| self.cost_of(s)))
    }

    /// The CPU time of one operation on all cores, in nanoseconds.
    pub(crate) fn cpu(&self, peer: &PeerOutcome) -> Option<Spread> {
        let ops = self.ops as f64;
        Spread::of(peer.samples.iter().map(|s| s.cpu.as_nanos() as f64 / ops))
    }

    /// The cost relative to the baseline's of the same round.
    pub(crate) fn ratio(&self, peer: &PeerOutcome) -> Option<Spread> {
        self.paired(peer, self.row.baseline, |sample| self.cost_of(sample))
    }

    fn cost_of(&self, sample: &Sample) -> Option<f64> {
        sample.cost(self.row.unit, self.ops)
    }

    /// Some figure relative to that of another peer in the same round; none where that is zero.
    pub(crate) fn paired(
        &self,
        peer: &PeerOutcome,
        other: Peer,
        figure: impl Fn(&Sample) -> Option<f64>,
    ) -> Option<Spread> {
        let other = self.peers.iter().find(|outcome| outcome.peer == other)?;
        let pairs = peer.samples.iter().zip(&other.samples);
        let ratios = pairs.filter_map(|(own, other)| Some(figure(own)? / figure(other)?));
        Spread::of(ratios.filter(|ratio| ratio.is_finite()))
    }

    /// Whether the goal is reached, for the peer that has one.
    pub(crate) fn reached(&self, peer: &PeerOutcome) -> Option<(Goal, bool)> {
        let goal = self.row.goal.filter(|_| peer.peer == Peer::Weftwork)?;
        let reached = match goal {
            Goal::Ratio(limit) => self.ratio(peer)?.median <= limit,
            Goal::Cost(limit) => self.cost(peer)?.median <= limit,
            Goal::Served(parts) => verdicts(self, parts, peer).iter().all(|part| part.reached),
        };
        Some((goal, reached))
    }
}

impl PeerOutcome {
    fn new(peer: Peer) -> Self {
        Self {
            peer,
            samples: Vec::new(),
            failure: None,
        }
    }

    /// How many cores were busy.
    pub(crate) fn cores(&self) -> Option<Spread> {
        let busy = |s: &Sample| s.cpu.div_duration_f64(s.wall);
        Spread::of(self.samples.iter().map(busy))
    }

    /// True where a row that should keep several cores busy got only one.
    pub(crate) fn starved(&self, row: &Row) -> bool {
        let one_core = self.cores().is_some_and(|cores| cores.median < 1.1);
        row.parallel && self.peer != Peer::Floor && one_core
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rows;
    use std::time::Duration;

    /// Row `spawn_join` of 1000 operations with these wall times in microseconds.
    pub(crate) fn outcome(times: &[(Peer, &[u64])]) -> Outcome {
        let sample = |micros: &u64| Sample {
            wall: Duration::from_micros(*micros),
            cpu: Duration::from_micros(micros * 2),
            counted: None,
            latency: None,
            served: None,
            checksum: 0,
        };
        let peer = |(peer, times): &(Peer, &[u64])| PeerOutcome {
            samples: times.iter().map(sample).collect(),
            ..PeerOutcome::new(*peer)
        };
        Outcome {
            row: rows::ALL[0],
            ops: 1000,
            peers: times.iter().map(peer).collect(),
        }
    }

    #[test]
    fn every_peer_is_first_equally_often_and_all_run_in_every_round() {
        let mut first = [0; 3];
        for round in 0..6 {
            let mut order = order(3, round);
            first[order[0]] += 1;
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2]);
        }
        assert_eq!(first, [2, 2, 2]);
        assert_ne!(order(3, 0), order(3, 3), "the second lap is backwards");
    }

    #[test]
    fn ratios_pair_the_samples_of_a_round() {
        // The machine was twice as slow in the second round and ten times in the third.
        let outcome = outcome(&[
            (Peer::Weftwork, &[50, 100, 500]),
            (Peer::Tokio, &[100, 200, 1000]),
        ]);
        let ratio = outcome.ratio(&outcome.peers[0]).unwrap();
        assert_eq!((ratio.min, ratio.median, ratio.max), (0.5, 0.5, 0.5));
        assert_eq!(outcome.cost(&outcome.peers[0]).unwrap().median, 100.0);
        assert_eq!(outcome.cpu(&outcome.peers[0]).unwrap().median, 200.0);
        assert_eq!(outcome.peers[0].cores().unwrap().median, 2.0);
    }

    #[test]
    fn only_weftwork_has_a_goal_and_it_can_be_missed() {
        let outcome = outcome(&[(Peer::Weftwork, &[50]), (Peer::Tokio, &[100])]);
        assert_eq!(
            outcome.reached(&outcome.peers[0]),
            Some((Goal::Ratio(0.30), false))
        );
        assert_eq!(outcome.reached(&outcome.peers[1]), None);
    }

    #[test]
    fn without_the_baseline_there_is_no_ratio() {
        let outcome = outcome(&[(Peer::Weftwork, &[50]), (Peer::Smol, &[100])]);
        assert_eq!(outcome.ratio(&outcome.peers[0]), None);
    }

    #[test]
    fn one_core_where_two_should_be_busy_is_noticed() {
        let mut outcome = outcome(&[(Peer::Tokio, &[100, 100, 100])]);
        assert!(!outcome.peers[0].starved(outcome.row));
        for sample in &mut outcome.peers[0].samples {
            sample.cpu = sample.wall;
        }
        assert!(outcome.peers[0].starved(outcome.row));
    }
}
