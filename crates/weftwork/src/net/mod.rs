//! TCP, UDP and Unix sockets on the runtime of the calling thread.
//!
//! | for | there is |
//! |---|---|
//! | connections | [`TcpStream`], [`UnixStream`]; [`TcpSocket`] sets options before |
//! | reading lines and writing without waiting, as in asyncio | [`open_connection`], [`StreamReader`], [`StreamWriter`] |
//! | serving | [`start_server`], [`start_unix_server`], or a loop over [`TcpListener`], [`UnixListener`] |
//! | datagrams | [`UdpSocket`], [`UnixDatagram`] |
//! | names | [`lookup_host`] |
//! | any other descriptor | [`AsyncFd`] |
//! | many connections | [`raise_descriptor_limit`], [`DescriptorLimit`] |
//!
//! A socket belongs to the runtime in which it was made, and waits only while that runtime
//! runs. It may outlive it: then every operation fails, and dropping it is fine. Reading and
//! writing streams goes through the traits of [`futures_io`], which are implemented for
//! [`TcpStream`], [`UnixStream`] and references to them; the extension traits of the crate
//! `futures` bring `read`, `write_all` and their kin.
//!
//! ```
//! use futures::{AsyncReadExt, AsyncWriteExt};
//! use weftwork::net::{TcpListener, TcpStream};
//!
//! # fn main() -> std::io::Result<()> {
//! weftwork::run(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let addr = listener.local_addr()?;
//!     let server = weftwork::spawn(async move {
//!         let (stream, _peer) = listener.accept().await?;
//!         futures::io::copy(&stream, &mut &stream).await
//!     });
//!     let mut stream = TcpStream::connect(addr).await?;
//!     stream.write_all(b"hello").await?;
//!     stream.close().await?;
//!     let mut echo = String::new();
//!     stream.read_to_string(&mut echo).await?;
//!     assert_eq!(echo, "hello");
//!     assert_eq!(server.await?, 5);
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # Cancellation
//! Every wait here is a leaf: cancelled or dropped before its end, it has read, written,
//! accepted nothing. What is built of several waits (`write_all`, `read_exact`) is not: some of
//! the bytes may have gone.

mod addr;
mod async_fd;
mod connect;
mod listener;
mod server;
mod socket;
mod split;
mod stream;
mod streams;
mod traits;
mod udp;
mod unix;

pub use addr::{ToSocketAddrs, lookup_host};
pub use async_fd::{AsyncFd, ReadyGuard, RegisterError};
pub use listener::TcpListener;
pub use server::{
    HandlerResult, Server, ServerBuilder, UnixServerBuilder, start_server, start_unix_server,
};
pub use socket::TcpSocket;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use stream::TcpStream;
pub use streams::{
    IncompleteRead, LimitOverrun, ReadError, StreamReader, StreamWriter, open_connection,
    open_unix_connection,
};
pub use udp::UdpSocket;
pub use unix::{Credentials, UnixDatagram, UnixListener, UnixStream};
pub use weftwork_io_driver::options::Keepalive;
pub use weftwork_io_driver::{
    DescriptorLimit, Direction, descriptor_limit, raise_descriptor_limit,
};

use crate::Handle;
use std::io;
use std::sync::Arc;
use weftwork_io_driver::Reactor;

/// The reactor of this thread's runtime.
pub(crate) fn reactor() -> io::Result<Arc<Reactor>> {
    let handle = Handle::try_current().map_err(io::Error::other)?;
    Ok(Arc::clone(handle.reactor()))
}
