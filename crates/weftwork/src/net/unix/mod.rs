//! Unix sockets: streams and datagrams between processes of one machine, with files as addresses.

mod datagram;
mod file;
mod listener;
mod stream;

pub use datagram::UnixDatagram;
pub use listener::UnixListener;
pub use stream::UnixStream;
pub use weftwork_io_driver::unix::Credentials;

use std::time::Duration;

/// Somebody whose queue is full is tried again after this long, and then less often.
const FIRST_RETRY: Duration = Duration::from_millis(1);
const LAST_RETRY: Duration = Duration::from_millis(64);
