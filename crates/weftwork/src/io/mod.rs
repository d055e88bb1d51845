//! The standard streams of the process, and pipes.
//!
//! ```
//! use futures::AsyncWriteExt;
//!
//! # fn main() -> std::io::Result<()> {
//! weftwork::run(async {
//!     let mut out = weftwork::io::stdout();
//!     out.write_all(b"what is your name? ").await?;
//!     out.flush().await
//! })
//! # }
//! ```

mod pipe;
mod stdin;
mod stdout;

pub use pipe::{PipeReader, PipeWriter, pipe};
pub use stdin::{Stdin, stdin};
pub use stdout::{OutputStream, stderr, stdout};
