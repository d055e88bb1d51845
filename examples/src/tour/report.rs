//! What the tour says while it goes on, and the table at its end.

use crate::catalogue::Program;
use crate::child::Outcome;
use std::io::{self, Write};

/// How the modes are called, in the order of the outcomes.
const MODES: [&str; 2] = ["workers", "local"];

fn is_ok(outcome: &Outcome) -> &'static str {
    if outcome.failure.is_none() {
        "ok"
    } else {
        "FAILED"
    }
}

/// One line for a program that has run, and what was wrong.
pub(crate) fn progress(n: usize, of: usize, program: &Program, outcomes: [&Outcome; 2]) {
    let modes = MODES.iter().zip(outcomes).map(|(mode, outcome)| {
        let wall = outcome.wall.as_secs_f64();
        format!("{mode} {} ({wall:.2} s)", is_ok(outcome))
    });
    let modes = modes.collect::<Vec<_>>().join(", ");
    println!("[{n:2}/{of}] {:26} {modes}", program.name);
    for (mode, outcome) in MODES.iter().zip(outcomes) {
        if let Some(failure) = &outcome.failure {
            println!("    {mode}: {}", failure.replace('\n', "\n    "));
        }
    }
    // Progress is to be seen at once, also through a pipe.
    let _ = io::stdout().flush();
}

/// The table of all programs.
pub(crate) fn table(visits: &[(&Program, [Outcome; 2])]) {
    println!(
        "\n{:26} {:44} {:>9} {:>9}  ok",
        "program", "shows", MODES[0], MODES[1]
    );
    for (program, outcomes) in visits {
        let [workers, local] = outcomes
            .each_ref()
            .map(|outcome| outcome.wall.as_secs_f64());
        let failed = MODES
            .iter()
            .zip(outcomes)
            .filter(|(_, o)| o.failure.is_some());
        let failed: Vec<_> = failed.map(|(mode, _)| *mode).collect();
        let ok = if failed.is_empty() {
            "ok".to_owned()
        } else {
            format!("FAILED ({})", failed.join(", "))
        };
        println!(
            "{:26} {:44} {workers:7.2} s {local:7.2} s  {ok}",
            program.name, program.shows
        );
    }
}
