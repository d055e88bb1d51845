//! Settings of descriptors: what std has no call for.

use std::io;
use std::os::fd::AsFd;

/// So much the pipes of a child are to hold.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PIPE_SIZE: usize = 256 * 1024;

/// Lets a pipe hold 256 KiB, where the system lets this user do so.
pub fn enlarge_pipe(pipe: impl AsFd) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_SIZE);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = pipe;
}

/// Puts a descriptor into non-blocking mode.
///
/// # Errors
/// What the system says.
pub fn set_nonblocking(descriptor: impl AsFd) -> io::Result<()> {
    Ok(rustix::io::ioctl_fionbio(descriptor, true)?)
}

/// True if every write goes to the end of the file.
///
/// # Errors
/// What the system says.
pub fn appends(descriptor: impl AsFd) -> io::Result<bool> {
    let flags = rustix::fs::fcntl_getfl(descriptor)?;
    Ok(flags.contains(rustix::fs::OFlags::APPEND))
}
