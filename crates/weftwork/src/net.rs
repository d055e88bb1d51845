//! TCP on the runtime of the calling thread.

pub use weftwork_io_driver::net::{TcpListener, TcpStream};
