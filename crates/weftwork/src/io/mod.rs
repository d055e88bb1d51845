//! Pipes, and the standard streams of the process.

mod pipe;

pub use pipe::{PipeReader, PipeWriter, pipe};
