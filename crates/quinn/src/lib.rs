//! QUIC on weftwork, by quinn.
//!
//! [`QuinnRuntime`] is what quinn wants of a runtime: tasks, timers, sockets and a clock.
#![doc = concat!("\n\n", include_str!("../README.md"))]
#![forbid(unsafe_code)]

mod runtime;
mod socket;
mod timer;

pub use runtime::QuinnRuntime;
