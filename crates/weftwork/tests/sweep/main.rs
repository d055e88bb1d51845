//! Every combinator, and every wait for the world outside, is cancelled and dropped at each of its
//! awaits: nothing is lost, nothing goes on that should not. `names` says what is to be swept.

#[path = "../common/mod.rs"]
mod common;

mod bytes;
mod children;
mod combinators;
mod folder;
mod fs;
mod groups;
mod io;
mod items;
mod itself;
mod knife;
mod names;
mod net;
mod process;
mod scopes;
mod server;
mod signals;
mod streams;
mod sync;
mod tasks;
mod time;
mod udp;
mod unix;
