//! Every combinator, and every wait for the world outside, is cancelled and dropped at each of its
//! awaits: nothing is lost, nothing goes on that should not. `names` says what is to be swept.

#[path = "../common/mod.rs"]
mod common;

mod bytes;
mod children;
mod combinators;
mod groups;
mod itself;
mod knife;
mod net;
mod scopes;
mod tasks;
mod time;
mod udp;
