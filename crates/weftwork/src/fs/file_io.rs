//! Reading, writing and seeking in a file through the traits of futures-io.

use super::file::{File, Kind};
use crate::cancel::declines;
use crate::pooled::{LONGEST, Place, submit};
use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use weftwork_scheduler::Blocking;

/// The reads of a file. What was read for a wait that is gone stays for the next one.
#[derive(Debug, Default)]
pub(super) struct Reads {
    job: Option<Blocking<(Vec<u8>, io::Result<usize>)>>,
    /// From `taken` to `filled` it has not been handed out.
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
}

impl Reads {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        place: Place,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize> + Send + 'static,
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.taken == self.filled {
            if self.job.is_none() {
                let mut buffer = std::mem::take(&mut self.buffer);
                buffer.resize(buf.len().min(LONGEST), 0);
                self.job = Some(submit(place, move || {
                    let result = read(&mut buffer);
                    (buffer, result)
                })?);
            }
            if let Some(job) = &mut self.job {
                let (buffer, result) = ready!(Pin::new(job).poll(cx));
                self.job = None;
                self.buffer = buffer;
                self.taken = 0;
                self.filled = *result.as_ref().unwrap_or(&0);
                result?;
            }
        }
        let left = &self.buffer[self.taken..self.filled];
        let count = left.len().min(buf.len());
        buf[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Poll::Ready(Ok(count))
    }

    /// What was read is not at the position any more.
    pub(super) fn forget(&mut self) {
        self.job = None;
        self.taken = self.filled;
    }
}

impl File {
    /// Goes to a position, and forgets what was read at another one.
    fn go_to(&mut self, position: Option<u64>) -> io::Result<u64> {
        let position = position.filter(|position| i64::try_from(*position).is_ok());
        let position = position.ok_or_else(|| {
            let text = "no file has this position: it is negative or beyond 2^63 - 1";
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        self.reads.forget();
        self.position = position;
        Ok(position)
    }

    /// Asks for the length.
    fn poll_length(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let job = match &mut self.length {
            Some(job) => job,
            none => {
                let file = Arc::clone(&self.file);
                // The position that the system keeps is not used, and devices have no length.
                let work = move || (&*file).seek(SeekFrom::End(0));
                none.insert(submit(self.place, work)?)
            }
        };
        let length = ready!(Pin::new(job).poll(cx));
        self.length = None;
        Poll::Ready(length)
    }
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if declines(cx) {
            return Poll::Pending;
        }
        let this = &mut *self;
        let (file, kind, position) = (Arc::clone(&this.file), this.kind, this.position);
        if kind == Kind::Positioned {
            ready!(this.writes.poll_settle(cx));
        }
        let read = move |buf: &mut [u8]| {
            uninterrupted(|| match kind {
                Kind::Stream => (&*file).read(buf),
                _ => file.read_at(buf, position),
            })
        };
        let count = ready!(this.reads.poll(cx, buf, this.place, read))?;
        this.position += count as u64;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for File {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let (file, kind, position) = (Arc::clone(&this.file), this.kind, this.position);
        // A length that was asked for and given up does not hold any more.
        this.length = None;
        if kind == Kind::Positioned {
            this.reads.forget();
        }
        let write = move |data: &[u8]| {
            uninterrupted(|| match kind {
                Kind::Positioned => file.write_at(data, position),
                _ => (&*file).write(data),
            })
        };
        let count = ready!(this.writes.poll(cx, buf, this.place, write))?;
        if kind == Kind::Positioned {
            this.position += count as u64;
        }
        Poll::Ready(Ok(count))
    }

    /// Does nothing: what was written is with the system. [`sync_all`](File::sync_all) brings it
    /// to the disk.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing: dropping the file closes it.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for File {
    fn poll_seek(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        if declines(cx) {
            return Poll::Pending;
        }
        let this = &mut *self;
        if this.kind == Kind::Stream {
            return Poll::Ready(Err(io::ErrorKind::NotSeekable.into()));
        }
        ready!(this.writes.poll_settle(cx));
        if !matches!(to, SeekFrom::End(_)) {
            this.length = None;
        }
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => this.position.checked_add_signed(offset),
            SeekFrom::End(offset) => ready!(this.poll_length(cx))?.checked_add_signed(offset),
        };
        Poll::Ready(this.go_to(position))
    }
}

fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
