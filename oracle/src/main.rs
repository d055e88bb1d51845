//! Compares weftwork with CPython's asyncio on random programs.
//!
//! A program is run twice: as Python source on asyncio's own event loop, and by an interpreter that
//! makes the calls of weftwork, on one thread in asyncio's order; both on a virtual clock. Each step
//! writes what it saw, where and when, and the two logs have to be equal, line by line. Where they
//! are not, the log of weftwork has to be that of asyncio with the deliberate differences
//! (`deliberate.rs`, `turns.py`). Anything else is shrunk and printed.
//!
//! Not compared: what two limits at the same instant do (the generator avoids them), `timeout` of
//! zero, waits for a task with callbacks, the end of the runtime. On several workers programs run that
//! have no ties, and what their logs imply is checked (`Bench::workers_fault`).

mod args;
mod compare;
mod deliberate;
#[cfg(test)]
mod found;
mod generate;
mod interpret;
mod judge;
mod plant;
mod program;
mod python;
mod shrink;

use args::Args;
use compare::{Bench, Logs, Verdict};
use deliberate::DELIBERATE;
use interpret::{Event, Plan};
use judge::Judge;
use plant::{PLANTS, Planted};
use program::Program;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

/// So many programs are given to Python at a time.
const BATCH: u64 = 200;
/// A planted bug has to be found within so many programs.
const PLANTED_WITHIN: u64 = 10_000;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match Args::parse(std::env::args().skip(1))
        .map_err(Into::into)
        .and_then(|args| run(&args))
    {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("weftwork-oracle: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<bool> {
    let mut bench = Bench::new(Judge::newest()?)?;
    let version = bench.judge.version;
    println!("CPython {}.{}.{}", version.0, version.1, version.2);
    let unjudged = generate::unjudged(version);
    if !unjudged.is_empty() {
        println!("it cannot judge: {}", unjudged.join(", "));
    }
    println!("{} deliberate differences are listed", DELIBERATE.len());
    let mut good = true;
    if args.deliberate {
        bench.names = true;
        good &= deliberate_hold(&mut bench)?;
        bench.names = false;
    }
    if args.planted {
        good &= planted(&mut bench, args)?;
    }
    good &= random(&mut bench, args)?;
    for workers in [1, 2, 4] {
        good &= on_workers(&mut bench, args, workers)?;
    }
    Ok(good)
}

/// The programs of one batch.
fn batch(bench: &Bench, args: &Args, first: u64, count: u64) -> Vec<Arc<Program>> {
    let unjudged = generate::unjudged(bench.judge.version);
    let judged = |stmt: &program::Stmt| !unjudged.contains(&stmt.construct());
    let numbers = first..first + count;
    numbers
        .map(|number| Arc::new(generate::program(args.seed, number, &judged)))
        .collect()
}

/// Compares random programs; true if all differences are deliberate.
fn random(bench: &mut Bench, args: &Args) -> Result<bool> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let (mut same, mut events, mut found) = (0_u64, 0_usize, 0);
    bench.names = args.names;
    for first in (0..args.programs).step_by(usize::try_from(BATCH)?) {
        let programs = batch(bench, args, first, BATCH.min(args.programs - first));
        let logs = bench.python(&programs)?;
        for ((program, python), number) in programs.iter().zip(logs).zip(first..) {
            let ours = bench.ours(program, Plan::default())?;
            events += ours.len();
            match bench.verdict(program, python, ours)? {
                Verdict::Same => same += 1,
                Verdict::Deliberate(names) => {
                    *counts.entry(names.join(" + ")).or_default() += 1;
                }
                Verdict::Different(_) => {
                    found += 1;
                    println!("\nprogram {number} of seed {} differs", args.seed);
                    report(bench, program, Plan::default())?;
                }
            }
            if found >= args.most {
                return Ok(false);
            }
        }
    }
    println!(
        "{} programs, {events} events: {same} logs are equal",
        args.programs
    );
    for (names, count) in counts {
        let names = match &*names {
            "" if args.names => "any of several",
            "" => "deliberate differences",
            names => names,
        };
        println!("{count:>8} differ by: {names}");
    }
    println!("{found:>8} differ otherwise");
    Ok(found == 0)
}

/// Runs programs on several workers, a tenth as many; true if the logs keep to what they imply.
fn on_workers(bench: &mut Bench, args: &Args, workers: usize) -> Result<bool> {
    let unjudged = generate::unjudged(bench.judge.version);
    let judged = |stmt: &program::Stmt| !unjudged.contains(&stmt.construct());
    let count = args.programs / 10;
    for first in (0..count).step_by(usize::try_from(BATCH)?) {
        let numbers = first..count.min(first + BATCH);
        let tree = |number| Arc::new(generate::tree(args.seed, number, &judged));
        let programs: Vec<_> = numbers.map(tree).collect();
        let logs = bench.python(&programs)?;
        bench.with_workers(workers)?;
        for (program, python) in programs.iter().zip(logs) {
            let Some((fault, log)) = bench.workers_fault(program, &python) else {
                continue;
            };
            // A deliberate difference shows on one thread as well.
            let ours = bench.ours(program, Plan::default())?;
            if compare::by_frame(&ours) == compare::by_frame(&log) && ours != python {
                continue;
            }
            println!("on {workers} workers: {fault}\n{}", python::source(program));
            for (title, log) in [("asyncio", &python), ("weftwork", &log)] {
                println!("--- {title}");
                log.iter().for_each(|event| println!("{event}"));
            }
            return Ok(false);
        }
    }
    println!(
        "{count} programs on {workers} workers: no log breaks the order that its program implies"
    );
    Ok(true)
}

fn differs(bench: &mut Bench, program: &Program, plan: Plan) -> Option<Logs> {
    match bench.judge(program, plan) {
        Ok(Verdict::Different(logs)) => Some(logs),
        _ => None,
    }
}

/// Shrinks a program and prints it, with the logs.
fn report(bench: &mut Bench, program: &Program, plan: Plan) -> Result<()> {
    let smallest = shrink::shrink(program.clone(), |program| {
        differs(bench, program, plan).is_some()
    });
    println!("{}", python::source(&smallest));
    let Some(logs) = differs(bench, &smallest, plan) else {
        return Err("it does not differ every time".into());
    };
    for (title, log) in [
        ("asyncio", &logs.python),
        ("asyncio with the deliberate differences", &logs.nearest),
        ("weftwork", &logs.weftwork),
    ] {
        println!("--- {title}");
        log.iter().for_each(|event: &Event| println!("{event}"));
    }
    Ok(())
}

/// True if every deliberate difference is there, in its shortest program.
fn deliberate_hold(bench: &mut Bench) -> Result<bool> {
    let unjudged = generate::unjudged(bench.judge.version);
    let mut good = true;
    for difference in DELIBERATE {
        let program = (difference.program)();
        if program.has(|stmt| unjudged.contains(&stmt.construct())) {
            println!("\n{}: this Python cannot judge it", difference.name);
            continue;
        }
        let verdict = bench.judge(&program, Plan::default())?;
        let holds =
            matches!(&verdict, Verdict::Deliberate(names) if names.contains(&difference.name));
        println!("\n{}: {}", difference.name, difference.reason);
        println!("{}", python::source(&program));
        if !holds {
            println!("NOT SO: {verdict:?}");
        }
        good &= holds;
    }
    Ok(good)
}

/// True if every planted bug is found.
fn planted(bench: &mut Bench, args: &Args) -> Result<bool> {
    let unjudged = generate::unjudged(bench.judge.version);
    let mut left = PLANTS.to_vec();
    left.retain(|planted| !unjudged.contains(&planted.construct));
    let mut first = 0;
    while !left.is_empty() && first < PLANTED_WITHIN {
        let programs = batch(bench, args, first, BATCH);
        let logs = bench.python(&programs)?;
        for ((program, python), number) in programs.iter().zip(logs).zip(first..) {
            let mut kept = Vec::new();
            for planted in left {
                let plan = Plan {
                    plant: Some(planted.plant),
                };
                let ours = bench.ours(program, plan)?;
                match bench.verdict(program, python.clone(), ours)? {
                    Verdict::Different(_) => {
                        println!("planted: {}: found in program {number}", planted.text);
                    }
                    _ => kept.push(planted),
                }
            }
            left = kept;
        }
        first += BATCH;
    }
    for Planted { text, .. } in &left {
        println!("planted: {text}: NOT FOUND in {first} programs");
    }
    Ok(left.is_empty())
}
