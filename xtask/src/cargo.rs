//! Running cargo and git in the workspace.

use crate::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// The cargo that runs this program, in the root of the workspace.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The target directory of this workspace.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => root().join(target),
        None => root().join("target"),
    }
}

/// Runs a command whose output belongs on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .map_err(|error| cannot_run(command, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed: {status}"))
}

/// Runs a command for its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_run(command, &error))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{command:?} did not print UTF-8"))
}

/// Complains if a program is missing.
pub(crate) fn need(program: &str, package: &str) -> Result<()> {
    match output(Command::new(program).arg("--version")) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error}\ninstall the system's package `{package}`")),
    }
}

fn cannot_run(command: &Command, error: &std::io::Error) -> String {
    format!("cannot run {:?}: {error}", command.get_program())
}

/// The files of the project, as paths from its root: those that git tracks or would add.
pub(crate) fn files() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let root = root();
    let listed = output(&mut git)?;
    let mut files: Vec<String> = listed
        .split_terminator('\0')
        .filter(|file| root.join(file).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// The text of a file, by its path from the root.
pub(crate) fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))
}
