//! Child processes.
//!
//! ```
//! use weftwork::process::Command;
//!
//! # fn main() -> std::io::Result<()> {
//! weftwork::run(async {
//!     let output = Command::new("echo").arg("hello").output().await?;
//!     assert!(output.status.success());
//!     assert_eq!(output.stdout, b"hello\n");
//!
//!     let mut sort = Command::new("sort").piped().spawn()?;
//!     let sorted = sort.communicate("b\na\n").await?;
//!     assert_eq!(sorted.stdout, b"a\nb\n");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # The end of a child
//! A [`Child`] that is dropped before it has ended, also because its task was cancelled, is
//! killed, unless [`kill_on_drop(false)`](Command::kill_on_drop) says that it is to run on. In
//! either case it is reaped: no zombies stay, and its exit status is lost only if nobody asked.
//! Only the child itself is killed, not what it has started.
//!
//! Where the system has descriptors for processes (Linux since 5.3) each child is waited for by
//! its own, elsewhere by `SIGCHLD`. A program that waits for *any* child (`waitpid(-1)`) or
//! ignores `SIGCHLD` takes the exit statuses away: then waiting is an error that says so.
//!
//! A child belongs to the runtime in which it was started: its pipes and its end are waited for
//! only while that runtime runs.

mod child;
mod command;
mod communicate;
mod reaped;

pub use child::{Child, ChildControl};
pub use command::Command;
pub use std::process::{ExitStatus, Output, Stdio};
