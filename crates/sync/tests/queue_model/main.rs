//! Queues against plain models, in random sequences of everything one can do with them.

mod channel;
#[path = "../common/mod.rs"]
mod common;
mod line;
mod ordered;
mod rendezvous;
