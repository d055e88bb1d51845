//! Fuzz targets: each makes operations out of bytes, does them on weftwork, and panics if what comes
//! of them breaks a promise.
//!
//! `cargo run --release -p weftwork-fuzz` feeds them the corpora and random bytes. They are plain
//! functions of bytes, so that any fuzzer can call them.

mod bytes;
mod poll;
mod targets;

pub use targets::{Target, all};
