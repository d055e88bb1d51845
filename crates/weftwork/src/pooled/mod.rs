//! I/O that blocks, on the blocking pool.

mod accepted;
mod operation;

pub(crate) use accepted::Accepted;
pub use operation::Operation;

use crate::Handle;
use std::io;
use std::panic::Location;
use weftwork_scheduler::Blocking;

/// One transfer is for so much at most: the buffers of the pool stay small.
pub(crate) const LONGEST: usize = 2 << 20;

/// Where the program asked for something.
pub(crate) type Place = &'static Location<'static>;

/// Hands `work` to the pool of this thread's runtime.
pub(crate) fn submit<T: Send + 'static>(
    place: Place,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Blocking<T>> {
    let handle = Handle::try_current().map_err(io::Error::other)?;
    let job = handle.try_blocking(work, place);
    job.map_err(|(refusal, _work)| io::Error::other(refusal))
}
