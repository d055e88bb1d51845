//! tokio's I/O traits on weftwork's streams, and back.
//!
//! [`TokioIo`] gives a stream of futures-io the traits of [`tokio::io`], and [`FuturesIo`] a stream
//! of tokio those of [`futures_io`].
#![doc = concat!("\n\n", include_str!("../README.md"))]

mod futures_io_traits;
mod tokio_traits;

pub use futures_io_traits::FuturesIo;
pub use tokio_traits::TokioIo;
