//! `cargo xtask sanitize`: the tests of the crates with unsafe code under AddressSanitizer and
//! LeakSanitizer, where a nightly toolchain is installed.

use crate::args::Args;
use crate::{Result, cargo};
use std::process::{Command, Stdio};

const CRATES: [&str; 3] = ["weftwork", "weftwork-scheduler", "weftwork-sync"];

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let filters = Args::parse(args, &[], &[])?.names;
    let Some(host) = nightly_host() else {
        println!("SKIPPED: no nightly toolchain is installed (`rustup toolchain list`)");
        return Ok(());
    };
    let mut command = nightly("cargo");
    command
        .current_dir(cargo::root())
        .env("RUSTFLAGS", "-Zsanitizer=address")
        // The flags differ from those of all other builds.
        .env("CARGO_TARGET_DIR", cargo::target().join("sanitize"))
        .args(["test", "--no-fail-fast", "--tests", "--target", &host]);
    for name in CRATES {
        command.args(["-p", name]);
    }
    if !filters.is_empty() {
        command.arg("--").args(filters);
    }
    cargo::run(&mut command)
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
