//! `cargo xtask weaken`: without any one of the tagged edges, some model has to fail.
//!
//! The models are built once; `WEFTWORK_WEAKEN=TAG` makes every ordering with that tag
//! `Relaxed` and every fence with it none. An edge that no model misses is either not needed or
//! not verified.

use crate::args::Args;
use crate::edges::{self, Edges, Site};
use crate::jobs::parallel;
use crate::models::{self, Model, Outcome, Run};
use crate::{Result, cargo, loom, table, verification};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The models with their runs on the code as it is, the fastest first.
struct Models {
    runs: Vec<(Model, Run)>,
    limit: Duration,
    rows: BTreeMap<String, verification::Row>,
}

/// What weakening an edge did.
#[derive(Debug, Default)]
struct Verdict {
    /// The model that failed, and its message.
    shown_by: Option<(String, String)>,
    timeouts: usize,
    /// Why the verdict counts as a failure although a model failed.
    complaint: Option<String>,
    elapsed: Duration,
}

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &[], &["timeout", "jobs"])?;
    let (limit, jobs) = (args.timeout(120)?, args.jobs()?);
    let edges = choose(edges::collect()?, &args.names)?;
    let models = baseline(limit, jobs)?;
    let edges: Vec<(String, Vec<Site>)> = edges.into_iter().collect();
    let verdicts: Result<Vec<Verdict>> = parallel(&edges, jobs, |(tag, _)| models.weaken(tag))
        .into_iter()
        .collect();
    report(&edges, &verdicts?)
}

/// The edges of these names; all if no name is given.
fn choose(mut edges: Edges, names: &[String]) -> Result<Edges> {
    if let Some(unknown) = names.iter().find(|name| !edges.contains_key(*name)) {
        let known: Vec<&str> = edges.keys().map(String::as_str).collect();
        return Err(format!(
            "no edge is tagged `{unknown}`: there are {known:?}"
        ));
    }
    edges.retain(|tag, _| names.is_empty() || names.contains(tag));
    if edges.is_empty() {
        return Err("no edge is tagged in crates/*/src".to_owned());
    }
    Ok(edges)
}

/// A model that fails by itself would show nothing, so all have to pass first.
fn baseline(limit: Duration, jobs: usize) -> Result<Models> {
    let models = models::build(&models::LOOM)?;
    println!("with every edge in place:");
    let runs = loom::check(&models, limit, jobs)?;
    let mut runs: Vec<(Model, Run)> = models.into_iter().zip(runs).collect();
    runs.sort_by_key(|(_, run)| run.elapsed);
    // `tidy` complains of a table that is not there; here it only says which model to try first.
    let rows = verification::rows(&cargo::read(verification::FILE).unwrap_or_default());
    Ok(Models { runs, limit, rows })
}

impl Models {
    /// Weakens an edge and runs the models, those of its row first, until one fails.
    fn weaken(&self, tag: &str) -> Result<Verdict> {
        let start = Instant::now();
        let is_named = |model: &Model| {
            let row = self.rows.get(tag);
            row.is_some_and(|row| row.names.iter().any(|name| model.is_called(name)))
        };
        let mut order: Vec<&(Model, Run)> = self.runs.iter().collect();
        order.sort_by_key(|(model, _)| !is_named(model));
        let names_any = order.first().is_some_and(|(model, _)| is_named(model));
        let mut verdict = Verdict::default();
        for (model, unweakened) in order {
            let run = model.run(Some(tag), self.limit)?;
            verdict.timeouts += usize::from(run.outcome == Outcome::TimedOut);
            if shows(&run, unweakened) {
                let how = run.panic.unwrap_or_else(|| "died".to_owned());
                if names_any && !is_named(model) {
                    let file = verification::FILE;
                    let complaint = format!("{file} names another model, which does not fail");
                    verdict.complaint = Some(complaint);
                }
                verdict.shown_by = Some((model.name.clone(), how));
                break;
            }
        }
        verdict.elapsed = start.elapsed();
        eprintln!("{tag}: {}", verdict.words());
        Ok(verdict)
    }
}

/// Whether a run with an edge weakened shows that the edge is needed. One that hangs does so
/// only if it has panicked, which it does not do by design.
fn shows(run: &Run, unweakened: &Run) -> bool {
    match run.outcome {
        Outcome::Failed => true,
        Outcome::TimedOut => run.panic.is_some() && unweakened.panic.is_none(),
        Outcome::Passed | Outcome::Killed | Outcome::Nothing => false,
    }
}

impl Verdict {
    fn is_failure(&self) -> bool {
        self.shown_by.is_none() || self.complaint.is_some()
    }

    fn words(&self) -> String {
        match (&self.shown_by, &self.complaint) {
            (Some((model, _)), Some(complaint)) => format!("{model}, but {complaint}"),
            (Some((model, _)), None) => model.clone(),
            (None, _) if self.timeouts > 0 => {
                format!(
                    "NOT SHOWN: none fails, {} hit the time limit (timeout)",
                    self.timeouts
                )
            }
            (None, _) => "SURVIVED: no model fails without it".to_owned(),
        }
    }
}

fn report(edges: &[(String, Vec<Site>)], verdicts: &[Verdict]) -> Result<()> {
    let heading = [
        "edge",
        "seconds",
        "model that fails without it",
        "how",
        "places",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for ((tag, sites), verdict) in edges.iter().zip(verdicts) {
        let how = verdict.shown_by.as_ref().map(|(_, how)| shortened(how));
        rows.push(vec![
            tag.clone(),
            format!("{:.2}", verdict.elapsed.as_secs_f64()),
            verdict.words(),
            how.unwrap_or_default(),
            places(sites),
        ]);
    }
    print!("{}", table::layout(&rows));
    let failures = verdicts
        .iter()
        .filter(|verdict| verdict.is_failure())
        .count();
    println!(
        "{} of {} edges are shown to be needed",
        edges.len() - failures,
        edges.len()
    );
    match failures {
        0 => Ok(()),
        _ => Err(format!("{failures} edges are not verified")),
    }
}

fn shortened(message: &str) -> String {
    message.chars().take(40).collect()
}

/// `path/file.rs:12,40 path/other.rs:7`
fn places(sites: &[Site]) -> String {
    let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for site in sites {
        let lines = lines.entry(&site.file).or_default();
        let line = site.line.to_string();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let files = lines
        .iter()
        .map(|(file, lines)| format!("{file}:{}", lines.join(",")));
    files.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(outcome: Outcome, panic: Option<&str>) -> Run {
        Run {
            outcome,
            elapsed: Duration::ZERO,
            interleavings: None,
            panic: panic.map(str::to_owned),
            output: String::new(),
        }
    }

    #[test]
    fn a_timeout_shows_something_only_after_an_unexpected_panic() {
        let quiet = ended(Outcome::Passed, None);
        let expects_a_panic = ended(Outcome::Passed, Some("as expected"));
        assert!(shows(&ended(Outcome::Failed, None), &quiet));
        assert!(shows(&ended(Outcome::TimedOut, Some("deadlock")), &quiet));
        assert!(!shows(
            &ended(Outcome::TimedOut, Some("deadlock")),
            &expects_a_panic
        ));
        assert!(!shows(&ended(Outcome::TimedOut, None), &quiet));
        assert!(!shows(&ended(Outcome::Killed, Some("x")), &quiet));
        assert!(!shows(&ended(Outcome::Nothing, None), &quiet));
    }

    #[test]
    fn an_edge_that_no_model_misses_fails_the_chore() {
        let site = |line| Site {
            file: "a.rs".to_owned(),
            line,
            order: "Release".to_owned(),
        };
        let edges = [("I1".to_owned(), vec![site(1), site(9), site(9)])];
        let mut verdict = Verdict::default();
        assert!(report(&edges, &[verdict]).unwrap_err().contains("1 edges"));
        verdict = Verdict {
            shown_by: Some(("m".to_owned(), "deadlock".to_owned())),
            ..Verdict::default()
        };
        assert!(!verdict.is_failure());
        assert_eq!(report(&edges, &[verdict]), Ok(()));
        assert_eq!(places(&edges[0].1), "a.rs:1,9");
    }

    #[test]
    fn unknown_names_and_an_empty_list_are_errors() {
        let edges = Edges::from([("I1".to_owned(), Vec::new()), ("I2".to_owned(), Vec::new())]);
        let chosen = choose(edges.clone(), &["I2".to_owned()]).unwrap();
        assert_eq!(chosen.into_keys().collect::<Vec<_>>(), ["I2"]);
        assert_eq!(choose(edges.clone(), &[]).unwrap().len(), 2);
        assert!(
            choose(edges, &["I3".to_owned()])
                .unwrap_err()
                .contains("\"I1\"")
        );
        assert!(choose(Edges::new(), &[]).is_err());
    }
}
