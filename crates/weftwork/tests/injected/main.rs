//! Errors that the system gives seldom, given by strace at system calls of our choice: which call,
//! which error, the n-th time; and what comes of it. Nothing hangs, an error says what is wrong, the
//! next use works, nothing is lost.
//!
//! Each cell runs in a process of its own, which has strace attached to it when all is set up. So the
//! n-th call is the n-th one of the program. Without strace, or where it may not trace, the tests say
//! so and are skipped; where `WEFTWORK_PEERS` is `required` they fail.
//!
//! Left out is what no kernel does: a call that would not have blocked and says that it would; a
//! connect that is interrupted and does not go on.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

#[path = "../common/mod.rs"]
mod common;

mod cell;
mod fault;
mod files;
mod processes;
mod reactor;
mod sockets;
mod storms;
mod threads;
