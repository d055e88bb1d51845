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

/// What the address sanitizer is told.
const ADDRESS: &str = "-Zsanitizer=address";
/// The library of the toolchain was built without the thread sanitizer, hence the second flag.
const THREAD: &str = "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer";
/// Reports about code that the sanitizer does not see, or does not understand.
const NOT_OURS: &str = "xtask/src/sanitize.supp";

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &["thread"], &[])?;
    let (flags, folder) = match args.has("thread") {
        true => (THREAD, "sanitize-thread"),
        false => (ADDRESS, "sanitize"),
    };
    let Some(host) = nightly_host() else {
        println!("SKIPPED: no nightly toolchain is installed (`rustup toolchain list`)");
        return Ok(());
    };
    let mut command = nightly("cargo");
    command
        .current_dir(cargo::root())
        .env("RUSTFLAGS", flags)
        .env("TSAN_OPTIONS", suppressions())
        // The flags differ from those of all other builds.
        .env("CARGO_TARGET_DIR", cargo::target().join(folder))
        .args(["test", "--no-fail-fast", "--tests", "--target", &host]);
    for name in CRATES {
        command.args(["-p", name]);
    }
    if !args.names.is_empty() {
        command.arg("--").args(args.names);
    }
    cargo::run(&mut command)
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
