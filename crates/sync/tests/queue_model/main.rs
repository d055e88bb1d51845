//! Queues against plain models, in random sequences of everything one can do with them.

#[path = "../common/mod.rs"]
mod common;
mod line;
mod ordered;
mod rendezvous;
