//! `cargo xtask package`: every published crate packages, and builds from its package.

use crate::args::Args;
use crate::{Result, cargo, manifest};

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &["no-verify"], &[])?;
    if let Some(name) = args.names.first() {
        return Err(format!("unexpected argument `{name}`"));
    }
    // This only checks; what is published is packaged again, from a commit.
    let mut command = cargo::cargo();
    command.args(["package", "--workspace", "--allow-dirty"]);
    for manifest in manifest::all()? {
        if !manifest.is_published() {
            command.args(["--exclude", manifest.name()]);
        }
    }
    if args.has("no-verify") {
        command.arg("--no-verify");
    }
    cargo::run(&mut command)
}
