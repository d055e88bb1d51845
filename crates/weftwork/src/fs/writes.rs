//! Writes to a place in a file, one at a time, each reported when it has been done.

use crate::cancel::declines;
use crate::pooled::{LONGEST, Place, submit};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use weftwork_scheduler::Blocking;

/// The writes of a file that is written to at its position.
///
/// A write that was cancelled runs on, and the next one waits for it. The position has not moved,
/// so if that one begins with the same bytes they stand where it wants them, and it takes the
/// result; a write that is tried again after a cancel is done once.
#[derive(Debug, Default)]
pub(super) struct Writes {
    job: Option<Blocking<Written>>,
    /// The memory of the last job.
    spare: Vec<u8>,
}

#[derive(Debug)]
struct Written {
    data: Vec<u8>,
    result: io::Result<usize>,
}

impl Writes {
    /// Writes the beginning of `buf` with `write`, on the pool.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
        place: Place,
        write: impl FnOnce(&[u8]) -> io::Result<usize> + Send + 'static,
    ) -> Poll<io::Result<usize>> {
        if declines(cx) {
            return Poll::Pending;
        }
        if let Some(result) = ready!(self.poll_job(cx, buf)) {
            return Poll::Ready(result);
        }
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut data = std::mem::take(&mut self.spare);
        data.clear();
        data.extend_from_slice(&buf[..buf.len().min(LONGEST)]);
        self.job = Some(submit(place, move || {
            let result = write(&data);
            Written { data, result }
        })?);
        match ready!(self.poll_job(cx, buf)) {
            Some(result) => Poll::Ready(result),
            // It wrote the beginning of `buf`, so there is a result.
            None => Poll::Ready(Ok(0)),
        }
    }

    /// Waits for a write that was cancelled; its result is nobody's.
    pub(super) fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let settled = ready!(self.poll_job(cx, &[]));
        drop(settled);
        Poll::Ready(())
    }

    /// The end of the job, if there is one; its result, if it is one for `buf`.
    fn poll_job(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Option<io::Result<usize>>> {
        let Some(job) = &mut self.job else {
            return Poll::Ready(None);
        };
        let Written { data, result } = ready!(Pin::new(job).poll(cx));
        self.job = None;
        let is_for_buf = match &result {
            Ok(count) => buf.starts_with(&data[..*count]),
            // Nothing of a failure is lost.
            Err(_) => true,
        };
        self.spare = data;
        Poll::Ready(is_for_buf.then_some(result))
    }
}
