//! What is built and from what: `cargo xtask deny`, `features`, `msrv` and `semver`.

use crate::args::Args;
use crate::{Result, cargo, manifest};
use std::process::{Command, Stdio};

/// Licences, doubled crates and sources, by deny.toml; with `--advisories` known holes instead, whose
/// list is fetched and changes by itself.
pub(crate) fn deny(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &["advisories"], &[])?;
    if !is_there("deny") {
        return Ok(());
    }
    let mut command = cargo::cargo();
    command.args(["deny", "check"]);
    if !args.has("advisories") {
        command.args(["bans", "licenses", "sources"]);
        return cargo::run(&mut command);
    }
    let mut fetch = cargo::cargo();
    fetch.args(["deny", "fetch", "db"]);
    if cargo::run(&mut fetch).is_err() {
        println!("SKIPPED: the list of known holes (RustSec) cannot be reached");
        return Ok(());
    }
    cargo::run(command.arg("advisories"))
}

/// Every set of features of every published crate compiles.
pub(crate) fn features(args: Vec<String>) -> Result<()> {
    Args::none(args)?;
    if !is_there("hack") {
        return Ok(());
    }
    let mut command = cargo::cargo();
    command.args(["hack", "check", "--feature-powerset"]);
    for_published(&mut command)?;
    cargo::run(&mut command)
}

/// The published crates compile with the oldest toolchain that they name, where it is installed.
pub(crate) fn msrv(args: Vec<String>) -> Result<()> {
    Args::none(args)?;
    let manifest = cargo::read("Cargo.toml")?;
    let line = manifest.lines().find(|l| l.starts_with("rust-version"));
    let version = line
        .and_then(|line| line.split('"').nth(1))
        .ok_or("Cargo.toml: `rust-version` is missing")?;
    if is_version(&mut Command::new("rustc"), version) {
        println!("Rust {version} is the toolchain of all other steps");
        return Ok(());
    }
    let Some(toolchain) = toolchain(version) else {
        println!("SKIPPED: Rust {version} is not installed (`rustup toolchain install {version}`)");
        return Ok(());
    };
    let mut command = Command::new("rustup");
    command
        .current_dir(cargo::root())
        .args(["run", &toolchain, "cargo", "check", "--all-features"])
        .arg("--target-dir")
        .arg(cargo::target().join("msrv"));
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    for_published(&mut command)?;
    cargo::run(&mut command)
}

/// What of the published crates differs from an earlier checkout in a way that breaks programs.
pub(crate) fn semver(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &[], &[])?;
    let [folder] = args.names.as_slice() else {
        return Err("name a checkout to compare with: `cargo xtask semver FOLDER`".to_owned());
    };
    if !is_there("semver-checks") {
        return Ok(());
    }
    let mut command = cargo::cargo();
    command.args(["semver-checks", "--baseline-root", folder]);
    for_published(&mut command)?;
    cargo::run(&mut command)
}

fn for_published(command: &mut Command) -> Result<()> {
    for manifest in manifest::all()?.iter().filter(|m| m.is_published()) {
        command.args(["-p", manifest.name()]);
    }
    Ok(())
}

/// Whether cargo has this subcommand; says so if not.
fn is_there(tool: &str) -> bool {
    let mut command = cargo::cargo();
    command.args([tool, "--version"]);
    let found = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        println!("SKIPPED: cargo-{tool} is not installed (`cargo install cargo-{tool}`)");
    }
    found
}

/// The installed toolchain of this version. Nothing is ever downloaded.
fn toolchain(version: &str) -> Option<String> {
    let listed = cargo::output(Command::new("rustup").args(["toolchain", "list"])).ok()?;
    let mut names = listed.lines().filter_map(|line| line.split(' ').next());
    let is_wanted = |name: &&str| {
        let mut rustc = Command::new("rustup");
        is_version(rustc.args(["run", name, "rustc"]), version)
    };
    names.find(is_wanted).map(str::to_owned)
}

fn is_version(rustc: &mut Command, version: &str) -> bool {
    let found = cargo::output(rustc.arg("--version"));
    found.is_ok_and(|found| found.starts_with(&format!("rustc {version}.")))
}
