//! No descriptor left: an error that says whose limit it is and how to raise it.

use rustix::io::Errno;
use std::error::Error;
use std::fmt;
use std::io;

/// The process or the system has no file descriptor left.
///
/// An [`io::Error`] carries it inside:
///
/// ```
/// use weftwork_io_driver::DescriptorLimit;
///
/// fn is_for_want_of_descriptors(error: &std::io::Error) -> bool {
///     DescriptorLimit::of(error).is_some()
/// }
/// ```
pub struct DescriptorLimit {
    /// What the system said.
    error: io::Error,
    /// The limit of the process, if it is that one.
    process: Option<Option<u64>>,
}

impl DescriptorLimit {
    /// The limit that an error is about, if it is about one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// True if it is the limit of this process (`EMFILE`), not that of the system (`ENFILE`).
    #[must_use]
    pub fn is_of_process(&self) -> bool {
        self.process.is_some()
    }

    /// The number of the error, which the [`io::Error`] around this does not tell.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        self.error.raw_os_error()
    }
}

/// Puts a [`DescriptorLimit`] around an error for want of descriptors; gives any other one back
/// as it is.
#[must_use]
pub fn explain(error: io::Error) -> io::Error {
    let process = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE) => Some(soft_limit()),
        Some(Errno::NFILE) => None,
        _ => return error,
    };
    io::Error::new(error.kind(), DescriptorLimit { error, process })
}

/// Says in words why a poller did not take a descriptor.
pub(crate) fn explain_refusal(error: io::Error) -> io::Error {
    let why = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::EXIST) => {
            "this descriptor is registered with the runtime already: use it through its first \
             registration, or duplicate it"
        }
        Some(Errno::PERM) => {
            "this kind of descriptor cannot be waited for (it is a regular file or a directory): \
             use the blocking pool (`spawn_blocking`)"
        }
        Some(Errno::BADF) => {
            "this descriptor is closed: whoever registers it has to own it, or borrow it from \
             its owner"
        }
        Some(Errno::NOSPC) => {
            "this user has too many descriptors registered: raise the limit (`sysctl \
             fs.epoll.max_user_watches`)"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{why} ({error})"))
}

fn soft_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

impl fmt::Display for DescriptorLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(limit) => {
                f.write_str("no file descriptor left for this process")?;
                if let Some(limit) = limit {
                    write!(f, ", whose limit is {limit}")?;
                }
                f.write_str(
                    ": raise the limit (RLIMIT_NOFILE, `ulimit -n`, `LimitNOFILE=` of systemd) or \
                     hold fewer connections",
                )?;
            }
            None => f.write_str(
                "no file descriptor left in the whole system: raise the limit (`sysctl \
                 fs.file-max`, `kern.maxfiles`) or find out who holds so many",
            )?,
        }
        write!(f, " ({})", self.error)
    }
}

/// In words as well: this is what `unwrap`, and a `main` that returns the error, print.
impl fmt::Debug for DescriptorLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DescriptorLimit")
            .field(&self.to_string())
            .finish()
    }
}

impl Error for DescriptorLimit {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
