//! `cargo xtask loom`: every model has to pass.

use crate::args::Args;
use crate::jobs::parallel;
use crate::models::{self, Model, Outcome, Run};
use crate::{Result, table};
use std::time::{Duration, Instant};

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &[], &["timeout", "jobs"])?;
    let models = models::filter(models::build(&models::LOOM)?, &args.names)?;
    check(&models, args.timeout(600)?, args.jobs()?)?;
    Ok(())
}

/// Runs the models as they are and prints a table. All have to pass.
pub(crate) fn check(models: &[Model], limit: Duration, jobs: usize) -> Result<Vec<Run>> {
    let start = Instant::now();
    let runs: Result<Vec<Run>> = parallel(models, jobs, |model| model.run(None, limit))
        .into_iter()
        .collect();
    let runs = runs?;
    let counts = models.first().map_or("", |model| model.checker.counts);
    let mut rows = vec![
        ["model", "outcome", counts, "seconds"]
            .map(str::to_owned)
            .into(),
    ];
    rows.extend(models.iter().zip(&runs).map(|(model, run)| row(model, run)));
    print!("{}", table::layout(&rows));
    let elapsed = start.elapsed().as_secs_f64();
    println!("{} models in {elapsed:.1} s", models.len());
    let mut failures = String::new();
    for (model, run) in models.iter().zip(&runs) {
        if run.outcome != Outcome::Passed {
            failures.push_str(&format!("{} did not pass:\n{}\n", model.name, run.output));
        }
    }
    if failures.is_empty() {
        Ok(runs)
    } else {
        Err(failures)
    }
}

fn row(model: &Model, run: &Run) -> Vec<String> {
    let interleavings = run.interleavings.map(|count| count.to_string());
    vec![
        model.name.clone(),
        format!("{:?}", run.outcome).to_lowercase(),
        interleavings.unwrap_or_default(),
        format!("{:.2}", run.elapsed.as_secs_f64()),
    ]
}
