//! The chores of the workspace that cargo has no command for: `cargo xtask help` lists them.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod args;
mod atomics;
mod cargo;
mod edges;
mod forbidden;
mod generated;
mod jobs;
mod libtest;
mod loom;
mod manifest;
mod models;
mod package;
mod sanitize;
mod shuttle;
mod source;
mod specs;
mod supply;
mod syscalls;
mod table;
mod tidy;
mod tree;
mod unsafes;
mod verification;
mod weaken;

use std::process::ExitCode;

/// Why a chore failed, in one or more lines.
type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
cargo xtask loom [FILTER] [--timeout SECONDS] [--jobs N]
    checks the models whose name contains FILTER
cargo xtask weaken [EDGE..] [--timeout SECONDS] [--jobs N]
    weakens each tagged edge in turn; every time a model has to fail
cargo xtask shuttle [FILTER] [--schedules N] [--seed SEED] [--timeout SECONDS] [--jobs N]
    runs the scenarios under N random schedules each, from a seed on; one that fails names its own
cargo xtask tidy
    checks what no lint checks: lengths of files, tags of edges, words, manifests
cargo xtask tree
    checks the size of the dependency tree of weftwork
cargo xtask deny [--advisories]
    checks licences, doubled crates and sources, or known holes, where cargo-deny is installed
cargo xtask features
    compiles every set of features of every published crate, where cargo-hack is installed
cargo xtask msrv
    compiles the published crates with the oldest Rust that they name, where it is installed
cargo xtask semver FOLDER
    says what breaks programs since the checkout in FOLDER, where cargo-semver-checks is installed
cargo xtask unsafe
    counts the unsafe code of each published crate, and writes it into docs/verification.md
cargo xtask specs [NAME..] [--record]
    checks the protocols in docs/specs, and that planted bugs are found, where spin is installed;
    --record writes the numbers into docs/verification.md
cargo xtask sanitize [--thread] [FILTER..]
    runs the tests under AddressSanitizer and LeakSanitizer, or under ThreadSanitizer, where nightly
    is installed
cargo xtask package [--no-verify]
    packages every crate that is published, and builds it from the package
cargo xtask atomics [ROW..]
    counts the atomic instructions of an operation of the benchmarks; needs valgrind and objdump
cargo xtask syscalls [ROW..]
    counts the system calls of a server of the benchmarks for a request; needs strace
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let chore = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match chore.as_str() {
        "loom" => loom::run(rest),
        "weaken" => weaken::run(rest),
        "tidy" => tidy::run(rest),
        "tree" => tree::run(rest),
        "atomics" => atomics::run(rest),
        "syscalls" => syscalls::run(rest),
        "package" => package::run(rest),
        "sanitize" => sanitize::run(rest),
        "deny" => supply::deny(rest),
        "features" => supply::features(rest),
        "msrv" => supply::msrv(rest),
        "semver" => supply::semver(rest),
        "specs" => specs::run(rest),
        "unsafe" => unsafes::run(rest),
        "shuttle" => shuttle::run(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("no chore is named `{chore}`\n\n{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {}", message.trim_end());
            ExitCode::FAILURE
        }
    }
}
