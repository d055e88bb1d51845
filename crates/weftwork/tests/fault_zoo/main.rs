//! Faults that are no module's own: wakers and futures that are misused, runtimes that end at the worst moment,
//! processes that exit, stop and die. The table in docs/verification.md says which fault is where.

#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "what a child process says")]

#[path = "../common/mod.rs"]
mod common;

mod clocks;
mod ends;
mod futures_elsewhere;
mod processes;
mod wakes;
