//! `cargo xtask sanitize`: the tests of the crates with unsafe code under AddressSanitizer and
//! LeakSanitizer, or under ThreadSanitizer, where a nightly toolchain is installed.

use crate::args::Args;
use crate::{Result, cargo};
use std::process::{Command, Stdio};

const CRATES: [&str; 4] = [
    "weftwork",
    "weftwork-scheduler",
    "weftwork-std-or-loom",
    "weftwork-sync",
];

const ADDRESS: &str = "-Zsanitizer=address";
/// The library of the toolchain was built without the thread sanitizer, hence the second flag.
const THREAD: &str = "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer";
/// Reports about code that the thread sanitizer does not see, or does not understand.
const NOT_OURS: &str = "xtask/src/sanitize.supp";
/// The thread sanitizer keeps signals back until the thread makes a call that it knows: what waits
/// for one waits for ever. Nor does it start threads in a forked child.
const SIGNALS: [&str; 4] = ["signals", "interrupts", "process", "forked"];

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &["thread"], &[])?;
    let Some(host) = nightly_host() else {
        println!("SKIPPED: no nightly toolchain is installed (`rustup toolchain list`)");
        return Ok(());
    };
    if !args.has("thread") {
        let targets = ["--tests".to_owned()];
        return test(&CRATES, &targets, ADDRESS, &host, &args.names);
    }
    let (facade, others) = CRATES.split_first().expect("there are some");
    test(others, &["--tests".to_owned()], THREAD, &host, &args.names)?;
    test(
        &[facade],
        &tests_without_signals()?,
        THREAD,
        &host,
        &args.names,
    )
}

/// Runs the tests of some crates under a sanitizer.
fn test(
    crates: &[&str],
    targets: &[String],
    flags: &str,
    host: &str,
    filters: &[String],
) -> Result<()> {
    let mut command = nightly("cargo");
    // The flags differ from those of all other builds.
    let folder = match flags {
        THREAD => "sanitize-thread",
        _ => "sanitize",
    };
    command
        .current_dir(cargo::root())
        .env("RUSTFLAGS", flags)
        .env("TSAN_OPTIONS", suppressions())
        .env("CARGO_TARGET_DIR", cargo::target().join(folder))
        .args(["test", "--no-fail-fast", "--target", host])
        .args(targets);
    for name in crates {
        command.args(["-p", name]);
    }
    if !filters.is_empty() {
        command.arg("--").args(filters);
    }
    cargo::run(&mut command)
}

/// The facade's test files, but those that wait for signals.
fn tests_without_signals() -> Result<Vec<String>> {
    let files = cargo::files()?;
    let names = files.iter().filter_map(|file| {
        let name = file.strip_prefix("crates/weftwork/tests/")?;
        name.strip_suffix(".rs").filter(|name| !name.contains('/'))
    });
    let waits = |name: &str| SIGNALS.iter().any(|signal| name.starts_with(signal));
    let names = names.filter(|name| !waits(name));
    Ok(names.map(|name| format!("--test={name}")).collect())
}

fn suppressions() -> String {
    let file = cargo::root().join(NOT_OURS);
    // With a short history a report may have lost the other side's stack, by which it is known.
    format!("suppressions={} history_size=4", file.display())
}

/// A program of the nightly toolchain.
fn nightly(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]);
    // Those of the toolchain that runs this program.
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    command
}

/// The platform of the nightly compiler, if there is one. Nothing is ever downloaded.
fn nightly_host() -> Option<String> {
    let output = nightly("rustc")
        .env("RUSTUP_AUTO_INSTALL", "0")
        .arg("-vV")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "))?;
    output.status.success().then(|| host.to_owned())
}
