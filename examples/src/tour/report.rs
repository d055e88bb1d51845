//! What the tour says while it goes on, and the table at its end.

use crate::catalogue::Program;
use crate::child::{Outcome, SLOWLY};
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
        if let Some(first) = &outcome.first {
            let first = first.replace('\n', "\n    ");
            println!("    {mode}: run again at --scale {SLOWLY}, because at first\n    {first}");
        }
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

/// The last line; an error if any program failed in any mode.
pub(crate) fn verdict(visits: &[(&Program, [Outcome; 2])]) -> Result<String, String> {
    let has_failed = |(_, outcomes): &&(_, [Outcome; 2])| {
        let mut outcomes = outcomes.iter();
        outcomes.any(|outcome| outcome.failure.is_some())
    };
    let count = visits.len();
    match visits.iter().filter(has_failed).count() {
        0 => Ok(format!("all {count} programs print what CPython printed")),
        failed => Err(format!(
            "{failed} of {count} programs failed or printed something unexpected"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::PROGRAMS;
    use std::time::Duration;

    fn visit(n: usize, failures: [Option<&str>; 2]) -> (&'static Program, [Outcome; 2]) {
        let outcomes = failures.map(|failure| Outcome {
            wall: Duration::ZERO,
            failure: failure.map(str::to_owned),
            first: None,
        });
        (&PROGRAMS[n], outcomes)
    }

    #[test]
    fn one_failure_in_one_mode_fails_the_tour() {
        let good = || visit(0, [None, None]);
        assert!(verdict(&[good(), good()]).is_ok());
        for failures in [[Some("it hangs"), None], [None, Some("line 1")]] {
            let text = verdict(&[good(), visit(1, failures)]).unwrap_err();
            assert!(text.starts_with("1 of 2 programs failed"), "{text}");
        }
    }
}
