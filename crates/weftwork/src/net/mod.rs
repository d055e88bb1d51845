//! TCP on the runtime of the calling thread.
//!
//! A socket belongs to the runtime in which it was made, and waits only while that runtime
//! runs. It may outlive it: then every operation fails, and dropping it is fine. Reading and
//! writing go through the traits of [`futures_io`], which are implemented for [`TcpStream`] and
//! for `&TcpStream`; the extension traits of the crate `futures` bring `read`, `write_all` and
//! their kin.
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
mod listener;
mod split;
mod stream;
mod traits;

pub use addr::{ToSocketAddrs, lookup_host};
pub use async_fd::{AsyncFd, ReadyGuard, RegisterError};
pub use listener::TcpListener;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use stream::TcpStream;
pub use weftwork_io_driver::{DescriptorLimit, Direction};

use crate::Handle;
use std::io;
use std::sync::Arc;
use weftwork_io_driver::Reactor;

/// The reactor of this thread's runtime.
pub(crate) fn reactor() -> io::Result<Arc<Reactor>> {
    let handle = Handle::try_current().map_err(io::Error::other)?;
    Ok(Arc::clone(handle.reactor()))
}
