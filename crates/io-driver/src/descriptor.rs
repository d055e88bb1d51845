//! Settings of descriptors: what std has no call for.

use rustix::event::{PollFd, PollFlags};
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

/// Writes all of `data` by `write`, on a thread that may block. Somebody else may have put the
/// descriptor into non-blocking mode, as happens to terminals: then it waits for room.
///
/// # Errors
/// What `write` gives but `Interrupted` and `WouldBlock`; what came before the error is written.
pub fn write_all(
    descriptor: impl AsFd,
    mut data: &[u8],
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<()> {
    while !data.is_empty() {
        match write(data) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => data = &data[count..],
            Err(error) => retry(&descriptor, error)?,
        }
    }
    Ok(())
}

/// Waits until a call that failed may be made again.
///
/// # Errors
/// That error, if it is none of those that go by; and what the system says of the wait.
pub fn retry(descriptor: impl AsFd, error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock => {
            let mut room = [PollFd::new(&descriptor, PollFlags::OUT)];
            match rustix::event::poll(&mut room, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
        _ => Err(error),
    }
}
