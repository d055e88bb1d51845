//! hyper 1.x on weftwork.
//!
//! [`HyperIo`] gives a stream of futures-io the traits that hyper reads and writes through,
//! [`HyperTimer`] has hyper's timers run on weftwork's, and [`HyperExecutor`] its tasks.
//! [`Connector`] opens the connections of a client, hyper-util's too.
#![doc = concat!("\n\n", include_str!("../README.md"))]
#![forbid(unsafe_code)]

mod connector;
mod executor;
mod io;
mod stream;
mod timer;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;

pub use connector::Connector;
pub use executor::HyperExecutor;
#[cfg(feature = "tls")]
pub use futures_rustls;
pub use io::HyperIo;
pub use stream::{ConnectInfo, HttpStream};
pub use timer::HyperTimer;
