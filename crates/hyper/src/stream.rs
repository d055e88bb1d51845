//! A connection of an HTTP client, with or without TLS.

use crate::HyperIo;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork::net::TcpStream;

/// A connection that a [`Connector`](crate::Connector) has opened, for hyper to read and write.
pub struct HttpStream {
    io: Box<dyn Io>,
    info: ConnectInfo,
}

/// The two ends of a connection. hyper-util's client puts it into the extensions of a response.
#[doc(alias = "HttpInfo")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectInfo {
    /// The address of this end.
    pub local_addr: SocketAddr,
    /// The address of the peer.
    pub peer_addr: SocketAddr,
    /// Whether the peer wants HTTP/2, as it has said in the TLS handshake.
    pub is_http2: bool,
}

/// Whatever hyper can read and write.
trait Io: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Io for T {}

impl HttpStream {
    pub(crate) fn plain(stream: TcpStream) -> io::Result<Self> {
        let info = ConnectInfo::of(&stream)?;
        Ok(Self {
            io: Box::new(HyperIo(stream)),
            info,
        })
    }

    #[cfg(feature = "tls")]
    pub(crate) fn secure(stream: futures_rustls::client::TlsStream<TcpStream>) -> io::Result<Self> {
        let (tcp, session) = stream.get_ref();
        let mut info = ConnectInfo::of(tcp)?;
        info.is_http2 = session.alpn_protocol() == Some(b"h2");
        Ok(Self {
            io: Box::new(HyperIo(stream)),
            info,
        })
    }

    /// The two ends.
    #[must_use]
    pub fn info(&self) -> ConnectInfo {
        self.info
    }
}

impl ConnectInfo {
    fn of(stream: &TcpStream) -> io::Result<Self> {
        Ok(Self {
            local_addr: stream.local_addr()?,
            peer_addr: stream.peer_addr()?,
            is_http2: false,
        })
    }
}

impl Read for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for HttpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

#[cfg(feature = "hyper-util")]
impl hyper_util::client::legacy::connect::Connection for HttpStream {
    fn connected(&self) -> hyper_util::client::legacy::connect::Connected {
        let connected = hyper_util::client::legacy::connect::Connected::new().extra(self.info);
        if self.info.is_http2 {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl fmt::Debug for HttpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpStream")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}
