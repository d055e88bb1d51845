//! Reads of a file, one at a time.

use super::file::Kind;
use crate::pooled::{LONGEST, Place, submit};
use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use weftwork_scheduler::Blocking;

/// The reads of a file. What was read for a wait that is gone stays for the next one.
#[derive(Debug, Default)]
pub(super) struct Reads {
    job: Option<Blocking<Came>>,
    /// From `taken` to `filled` it has not been handed out.
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
}

#[derive(Debug)]
struct Came {
    buffer: Vec<u8>,
    result: io::Result<usize>,
    /// If it is the end of a file: the length at which it was the end.
    length: Option<u64>,
}

/// What is read, and where.
#[derive(Clone, Debug)]
pub(super) struct From {
    pub(super) file: Arc<File>,
    pub(super) kind: Kind,
    pub(super) position: u64,
}

impl Reads {
    /// Hands out what was read, or reads.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        place: Place,
        from: &From,
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        while self.taken == self.filled {
            let job = match &mut self.job {
                Some(job) => job,
                none => {
                    let mut buffer = std::mem::take(&mut self.buffer);
                    buffer.resize(buf.len().min(LONGEST), 0);
                    let from = from.clone();
                    none.insert(submit(place, move || from.come(buffer))?)
                }
            };
            let came = ready!(Pin::new(job).poll(cx));
            self.job = None;
            self.buffer = came.buffer;
            self.taken = 0;
            self.filled = *came.result.as_ref().unwrap_or(&0);
            // An end may have been seen for a wait that was given up long ago. The system knows the
            // length without looking further, so this is not left to the pool.
            if came.result? == 0 && came.length == from.length() {
                return Poll::Ready(Ok(0));
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

impl From {
    /// Blocks.
    fn come(&self, mut buffer: Vec<u8>) -> Came {
        let mut result = self.read(&mut buffer);
        let mut length = None;
        if matches!(result, Ok(0)) && self.kind != Kind::Stream {
            // Whoever writes meanwhile is seen by the length or by the read.
            length = self.length();
            result = self.read(&mut buffer);
        }
        Came {
            buffer,
            result,
            length,
        }
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = match self.kind {
                Kind::Stream => (&*self.file).read(buf),
                _ => self.file.read_at(buf, self.position),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// How long it is; none if it has no length.
    fn length(&self) -> Option<u64> {
        let metadata = match self.kind {
            Kind::Stream => return None,
            _ => self.file.metadata(),
        };
        metadata.ok().map(|metadata| metadata.len())
    }
}
