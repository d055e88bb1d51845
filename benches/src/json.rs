//! All figures as JSON.

use serde_json::{Map, Value, json};

use crate::args::Options;
use crate::clock::Sample;
use crate::latency::Latency;
use crate::machine::Fact;
use crate::row::Goal;
use crate::served::Served;
use crate::stats::Spread;
use crate::suite::{Outcome, PeerOutcome};

pub(crate) fn render(options: &Options, facts: &[Fact], outcomes: &[Outcome]) -> String {
    let facts = facts
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)));
    let document = json!({
        "machine": facts.collect::<Map<_, _>>(),
        "workers": options.workers,
        "rounds": options.rounds,
        "rows": outcomes.iter().map(row).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn row(outcome: &Outcome) -> Value {
    let peers = outcome.peers.iter();
    json!({
        "row": outcome.row.name,
        "about": outcome.row.about,
        "ops": outcome.ops,
        "unit": outcome.row.unit.name(),
        "baseline": outcome.row.baseline.name(),
        "goal": outcome.row.goal.map(goal),
        "peers": peers.map(|of| peer(outcome, of)).collect::<Vec<_>>(),
    })
}

fn peer(outcome: &Outcome, peer: &PeerOutcome) -> Value {
    json!({
        "peer": peer.peer.name(),
        "failure": peer.failure,
        "cost_per_op": outcome.cost(peer).map(spread),
        "cpu_ns_per_op": outcome.cpu(peer).map(spread),
        "cores_busy": peer.cores().map(spread),
        "ratio": outcome.ratio(peer).map(spread),
        "goal_reached": outcome.reached(peer).map(|(_, reached)| reached),
        "samples": peer.samples.iter().map(sample).collect::<Vec<_>>(),
    })
}

fn goal(goal: Goal) -> Value {
    match goal {
        Goal::Ratio(limit) => json!({ "ratio": limit }),
        Goal::Cost(limit) => json!({ "cost_per_op": limit }),
        Goal::Served(parts) => json!({
            "rate": parts.rate.0,
            "rate_of": parts.rate.1.name(),
            "p99": parts.p99,
            "cpu": parts.cpu,
        }),
    }
}

fn spread(spread: Spread) -> Value {
    json!({ "median": spread.median, "min": spread.min, "max": spread.max })
}

fn sample(sample: &Sample) -> Value {
    json!({
        "wall_s": sample.wall.as_secs_f64(),
        "cpu_s": sample.cpu.as_secs_f64(),
        "counted": sample.counted,
        "latency": sample.latency.map(latency),
        "served": sample.served.map(served),
    })
}

fn served(served: Served) -> Value {
    json!({
        "connections": served.connections,
        "least": served.least,
    })
}

fn latency(latency: Latency) -> Value {
    json!({
        "p50_s": latency.p50.as_secs_f64(),
        "p99_s": latency.p99.as_secs_f64(),
        "max_s": latency.max.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, parse};
    use crate::row::Peer;
    use crate::suite::tests::outcome;

    #[test]
    fn figures_can_be_read_back() {
        let Ok(Command::Suite(options)) = parse(std::iter::empty()) else {
            panic!("no arguments are fine");
        };
        let outcome = outcome(&[(Peer::Smol, &[50, 150]), (Peer::Tokio, &[100, 100])]);
        let text = render(&options, &[("rustc", "1.0 \"x\"".to_owned())], &[outcome]);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["machine"]["rustc"], "1.0 \"x\"");
        let smol = &value["rows"][0]["peers"][0];
        assert_eq!(smol["peer"], "smol");
        assert_eq!(
            smol["ratio"],
            json!({ "median": 1.0, "min": 0.5, "max": 1.5 })
        );
        assert_eq!(value["rows"][0]["unit"], "ns");
        assert_eq!(value["rows"][0]["goal"]["ratio"], 0.30);
        assert_eq!(smol["cost_per_op"]["max"], 150.0);
        assert_eq!(smol["samples"][1]["wall_s"], 0.000_15);
        assert_eq!(smol["samples"][1]["counted"], Value::Null);
        assert_eq!(smol["failure"], Value::Null);
    }
}
