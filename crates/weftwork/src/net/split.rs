//! The two halves of a stream that own it together.

use super::stream::TcpStream;
use std::error::Error;
use std::fmt;
use std::mem;
use std::net::Shutdown;
use std::ops::Deref;

/// The half of a [`TcpStream`] that reads; it derefs to the stream.
///
/// Dropping it does not end reading: the peer may go on writing, as it may while nobody reads.
#[derive(Debug)]
pub struct OwnedReadHalf(TcpStream);

/// The half of a [`TcpStream`] that writes; it derefs to the stream.
///
/// Dropping it ends writing, which is the end of the stream for the peer;
/// [`forget`](Self::forget) leaves it open.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: TcpStream,
    ends: bool,
}

/// The halves of two different streams do not make one; they come back.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

pub(super) fn halves(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let reader = OwnedReadHalf(stream.share());
    (reader, OwnedWriteHalf { stream, ends: true })
}

impl OwnedReadHalf {
    pub(super) fn stream(&self) -> &TcpStream {
        &self.0
    }

    /// The stream as it was before the split.
    ///
    /// # Errors
    /// The halves, if they are of two streams.
    pub fn reunite(self, writer: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        if !self.0.is_same(&writer.stream) {
            return Err(ReuniteError(self, writer));
        }
        writer.forget();
        Ok(self.0)
    }
}

impl OwnedWriteHalf {
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Drops the half without ending writing: the connection stays open in both directions for
    /// as long as the other half lives.
    pub fn forget(mut self) {
        self.ends = false;
    }

    /// As [`OwnedReadHalf::reunite`].
    ///
    /// # Errors
    /// The halves, if they are of two streams.
    pub fn reunite(self, reader: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reader.reunite(self)
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if mem::take(&mut self.ends) {
            // An error means that the connection is gone.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

impl Deref for OwnedReadHalf {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        self.stream()
    }
}

impl Deref for OwnedWriteHalf {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        self.stream()
    }
}

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves of two different streams cannot be put together")
    }
}

impl Error for ReuniteError {}
