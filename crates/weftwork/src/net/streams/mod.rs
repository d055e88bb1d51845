//! asyncio's streams: a reader with a buffer, and a writer that never blocks.
//!
//! What differs from asyncio:
//!
//! - The reader takes from the socket when it is asked to read, not in the background: an end or
//!   an error is known when a read meets it, and nothing has to be paused.
//! - A read that could not have what it wants says what there was, and a `?` turns that into an
//!   [`io::Error`].
//! - [`write`](StreamWriter::write) gives an error at once when the stream is over, instead of
//!   leaving it to `drain`.
//! - A line that is too long is handed out with the error of [`readline`](StreamReader::readline)
//!   instead of being thrown away.
//! - A writer that is dropped ends writing, without a warning: what was written is still sent,
//!   and the reader reads on.

mod buffer;
mod error;
mod pump;
mod reader;
mod state;
mod writer;

pub use error::{IncompleteRead, LimitOverrun, ReadError};
pub use reader::StreamReader;
pub use writer::StreamWriter;

use self::state::Socket;
use super::addr::ToSocketAddrs;
use super::split::Split;
use super::stream::TcpStream;
use super::unix::UnixStream;
use std::io;
use std::path::Path;

/// Connects, and gives a reader and a writer. Small writes are sent at once, as in asyncio
/// (`TCP_NODELAY`).
///
/// ```
/// use weftwork::net::{TcpStream, open_connection, start_server};
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let server = start_server("127.0.0.1:0", async |stream: TcpStream, _peer| {
///         let (mut reader, writer) = stream.into_streams()?;
///         let line = reader.readline().await?;
///         writer.writelines([&b"you said: "[..], &line])?;
///         writer.close();
///         writer.wait_closed().await
///     })
///     .await?;
///
///     let (mut reader, writer) = open_connection(server.local_addr()).await?;
///     writer.write(b"hello\n")?;
///     writer.drain().await?;
///     assert_eq!(reader.readline().await?, b"you said: hello\n");
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// As [`TcpStream::connect`].
///
/// # Cancel safety
/// Dropped before its end, the attempt is given up.
#[doc(alias = "asyncio.open_connection")]
pub async fn open_connection(addr: impl ToSocketAddrs) -> io::Result<(StreamReader, StreamWriter)> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    stream.into_streams()
}

/// Connects to whoever listens at a path, and gives a reader and a writer.
///
/// # Errors
/// As [`UnixStream::connect`].
///
/// # Cancel safety
/// Dropped before its end, the attempt is given up.
#[doc(alias = "asyncio.open_unix_connection")]
pub async fn open_unix_connection(
    path: impl AsRef<Path>,
) -> io::Result<(StreamReader, StreamWriter)> {
    UnixStream::connect(path).await?.into_streams()
}

impl TcpStream {
    /// A reader and a writer as asyncio has them; closing the writer closes the connection in
    /// both directions.
    ///
    /// # Errors
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime.
    #[doc(alias = "open_connection")]
    pub fn into_streams(self) -> io::Result<(StreamReader, StreamWriter)> {
        let socket = Socket::Tcp(self.share());
        let (reader, writer) = self.into_split();
        let writer = StreamWriter::over(writer, Some(socket))?;
        Ok((StreamReader::new(reader), writer))
    }
}

impl UnixStream {
    /// A reader and a writer as asyncio has them; closing the writer closes the connection in
    /// both directions.
    ///
    /// # Errors
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime.
    #[doc(alias = "open_unix_connection")]
    pub fn into_streams(self) -> io::Result<(StreamReader, StreamWriter)> {
        let socket = Socket::Unix(self.share());
        let (reader, writer) = self.into_split();
        let writer = StreamWriter::over(writer, Some(socket))?;
        Ok((StreamReader::new(reader), writer))
    }
}
