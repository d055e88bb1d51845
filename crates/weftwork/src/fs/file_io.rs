//! Reading, writing and seeking in a file through the traits of futures-io.

use super::file::{File, Kind};
use super::reads::From;
use crate::cancel::declines;
use crate::pooled::submit;
use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};
use std::future::Future;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use weftwork_io_driver::descriptor;

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

    /// Waits until nothing is being written. The error of a write that was accepted is left for
    /// the next call that is about writing, that of one that was given up is nobody's.
    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.writes.poll_settle(cx));
        self.accepted.poll_idle(cx)
    }

    /// Waits until nothing is being written, and gives the error of what was accepted.
    pub(super) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if declines(cx) {
            return Poll::Pending;
        }
        ready!(self.writes.poll_settle(cx));
        self.accepted.poll_flush(cx)
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
        // What goes into a pipe may be for somebody who waits for what comes out of it.
        if this.kind != Kind::Stream {
            ready!(this.poll_settle(cx));
        }
        let from = From {
            file: Arc::clone(&this.file),
            kind: this.kind,
            position: this.position,
        };
        let count = ready!(this.reads.poll(cx, buf, this.place, &from))?;
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
        let (file, position) = (Arc::clone(&this.file), this.position);
        // A length that was asked for and given up does not hold any more.
        this.length = None;
        if this.kind != Kind::Positioned {
            let write =
                move |data: &[u8]| descriptor::write_all(&file, data, |data| (&*file).write(data));
            return this.accepted.poll_write(cx, buf, this.place, write);
        }
        this.reads.forget();
        let write = move |data: &[u8]| {
            loop {
                match file.write_at(data, position) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => return result,
                }
            }
        };
        let count = ready!(this.writes.poll(cx, buf, this.place, write))?;
        this.position += count as u64;
        Poll::Ready(Ok(count))
    }

    /// Waits until what was accepted has been written, and gives the error of that. Where writes
    /// are reported once they are done, there is nothing to wait for.
    /// [`sync_all`](File::sync_all) brings it to the disk.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(cx)
    }

    /// As `flush`: dropping the file closes it.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
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
        ready!(this.poll_settle(cx));
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
