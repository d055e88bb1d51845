//! The benchmark suite of weftwork: the same small workloads on weftwork and on its peers, side by
//! side, as ratios.
//!
//! The program starts itself once for every measurement (see [`child`]), so one process holds one
//! runtime. `README.md` of this folder says how to run it and how to add a row.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command-line program"
)]

mod args;
mod channels;
mod chart;
mod child;
mod clock;
mod compare;
mod json;
mod latency;
mod machine;
mod row;
mod rows;
mod runtimes;
mod served;
#[cfg(target_os = "linux")]
mod sockets;
mod stats;
mod suite;
mod table;

use std::process::ExitCode;
use std::{env, fs};

use args::{Command, Options};
use row::Scale;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = match args::parse(env::args().skip(1)) {
        Ok(Command::Help) => {
            println!("{}", args::help());
            Ok(())
        }
        Ok(Command::Measure(request)) => child::measure(&request),
        #[cfg(target_os = "linux")]
        Ok(Command::Serve(server)) => server.run(),
        Ok(Command::Compare(old, new)) => compare(&old, &new),
        Ok(Command::Suite(options)) => run_suite(&options),
        Err(message) => Err(format!("{message} (--help lists the options)")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("weftwork-benches: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what differs between two files that `--json` wrote.
fn compare(old: &str, new: &str) -> Result<(), String> {
    let read = |path: &str| {
        fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
    };
    print!("{}", compare::render(&read(old)?, &read(new)?)?);
    Ok(())
}

/// Runs the rows, prints the table, writes the files that were asked for.
fn run_suite(options: &Options) -> Result<(), String> {
    let facts = machine::facts();
    for (name, value) in &facts {
        println!("{name}: {value}");
    }
    println!();

    let outcomes = suite::run(options)?;
    if options.scale == Scale::Smoke {
        print!("{}", table::render_smoke(&outcomes));
    } else {
        print!("{}", table::render(&outcomes));
    }
    if let Some(path) = &options.json {
        let text = json::render(options, &facts, &outcomes);
        fs::write(path, text).map_err(|error| format!("cannot write {path}: {error}"))?;
    }
    if let Some(path) = &options.svg {
        let text = chart::render(&outcomes);
        fs::write(path, text).map_err(|error| format!("cannot write {path}: {error}"))?;
    }

    let failures = suite::failures(&outcomes);
    if failures.is_empty() {
        Ok(())
    } else {
        Err(format!("failed:\n  {}", failures.join("\n  ")))
    }
}
