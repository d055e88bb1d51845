//! The file of a socket that was bound: stale ones, and the own one at the end.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whoever binds has the folder locked for some system calls: this is long enough for many of
/// them, and short enough for a worker.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// The file of a socket of ours, which is removed when this is dropped, unless another one has
/// taken its place. Drop it before the socket: as long as that lives, no other file has its number.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and number: which file it is.
    identity: (u64, u64),
}

impl SocketFile {
    /// The file that was made by binding to this path.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        // The working directory may change until it is removed.
        let path = std::path::absolute(path)?;
        let identity = identity(&path)?;
        Ok(Self { path, identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Somebody else may have removed it meanwhile.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Binds; if a socket's file is in the way at which nobody listens, removes it and binds again.
///
/// Two that do so at a time are one after the other: the second one would take the new socket of
/// the first one, which does not listen yet or was not there when it looked, for a stale one.
pub(super) fn bind_over_stale<T>(
    path: &Path,
    bind: impl Fn() -> io::Result<T>,
    is_alive: impl Fn() -> io::Result<()>,
) -> io::Result<T> {
    let _alone = lock_folder(path);
    match bind() {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let is_socket = fs::symlink_metadata(path)?.file_type().is_socket();
            let is_stale = matches!(
                is_alive().map_err(|error| error.kind()),
                Err(io::ErrorKind::ConnectionRefused)
            );
            if !is_socket || !is_stale {
                return Err(error);
            }
            fs::remove_file(path)?;
            bind()
        }
        result => result,
    }
}

/// Keeps all others out who lock the folder of this path, also in other processes, until the
/// file is dropped. None if the folder cannot be locked: somebody has it locked for longer, for a
/// purpose of his own, or its file system knows no locks.
fn lock_folder(path: &Path) -> Option<File> {
    let path = std::path::absolute(path).ok()?;
    let folder = File::open(path.parent()?).ok()?;
    for _ in 0..LOCK_TRIES {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}

/// Says of which path an error is.
pub(super) fn explain(what: &str, path: &Path, error: io::Error) -> io::Error {
    let error = weftwork_io_driver::explain(error);
    if weftwork_io_driver::DescriptorLimit::of(&error).is_some() {
        return error;
    }
    io::Error::new(error.kind(), format!("cannot {what} {path:?}: {error}"))
}
