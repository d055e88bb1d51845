//! The writer.

use super::pump;
use super::state::{End, Lost, Shared, Sink, Socket, State, drained, no_address};
use crate::Handle;
use crate::net::stream::TcpStream;
use futures_io::AsyncWrite;
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

/// Writes without waiting; [`drain`](Self::drain) waits while too much is buffered.
///
/// It is made by [`open_connection`](super::open_connection), by `into_streams` of a socket, or
/// over anything with the traits of [`futures_io`]. What the system does not take at once is
/// kept and sent by a task of the runtime.
///
/// Dropping it ends writing, as [`write_eof`](Self::write_eof): what was written is still sent,
/// and the reader reads on.
#[doc(alias = "asyncio.StreamWriter")]
#[doc(alias = "WriteTransport")]
pub struct StreamWriter(Arc<Shared>);

impl StreamWriter {
    /// A writer over a stream.
    ///
    /// # Errors
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime.
    pub fn new(sink: impl AsyncWrite + Send + 'static) -> io::Result<Self> {
        Self::over(sink, None)
    }

    pub(super) fn over(
        sink: impl AsyncWrite + Send + 'static,
        socket: Option<Socket>,
    ) -> io::Result<Self> {
        let handle = Handle::try_current().map_err(io::Error::other)?;
        let sink: Sink = Box::pin(sink);
        Ok(Self(Shared::new(handle, sink, socket)))
    }

    /// Writes, as far as it goes at once, and keeps the rest to be sent as soon as it can. It
    /// never waits: await [`drain`](Self::drain) after it, so that the rest does not grow.
    ///
    /// Of writes from several tasks, each is sent in one piece.
    ///
    /// # Errors
    /// `BrokenPipe` after [`write_eof`](Self::write_eof) and [`close`](Self::close), and the
    /// error that ended the stream, if one did. Nothing is kept then.
    pub fn write(&self, data: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        state.check_open()?;
        state.unsent += data.len();
        match state.take_sink() {
            Some(sink) => {
                drop(state);
                pump::start(&self.0, sink, data);
            }
            None => {
                state.buffer.extend_from_slice(data);
                state.pause_if_high();
            }
        }
        Ok(())
    }

    /// Writes several pieces as one.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn writelines(&self, lines: impl IntoIterator<Item = impl AsRef<[u8]>>) -> io::Result<()> {
        let mut all = Vec::new();
        for line in lines {
            all.extend_from_slice(line.as_ref());
        }
        self.write(&all)
    }

    /// Waits, if more than the high mark (64 KiB) is unsent, until it is not more than the low
    /// one (16 KiB).
    ///
    /// # Errors
    /// The error that ended the stream, if one did.
    ///
    /// # Cancel safety
    /// The wait can be dropped at any time; sending goes on.
    #[doc(alias = "flush")]
    pub async fn drain(&self) -> io::Result<()> {
        loop {
            let waiting = {
                let mut state = self.0.lock();
                if let Some(lost) = &state.lost {
                    return Err(lost.error());
                }
                state.drain()
            };
            match waiting {
                // What it gives does not matter: the state is looked at again.
                Some(waiting) => drop(waiting.await),
                None => return Ok(()),
            }
        }
    }

    /// Sets the marks of [`drain`](Self::drain), in bytes. With a high mark of 0 it waits until
    /// everything was sent. A low mark above the high one is taken to be the same.
    #[doc(alias = "WriteTransport.set_write_buffer_limits")]
    pub fn set_write_buffer_limits(&self, high: usize, low: usize) {
        let drains = self.0.lock().set_limits(high, low);
        drained(drains);
    }

    /// How many bytes are unsent.
    #[doc(alias = "get_write_buffer_size")]
    #[must_use]
    pub fn write_buffer_size(&self) -> usize {
        self.0.lock().unsent
    }

    /// Ends writing, after what was written: the peer reads the end of the stream. Reading goes
    /// on. Doing so twice is fine.
    ///
    /// # Errors
    /// The error that ended the stream, if one did.
    pub fn write_eof(&self) -> io::Result<()> {
        self.end(End::Eof)
    }

    /// Closes the connection, after what was written, in both directions. Closing twice is fine.
    pub fn close(&self) {
        // It is over already.
        let _ = self.end(End::Closed);
    }

    fn end(&self, end: End) -> io::Result<()> {
        let mut state = self.0.lock();
        if let Some(lost) = &state.lost {
            return Err(lost.error());
        }
        state.end = state.end.max(end);
        let sink = state.take_sink();
        drop(state);
        match sink {
            Some(sink) => pump::start(&self.0, sink, &[]),
            None => self.0.end_if_closed(),
        }
        Ok(())
    }

    /// Gives the connection up: what is unsent is dropped, and both directions end. Whoever waits
    /// gets the error `ConnectionAborted`.
    #[doc(alias = "WriteTransport.abort")]
    pub fn abort(&self) {
        let aborted = io::Error::new(io::ErrorKind::ConnectionAborted, "the stream was given up");
        let (task, socket) = self.0.lose(Lost::of(&aborted));
        if let Some(socket) = socket {
            socket.end(Shutdown::Both);
        }
        if let Some(task) = task {
            task.cancel_with("the stream for which it writes was given up");
        }
    }

    /// True once it is to be closed, or over.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        let state = self.0.lock();
        state.end == End::Closed || state.lost.is_some()
    }

    /// Waits until it is closed: everything was sent.
    ///
    /// # Errors
    /// The error that ended the stream, if one did.
    ///
    /// # Cancel safety
    /// The wait can be dropped at any time; sending goes on.
    pub async fn wait_closed(&self) -> io::Result<()> {
        self.0.over.cancelled().await;
        match &self.0.lock().lost {
            Some(lost) => Err(lost.error()),
            None => Ok(()),
        }
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// What the system says; `NotConnected` once it is over, and for what has no internet
    /// address.
    #[doc(alias = "get_extra_info")]
    #[doc(alias = "peername")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.addr(TcpStream::peer_addr)
    }

    /// The address of this end.
    ///
    /// # Errors
    /// As [`peer_addr`](Self::peer_addr).
    #[doc(alias = "sockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.addr(TcpStream::local_addr)
    }

    fn addr(&self, which: impl Fn(&TcpStream) -> io::Result<SocketAddr>) -> io::Result<SocketAddr> {
        match &self.0.lock().socket {
            Some(socket) => socket.addr(which),
            None => Err(no_address()),
        }
    }
}

impl State {
    fn check_open(&self) -> io::Result<()> {
        if let Some(lost) = &self.lost {
            return Err(lost.error());
        }
        let message = match self.end {
            End::Open => return Ok(()),
            End::Eof => "nothing can be written after `write_eof`",
            End::Closed => "nothing can be written after `close`",
        };
        Err(io::Error::new(io::ErrorKind::BrokenPipe, message))
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        // It is over already.
        let _ = self.end(End::Eof);
    }
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter")
            .field("unsent", &self.write_buffer_size())
            .field("is_closing", &self.is_closing())
            .finish_non_exhaustive()
    }
}
