//! tokio's I/O traits on weftwork's streams, and back; and a context of tokio.
//!
//! [`TokioIo`] gives a stream of futures-io the traits of [`tokio::io`], and [`FuturesIo`] a stream
//! of tokio those of [`futures_io`]. With the feature `context`, `tokio_context` gives a future a
//! runtime of tokio, beside weftwork's.
#![doc = concat!("\n\n", include_str!("../README.md"))]
#![forbid(unsafe_code)]

#[cfg(feature = "context")]
mod context;
mod futures_io_traits;
#[cfg(feature = "context")]
mod reactor;
mod tokio_traits;

#[cfg(feature = "context")]
pub use context::{TokioContext, tokio_context};
pub use futures_io_traits::FuturesIo;
#[cfg(feature = "context")]
pub use reactor::tokio_handle;
pub use tokio_traits::TokioIo;
