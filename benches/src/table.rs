//! The table on standard output.

use crate::latency;
use crate::row::{Goal, Unit};
use crate::served::{self, goal_line, verdicts};
use crate::suite::{Outcome, PeerOutcome};

const STARVED: &str = "\
! about one core was busy on a row that should use several: if that is so for every peer, the
  machine was not idle, and the figures are of no use\n";

pub(crate) fn render(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    let mut starved = false;
    for outcome in outcomes.iter().filter(|outcome| !outcome.peers.is_empty()) {
        let (row, ops) = (outcome.row, outcome.ops);
        text += &format!("{}: {} ({ops} measured)\n", row.name, row.about);
        text += &heading(outcome);
        for peer in &outcome.peers {
            starved |= peer.starved(row);
            text += &line(outcome, peer);
        }
        text += &goals_of_served(outcome);
        text.push('\n');
    }
    if starved {
        text += STARVED;
    }
    text
}

/// Who got each row right. The times of so little work say nothing.
pub(crate) fn render_smoke(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        text += &format!("{}:", outcome.row.name);
        for peer in &outcome.peers {
            let verdict = if peer.failure.is_some() {
                "FAILED"
            } else {
                "ok"
            };
            text += &format!(" {} {verdict}", peer.peer.name());
        }
        text.push('\n');
    }
    text
}

fn heading(outcome: &Outcome) -> String {
    let (baseline, is_served) = (outcome.row.baseline, is_served(outcome));
    if is_served {
        return served::heading(baseline);
    }
    if let Unit::Latency(percentile) = outcome.row.unit {
        return latency::heading(baseline, percentile);
    }
    let ratio = format!("to {}", baseline.name());
    format!(
        "  {:9} {:>9}  {:<20} {:>9} {:>6}  {ratio:<22} goal\n",
        "", "median", "min..max", "cpu", "cores"
    )
}

fn is_served(outcome: &Outcome) -> bool {
    matches!(outcome.row.goal, Some(Goal::Served(_)))
}

/// A line for a goal of several parts.
fn goals_of_served(outcome: &Outcome) -> String {
    let lines = outcome.peers.iter().filter_map(|peer| {
        let (Goal::Served(goal), _) = outcome.reached(peer)? else {
            return None;
        };
        let verdicts = verdicts(outcome, goal, peer);
        (!verdicts.is_empty()).then(|| goal_line(&verdicts))
    });
    lines.collect()
}

fn line(outcome: &Outcome, peer: &PeerOutcome) -> String {
    let name = peer.peer.name();
    if let Some(failure) = &peer.failure {
        return format!("  {name:9} FAILED: {failure}\n");
    }
    if is_served(outcome) {
        return served::line(outcome, peer).unwrap_or_default();
    }
    if matches!(outcome.row.unit, Unit::Latency(_)) {
        return latency::line(outcome, peer).unwrap_or_default();
    }
    let (Some(cost), Some(cpu), Some(cores)) =
        (outcome.cost(peer), outcome.cpu(peer), peer.cores())
    else {
        return format!("  {name:9} not measured: this system does not tell\n");
    };
    let show = |cost| figure(outcome.row.unit, cost);
    let mark = if peer.starved(outcome.row) { '!' } else { ' ' };
    let line = format!(
        "  {name:9} {:>9}  {:<20} {:>9} {:>5.2}{mark}  {:<22} {}",
        show(cost.median),
        format!("{}..{}", show(cost.min), show(cost.max)),
        duration(cpu.median),
        cores.median,
        outcome
            .ratio(peer)
            .map(|ratio| ratio.to_string())
            .unwrap_or_default(),
        goal(outcome, peer),
    );
    format!("{}\n", line.trim_end())
}

/// The goal, and whether it is reached.
pub(crate) fn goal(outcome: &Outcome, peer: &PeerOutcome) -> String {
    let Some((goal, reached)) = outcome.reached(peer) else {
        return String::new();
    };
    let limit = match goal {
        Goal::Ratio(limit) => format!("{limit:.2}"),
        Goal::Cost(limit) => figure(outcome.row.unit, limit),
        Goal::Served(_) => return String::new(),
    };
    let verdict = if reached { "reached" } else { "missed" };
    format!("<= {limit} {verdict}")
}

fn figure(unit: Unit, cost: f64) -> String {
    match unit {
        Unit::Time | Unit::Cpu | Unit::Latency(_) => duration(cost),
        Unit::Bytes => format!("{cost:.1} B"),
        Unit::Wakeups => format!("{cost:.1} /s"),
    }
}

/// Nanoseconds with three or four digits and a unit.
pub(crate) fn duration(nanos: f64) -> String {
    match nanos {
        ..100.0 => format!("{nanos:.1} ns"),
        ..10_000.0 => format!("{nanos:.0} ns"),
        ..10_000_000.0 => format!("{:.1} us", nanos / 1e3),
        _ => format!("{:.1} ms", nanos / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Peer;
    use crate::rows::idle_memory;
    use crate::suite::tests::outcome;
    use std::slice;

    #[test]
    fn the_table_has_figures_ratios_and_the_goal() {
        let outcome = outcome(&[
            (Peer::Weftwork, &[20, 25, 30]),
            (Peer::Tokio, &[100, 100, 100]),
        ]);
        let text = render(&[outcome]);
        let line = text.lines().find(|line| line.contains("weftwork")).unwrap();
        for part in [
            "25.0 ns",
            "20.0 ns..30.0 ns",
            "0.25 (0.20..0.30)",
            "<= 0.30 reached",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(!text.contains('!'), "{text}");
    }

    #[test]
    fn a_failure_hides_the_figures() {
        let mut outcome = outcome(&[(Peer::Tokio, &[100])]);
        outcome.peers[0].failure = Some("it hangs".to_owned());
        let text = render(&[outcome]);
        assert!(text.contains("tokio     FAILED: it hangs"), "{text}");
        assert!(!text.contains("100 ns"), "{text}");
    }

    #[test]
    fn a_row_of_bytes_shows_bytes_or_that_there_are_none() {
        let mut outcome = outcome(&[(Peer::Weftwork, &[100]), (Peer::Tokio, &[100])]);
        outcome.row = &idle_memory::ROW;
        outcome.peers[0].samples[0].counted = Some(30_000);
        outcome.peers[1].samples[0].counted = Some(120_000);
        let line = "weftwork     30.0 B  30.0 B..30.0 B";
        let text = render(slice::from_ref(&outcome));
        assert!(text.contains(line), "{text}");
        let verdict = "0.25 (0.25..0.25)      <= 120.0 B reached";
        assert!(text.contains(verdict), "{text}");

        outcome.peers[0].samples[0].counted = Some(120_100);
        let text = render(slice::from_ref(&outcome));
        assert!(text.contains("<= 120.0 B missed"), "{text}");

        outcome.peers[1].samples[0].counted = None;
        let text = render(&[outcome]);
        assert!(text.contains("tokio     not measured"), "{text}");
        assert!(text.contains("120.1 B") && !text.contains("1.00"), "{text}");
    }

    #[test]
    fn units_change_with_the_size() {
        let texts = [3.25, 212.0, 20_000.0, 5_060_000.0, 50_600_000.0].map(duration);
        assert_eq!(
            texts,
            ["3.2 ns", "212 ns", "20.0 us", "5060.0 us", "50.6 ms"]
        );
    }
}
