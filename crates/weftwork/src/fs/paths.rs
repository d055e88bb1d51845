//! Calls that take paths.

use super::{Metadata, Operation, Permissions};
use std::fs;
use std::path::{Path, PathBuf};
use weftwork_io_driver::explain;

/// The absolute path, with all symbolic links followed.
///
/// # Errors
/// What the system says.
#[doc(alias = "realpath")]
#[track_caller]
pub fn canonicalize(path: impl AsRef<Path>) -> Operation<PathBuf> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::canonicalize(path))
}

/// Copies a file and its permissions; gives the number of bytes.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it goes on to the end of the file.
#[doc(alias = "copyfile")]
#[track_caller]
pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Operation<u64> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    Operation::new(move || fs::copy(from, to).map_err(explain))
}

/// Makes a folder; that there is one is an error.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it happens.
#[doc(alias = "mkdir")]
#[track_caller]
pub fn create_dir(path: impl AsRef<Path>) -> Operation<()> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::create_dir(path))
}

/// Makes a folder and all above it that are missing.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it goes on.
#[doc(alias = "makedirs")]
#[track_caller]
pub fn create_dir_all(path: impl AsRef<Path>) -> Operation<()> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::create_dir_all(path))
}

/// Makes a further name of a file.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it happens.
#[doc(alias = "link")]
#[track_caller]
pub fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Operation<()> {
    let (original, link) = (original.as_ref().to_owned(), link.as_ref().to_owned());
    Operation::new(move || fs::hard_link(original, link))
}

/// Length, times, permissions and kind of what a path leads to.
///
/// # Errors
/// What the system says.
#[doc(alias = "stat")]
#[track_caller]
pub fn metadata(path: impl AsRef<Path>) -> Operation<Metadata> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::metadata(path))
}

/// Reads a whole file.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
/// let manifest = weftwork::fs::read("Cargo.toml").await?;
/// assert!(manifest.starts_with(b"[package]"));
/// Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// What the system says.
#[doc(alias = "read_bytes")]
#[track_caller]
pub fn read(path: impl AsRef<Path>) -> Operation<Vec<u8>> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::read(path).map_err(explain))
}

/// Where a symbolic link points to.
///
/// # Errors
/// What the system says.
#[doc(alias = "readlink")]
#[track_caller]
pub fn read_link(path: impl AsRef<Path>) -> Operation<PathBuf> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::read_link(path))
}

/// Reads a whole file of text.
///
/// # Errors
/// What the system says, and `InvalidData` if it is not UTF-8.
#[doc(alias = "read_text")]
#[track_caller]
pub fn read_to_string(path: impl AsRef<Path>) -> Operation<String> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::read_to_string(path).map_err(explain))
}

/// Removes an empty folder.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it happens.
#[doc(alias = "rmdir")]
#[track_caller]
pub fn remove_dir(path: impl AsRef<Path>) -> Operation<()> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::remove_dir(path))
}

/// Removes a folder with everything in it. Symbolic links are removed, not followed.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it goes on to the end.
#[doc(alias = "rmtree")]
#[track_caller]
pub fn remove_dir_all(path: impl AsRef<Path>) -> Operation<()> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::remove_dir_all(path).map_err(explain))
}

/// Removes a file.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it happens.
#[doc(alias = "unlink")]
#[track_caller]
pub fn remove_file(path: impl AsRef<Path>) -> Operation<()> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::remove_file(path))
}

/// Gives a file or folder another name; a file that has it already is replaced at once.
///
/// # Errors
/// What the system says. A name on another file system is one.
///
/// # Cancel safety
/// Once begun, it happens.
#[doc(alias = "move")]
#[track_caller]
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Operation<()> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    Operation::new(move || fs::rename(from, to))
}

/// Sets permissions.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it happens.
#[doc(alias = "chmod")]
#[track_caller]
pub fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> Operation<()> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::set_permissions(path, permissions))
}

/// Makes a symbolic link at `link` that points to `original`.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it happens.
#[track_caller]
pub fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Operation<()> {
    let (original, link) = (original.as_ref().to_owned(), link.as_ref().to_owned());
    Operation::new(move || std::os::unix::fs::symlink(original, link))
}

/// As [`metadata`], of the symbolic link itself if it is one.
///
/// # Errors
/// What the system says.
#[doc(alias = "lstat")]
#[track_caller]
pub fn symlink_metadata(path: impl AsRef<Path>) -> Operation<Metadata> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::symlink_metadata(path))
}

/// True if a path leads to something.
///
/// # Errors
/// The system does not say.
#[doc(alias = "exists")]
#[track_caller]
pub fn try_exists(path: impl AsRef<Path>) -> Operation<bool> {
    let path = path.as_ref().to_owned();
    Operation::new(move || path.try_exists())
}

/// Writes a whole file: it is made if there is none, and cut off if there is.
///
/// # Errors
/// What the system says.
///
/// # Cancel safety
/// Once begun, it goes on to the end. A crash in the middle leaves a part; write to another name and
/// [`rename`] where that matters.
#[doc(alias = "write_bytes")]
#[track_caller]
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]> + Send + 'static) -> Operation<()> {
    let path = path.as_ref().to_owned();
    Operation::new(move || fs::write(path, contents).map_err(explain))
}
