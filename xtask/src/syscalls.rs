//! `cargo xtask syscalls`: how many system calls a server of the benchmarks makes for a request.
//!
//! strace counts those of the server alone. Each benchmark runs with two numbers of requests; the
//! difference is free of what starting, connecting and stopping cost.

use crate::args::Args;
use crate::{Result, cargo, table};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The rows over sockets, and who serves there.
const ROWS: [(&str, &[&str]); 4] = [
    ("tcp_64", &["weftwork", "tokio", "smol", "floor"]),
    ("tcp_1000", &["weftwork", "tokio", "smol", "floor"]),
    ("hyper_64", &["weftwork", "tokio", "smol"]),
    ("hyper_1000", &["weftwork", "tokio", "smol"]),
];

/// The two numbers of requests.
const FEW: u64 = 5_000;
const MANY: u64 = 15_000;

/// A benchmark runs its workload twice in a process.
const RUNS: u64 = 2;

/// The worker threads of a server.
const WORKERS: &str = "2";

/// Calls that are rarer, per request, are left out.
const RARE: f64 = 0.0005;

/// How often each call was made.
type Counts = BTreeMap<String, u64>;

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &[], &[])?;
    let rows = choose(&args.names)?;
    if !cfg!(target_os = "linux") {
        return Err("there is no strace on other systems than Linux".to_owned());
    }
    cargo::need("strace", "strace")?;
    let program = build()?;
    let heading = ["row", "server", "calls a request", "of which"];
    let mut lines = vec![heading.map(str::to_owned).to_vec()];
    for (row, peers) in rows {
        for peer in peers {
            let few = count(&program, row, peer, FEW)?;
            let many = count(&program, row, peer, MANY)?;
            lines.push(line(row, peer, &few, &many));
        }
    }
    print!("{}", table::layout(&lines));
    println!(
        "Under strace a server is slow: it waits less often, and finds more each time, than without."
    );
    Ok(())
}

/// The rows of these names; all if no name is given.
fn choose(names: &[String]) -> Result<Vec<(&'static str, &'static [&'static str])>> {
    let known = |name: &String| ROWS.iter().any(|(row, _)| row == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let rows = ROWS.map(|(row, _)| row);
        return Err(format!("no row is named `{unknown}`: there are {rows:?}"));
    }
    let mut rows = ROWS.to_vec();
    rows.retain(|(row, _)| names.is_empty() || names.iter().any(|name| name == row));
    Ok(rows)
}

fn build() -> Result<PathBuf> {
    let mut command = cargo::cargo();
    command.args(["build", "--release", "--package", "weftwork-benches"]);
    cargo::run(&mut command)?;
    Ok(cargo::target().join("release/weftwork-benches"))
}

/// Runs a benchmark whose server is under strace.
fn count(program: &Path, row: &str, peer: &str, requests: u64) -> Result<Counts> {
    let folder = cargo::target().join("syscalls");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let summary = folder.join(format!("{row}-{peer}-{requests}.txt"));
    if summary.to_string_lossy().contains(char::is_whitespace) {
        return Err(format!("a space is in {}", summary.display()));
    }
    let strace = format!("strace -f -qq -c -o {}", summary.display());
    let mut command = Command::new(program);
    command
        .args(["--measure", row, peer, &requests.to_string(), WORKERS])
        .env("SMOL_THREADS", WORKERS)
        .env("WEFTWORK_BENCHES_SERVER", strace);
    cargo::output(&mut command)?;
    let text = std::fs::read_to_string(&summary)
        .map_err(|error| format!("{}: {error}", summary.display()))?;
    counts(&text).ok_or(format!("{}: is no summary of strace", summary.display()))
}

/// Reads a summary, whose lines are `% time, seconds, usecs/call, calls, [errors,] syscall`. The
/// sums of the last line have to be right.
fn counts(summary: &str) -> Option<Counts> {
    let mut counts = Counts::new();
    for line in summary.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (Some(calls), Some(name)) = (words.get(3), words.last()) else {
            continue;
        };
        if let Ok(calls) = calls.parse() {
            counts.insert((*name).to_owned(), calls);
        }
    }
    let total = counts.remove("total")?;
    (counts.values().sum::<u64>() == total).then_some(counts)
}

fn line(row: &str, peer: &str, few: &Counts, many: &Counts) -> Vec<String> {
    let requests = (RUNS * (MANY - FEW)) as f64;
    let before = |name| few.get(name).copied().unwrap_or(0);
    let calls = many.iter();
    let calls = calls.map(|(name, count)| (name, (*count as f64 - before(name) as f64) / requests));
    let mut calls: Vec<(&String, f64)> = calls.filter(|(_, count)| *count >= RARE).collect();
    calls.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let all: f64 = calls.iter().map(|(_, count)| count).sum();
    let parts = calls.iter();
    let parts: Vec<String> = parts
        .map(|(name, count)| format!("{name} {count:.3}"))
        .collect();
    vec![
        row.to_owned(),
        peer.to_owned(),
        format!("{all:.3}"),
        parts.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ------------------
 47.48    0.436585       25681        17           read
 16.83    0.154773           7     20002         2 recvfrom
  0.00    0.000000           0        23           mmap
------ ----------- ----------- --------- --------- ------------------
100.00    0.919490          22     20042         2 total
";

    #[test]
    fn counts_are_read_with_and_without_errors() {
        let counts = counts(SUMMARY).unwrap();
        assert_eq!(counts["recvfrom"], 20_002);
        assert_eq!(counts["read"], 17);
        assert_eq!(counts.len(), 3);
    }

    #[test]
    fn an_incomplete_summary_is_refused() {
        assert_eq!(counts(""), None);
        let cut = SUMMARY.split_once("  0.00").unwrap().0;
        assert_eq!(counts(cut), None);
        assert_eq!(counts(&SUMMARY.replace("20042", "20043")), None);
    }

    #[test]
    fn what_both_sizes_need_drops_out() {
        let counts = |requests: u64| {
            let counts = [
                ("mmap", 23),
                ("futex", 7),
                ("sendto", RUNS * requests),
                ("recvfrom", RUNS * requests * 5 / 4),
                ("epoll_wait", 100 - requests / 1000),
            ];
            counts.map(|(name, count)| (name.to_owned(), count)).into()
        };
        assert_eq!(
            line("tcp_64", "smol", &counts(FEW), &counts(MANY)),
            ["tcp_64", "smol", "2.250", "recvfrom 1.250, sendto 1.000"]
        );
    }

    #[test]
    fn rows_are_chosen_by_name() {
        let names = |names: &[&str]| {
            let rows = choose(
                &names
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect::<Vec<_>>(),
            );
            rows.map(|rows| rows.iter().map(|(row, _)| *row).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap().len(), ROWS.len());
        assert_eq!(names(&["hyper_64"]).unwrap(), ["hyper_64"]);
        assert!(names(&["yield"]).unwrap_err().contains("`yield`"));
    }
}
