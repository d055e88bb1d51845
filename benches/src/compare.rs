//! What a change did: the figures of two runs of the suite side by side.
//!
//! Compared are weftwork's ratios to its baseline, for the machine may have been slower the other time;
//! where a row has none, its costs.

use serde_json::Value;

use crate::row::Peer;
use crate::stats::Spread;

/// A table of the rows that both runs have. The texts are what `--json` wrote.
pub(crate) fn render(old: &str, new: &str) -> Result<String, String> {
    let (old, new) = (rows_of(old, "the first")?, rows_of(new, "the second")?);
    let pairs = new.iter().filter_map(|new| {
        let old = old.iter().find(|old| old.name == new.name)?;
        old.is_ratio.eq(&new.is_ratio).then_some((old, new))
    });
    let lines: Vec<String> = pairs.map(|(old, new)| line(old, new)).collect();
    if lines.is_empty() {
        return Err("the two files have no row in common".to_owned());
    }
    let heading = format!(
        "{:18} {:<24} {:<24} {:>8}\n",
        "weftwork", "before", "after", "change"
    );
    Ok(heading + &lines.concat())
}

/// What weftwork had on a row.
struct Figure {
    name: String,
    is_ratio: bool,
    spread: Spread,
}

fn rows_of(text: &str, which: &str) -> Result<Vec<Figure>, String> {
    let document: Value = serde_json::from_str(text)
        .map_err(|error| format!("{which} file is not what --json writes: {error}"))?;
    let rows = document["rows"]
        .as_array()
        .ok_or_else(|| format!("{which} file has no rows: it is not what --json writes"))?;
    Ok(rows.iter().filter_map(figure).collect())
}

/// None where weftwork took no part, or failed.
fn figure(row: &Value) -> Option<Figure> {
    let peers = row["peers"].as_array()?;
    let own = peers
        .iter()
        .find(|peer| peer["peer"] == Peer::Weftwork.name())?;
    let (ratio, cost) = (spread(&own["ratio"]), spread(&own["cost_per_op"]));
    Some(Figure {
        name: row["row"].as_str()?.to_owned(),
        is_ratio: ratio.is_some(),
        spread: ratio.or(cost)?,
    })
}

fn spread(value: &Value) -> Option<Spread> {
    let of = |name: &str| value[name].as_f64();
    Some(Spread {
        median: of("median")?,
        min: of("min")?,
        max: of("max")?,
    })
}

/// Where each median lies in the range of the other run nothing can be said.
fn line(old: &Figure, new: &Figure) -> String {
    let (before, after) = (old.spread, new.spread);
    let holds = |range: Spread, median: f64| (range.min..=range.max).contains(&median);
    let change = if holds(before, after.median) && holds(after, before.median) {
        "draw".to_owned()
    } else {
        format!("{:+.0} %", 100.0 * (after.median / before.median - 1.0))
    };
    let (name, before, after) = (&new.name, before.to_string(), after.to_string());
    format!("{name:18} {before:<24} {after:<24} {change:>8}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, parse};
    use crate::json;
    use crate::suite::tests::outcome;

    fn run(own: &[u64], tokio: &[u64]) -> String {
        let Ok(Command::Suite(options)) = parse(std::iter::empty()) else {
            panic!("no arguments are fine");
        };
        let outcome = outcome(&[(Peer::Weftwork, own), (Peer::Tokio, tokio)]);
        json::render(&options, &[], &[outcome])
    }

    #[test]
    fn a_change_is_one_of_the_ratio() {
        // The machine is twice as slow the second time.
        let (old, new) = (run(&[50, 52], &[100, 100]), run(&[50, 52], &[200, 200]));
        let text = render(&old, &new).unwrap();
        assert!(text.contains("spawn_join"), "{text}");
        assert!(text.contains("-50 %"), "{text}");
        assert!(render(&new, &old).unwrap().contains("+100 %"));
    }

    #[test]
    fn what_lies_within_the_other_range_is_a_draw() {
        let (old, new) = (run(&[50, 60], &[100, 100]), run(&[52, 59], &[100, 100]));
        assert!(render(&old, &new).unwrap().contains("draw"));
    }

    #[test]
    fn without_a_baseline_costs_are_compared() {
        let (old, new) = (run(&[50, 50], &[]), run(&[75, 75], &[]));
        assert!(render(&old, &new).unwrap().contains("+50 %"));
    }

    #[test]
    fn other_files_are_refused() {
        let fine = run(&[50], &[100]);
        for other in ["", "{}", "[1]", "{\"rows\": []}"] {
            assert!(render(&fine, other).is_err(), "{other}");
            assert!(render(other, &fine).is_err(), "{other}");
        }
    }
}
