//! Files and folders, on the blocking pool.
//!
//! ```
//! use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
//! use std::io::SeekFrom;
//! use weftwork::fs::{self, OpenOptions};
//!
//! # fn main() -> std::io::Result<()> {
//! # let folder = std::env::temp_dir().join(format!("weftwork-fs-{}", std::process::id()));
//! weftwork::run(async {
//!     fs::create_dir_all(&folder).await?;
//!     let path = folder.join("greeting");
//!     fs::write(&path, "hello").await?;
//!
//!     let mut file = OpenOptions::new().read(true).write(true).open(&path).await?;
//!     file.seek(SeekFrom::End(0)).await?;
//!     file.write_all(b" world").await?;
//!     file.seek(SeekFrom::Start(6)).await?;
//!     let mut text = String::new();
//!     file.read_to_string(&mut text).await?;
//!     assert_eq!(text, "world");
//!
//!     fs::remove_dir_all(&folder).await?;
//!     Ok(())
//! })
//! # }
//! ```
//!
//! No system tells when a file is ready, so every call blocks a thread of the pool
//! ([`Builder::blocking_threads`](crate::Builder::blocking_threads)) and costs a switch to it and
//! back: read and write much at a time, through `BufReader` and `BufWriter` of the crate
//! `futures` where pieces are small. Many small files are read faster in one
//! [`spawn_blocking`](crate::spawn_blocking).
//!
//! # Cancellation
//! A call that the pool has not begun when its future is dropped never happens. One that has
//! begun runs on to its end, unseen, and the end of the runtime waits for it. What that means is
//! said at each function that changes something; those that only look have nothing to lose. A write
//! that an open [`File`] has accepted is done in any case.

mod file;
mod file_io;
mod open_options;
mod paths;
mod read_dir;
mod reads;
mod writes;

pub use crate::pooled::Operation;
pub use file::File;
pub use open_options::OpenOptions;
pub use paths::{
    canonicalize, copy, create_dir, create_dir_all, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink,
    symlink_metadata, try_exists, write,
};
pub use read_dir::{DirEntry, ReadDir, read_dir};
pub use std::fs::{FileType, Metadata, Permissions};
