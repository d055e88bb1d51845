//! Writes to a stream: each is over once its bytes are taken, and is done on the blocking pool.

use super::{LONGEST, Place, submit};
use crate::Handle;
use crate::cancel::declines;
use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use weftwork_scheduler::Blocking;

/// The writes of one handle.
///
/// A write that has to be reported by its bytes alone cannot be given up in the middle: nobody
/// could tell whether the next one is the same again. So a write takes all that it is given at
/// once, or waits, for the one before, and has taken nothing. What was taken is written once, also
/// when this is dropped; that it failed is said to the next call that asks, or to the exception
/// handler.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    job: Option<Blocking<Done>>,
    failed: Option<Failure>,
    /// The memory of the last job.
    spare: Vec<u8>,
}

#[derive(Debug)]
struct Done {
    data: Vec<u8>,
    failed: Option<Failure>,
}

/// Why a write was not done, or not to its end. It is said once.
#[derive(Debug)]
struct Failure {
    error: Option<io::Error>,
    handle: Handle,
    place: Place,
}

impl Accepted {
    /// Takes the beginning of `buf`, which `write` writes to its end, on the pool. The error is
    /// that of the write before, or why there is no job for this one; then nothing was taken.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
        place: Place,
        write: impl FnOnce(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> Poll<io::Result<usize>> {
        if declines(cx) {
            return Poll::Pending;
        }
        ready!(self.poll_flush(cx))?;
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let handle = Handle::try_current().map_err(io::Error::other)?;
        let count = buf.len().min(LONGEST);
        let mut data = mem::take(&mut self.spare);
        data.clear();
        data.extend_from_slice(&buf[..count]);
        self.job = Some(submit(place, move || {
            let error = write(&data).err();
            let failed = error.map(|error| Failure {
                error: Some(error),
                handle,
                place,
            });
            Done { data, failed }
        })?);
        Poll::Ready(Ok(count))
    }

    /// Waits until what was taken has been written; gives the error if it has not been said yet.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_idle(cx));
        Poll::Ready(match self.failed.take() {
            Some(failure) => Err(failure.tell()),
            None => Ok(()),
        })
    }

    /// Waits until what was taken has been written; an error is left for later.
    pub(crate) fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(job) = &mut self.job else {
            return Poll::Ready(());
        };
        let done = ready!(Pin::new(job).poll(cx));
        self.job = None;
        self.spare = done.data;
        self.failed = done.failed;
        Poll::Ready(())
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            job.detach();
        }
    }
}

impl Failure {
    fn tell(mut self) -> io::Error {
        self.error
            .take()
            .expect("it is taken but here and in the drop")
    }
}

impl Drop for Failure {
    fn drop(&mut self) {
        if let Some(error) = self.error.take() {
            let text = format!(
                "{error}; what was opened at {} was dropped before it could say so: flush first",
                self.place
            );
            self.handle.report("a write failed", text);
        }
    }
}
