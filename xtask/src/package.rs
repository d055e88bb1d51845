//! `cargo xtask package`: every published crate packages, and builds from its package.

use crate::args::Args;
use crate::{Result, cargo, manifest};
use std::path::{Path, PathBuf};

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &["no-verify"], &[])?;
    if let Some(name) = args.names.first() {
        return Err(format!("unexpected argument `{name}`"));
    }
    forget_earlier_packages();
    // A target directory of its own, made anew: cargo takes what it has built of a version to be
    // that version for ever.
    let target = cargo::target().join("packages");
    if target.exists() {
        std::fs::remove_dir_all(&target).map_err(|error| format!("{target:?}: {error}"))?;
    }
    // This only checks; what is published is packaged again, from a commit.
    let mut command = cargo::cargo();
    command.args(["package", "--workspace", "--allow-dirty"]);
    command.arg("--target-dir").arg(target);
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

/// cargo unpacks each package beside those from registries, and would build what it finds there of
/// the same version from an earlier run. The folders of its own temporary registries have no name
/// before the dash.
fn forget_earlier_packages() {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let Some(home) = home else { return };
    for kind in ["src", "cache"] {
        for registry in entries(&home.join("registry").join(kind)) {
            let temporary = registry
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('-'));
            if temporary {
                // What cannot be removed shows as a failing build.
                let _ = std::fs::remove_dir_all(registry);
            }
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
