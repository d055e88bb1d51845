//! The two halves of a stream that own it together.

use super::stream::TcpStream;
use std::error::Error;
use std::fmt;
use std::mem;
use std::net::Shutdown;
use std::ops::Deref;

pub(super) use sealed::Split;

#[allow(unnameable_types, reason = "so that nobody else implements it")]
mod sealed {
    /// A stream of which there can be two references.
    pub trait Split {
        /// Another reference to the same stream.
        fn share(&self) -> Self;
        /// True if these are references to the same stream.
        fn is_same(&self, other: &Self) -> bool;
        /// Ends a direction of it.
        fn end(&self, how: std::net::Shutdown) -> std::io::Result<()>;
    }
}

/// The half of a [`TcpStream`] (or [`UnixStream`](super::UnixStream)) that reads; it derefs to
/// the stream.
///
/// Dropping it does not end reading: the peer may go on writing, as it may while nobody reads.
#[derive(Debug)]
pub struct OwnedReadHalf<S: Split = TcpStream>(S);

/// The half of a [`TcpStream`] (or [`UnixStream`](super::UnixStream)) that writes; it derefs to
/// the stream.
///
/// Dropping it ends writing, which is the end of the stream for the peer;
/// [`forget`](Self::forget) leaves it open.
#[derive(Debug)]
pub struct OwnedWriteHalf<S: Split = TcpStream> {
    stream: S,
    ends: bool,
}

/// The halves of two different streams do not make one; they come back.
#[derive(Debug)]
pub struct ReuniteError<S: Split = TcpStream>(pub OwnedReadHalf<S>, pub OwnedWriteHalf<S>);

pub(super) fn halves<S: Split>(stream: S) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let reader = OwnedReadHalf(stream.share());
    (reader, OwnedWriteHalf { stream, ends: true })
}

impl<S: Split> OwnedReadHalf<S> {
    pub(super) fn stream(&self) -> &S {
        &self.0
    }

    /// The stream as it was before the split.
    ///
    /// # Errors
    /// The halves, if they are of two streams.
    pub fn reunite(self, writer: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !self.0.is_same(&writer.stream) {
            return Err(ReuniteError(self, writer));
        }
        writer.forget();
        Ok(self.0)
    }
}

impl<S: Split> OwnedWriteHalf<S> {
    pub(super) fn stream(&self) -> &S {
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
    pub fn reunite(self, reader: OwnedReadHalf<S>) -> Result<S, ReuniteError<S>> {
        reader.reunite(self)
    }
}

impl<S: Split> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if mem::take(&mut self.ends) {
            // An error means that the connection is gone.
            let _ = self.stream.end(Shutdown::Write);
        }
    }
}

impl<S: Split> Deref for OwnedReadHalf<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.stream()
    }
}

impl<S: Split> Deref for OwnedWriteHalf<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.stream()
    }
}

impl<S: Split> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves of two different streams cannot be put together")
    }
}

impl<S: Split + fmt::Debug> Error for ReuniteError<S> {}
