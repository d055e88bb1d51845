//! Fuzz targets: each makes operations out of bytes, does them on weftwork, and panics if what comes
//! of them breaks a promise.
//!
//! `cargo run --release -p weftwork-fuzz` feeds them the corpus and random bytes; `fuzz/libfuzzer`
//! is the same under libFuzzer, which looks for new paths, with a nightly compiler.

mod bytes;
mod poll;
mod targets;

pub use targets::{Target, all};

/// Runs the target of this name.
///
/// # Panics
/// If there is none, or if a promise is broken.
pub fn run(name: &str, bytes: &[u8]) {
    let target = all().into_iter().find(|target| target.name == name);
    (target.expect("it is one of the targets").run)(bytes);
}
