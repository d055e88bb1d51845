//! Redis: a server to run against, connections over weftwork's streams, and a consumer that loses
//! nothing.

mod connection;
mod consumer;
mod server;

pub use connection::{Redis, connect, connect_with};
pub use consumer::Consumer;
pub use server::{RedisServer, UNAVAILABLE};
