//! The end of child processes without blocking: what std has no call for.

use std::io;
use std::os::fd::OwnedFd;

/// A descriptor that becomes ready to read when a child of this process ends; none where the
/// system has no such thing. The child must not have been reaped.
///
/// # Errors
/// No descriptor or memory is left.
pub fn exit_descriptor(child: u32) -> io::Result<Option<OwnedFd>> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::io::Errno;
        use rustix::process::{Pid, PidfdFlags, pidfd_open};
        let child = i32::try_from(child).ok().and_then(Pid::from_raw);
        let child = child.ok_or(io::ErrorKind::InvalidInput)?;
        // Nobody reads from it, so it need not be non-blocking, which is a newer flag than the call.
        match pidfd_open(child, PidfdFlags::empty()) {
            Ok(descriptor) => Ok(Some(descriptor)),
            Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => {
                Err(crate::explain(error.into()))
            }
            // An older kernel, or a sandbox that does not know the call.
            Err(_) => Ok(None),
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = child;
        Ok(None)
    }
}

/// True if an error of waiting means that this process has no such child any more.
#[must_use]
pub fn is_no_child(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::CHILD.raw_os_error())
}
