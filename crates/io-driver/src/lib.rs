//! The reactor of weftwork: registration, readiness, wakers. On Linux it is built on epoll,
//! elsewhere on the [`polling`] crate.
//!
//! [`Reactor`] is the one that the driver waits on; [`Registered`] is an I/O object with its
//! registration, on which sockets are built. Nothing here knows tasks or timers, and nothing
//! above here knows the system's poller.

#[cfg(not(weftwork_loom))]
mod connect;
#[cfg(not(weftwork_loom))]
pub mod descriptor;
#[cfg(not(weftwork_loom))]
mod limit;
#[cfg(not(weftwork_loom))]
mod make;
#[cfg(not(weftwork_loom))]
pub mod options;
#[cfg(not(weftwork_loom))]
mod poller;
#[cfg(not(weftwork_loom))]
pub mod process;
#[cfg(not(weftwork_loom))]
mod reactor;
#[cfg(weftwork_loom)]
#[path = "reactor_model.rs"]
mod reactor;
#[cfg(not(weftwork_loom))]
mod registered;
#[cfg(not(weftwork_loom))]
pub mod signal;
#[cfg(not(weftwork_loom))]
mod slots;
#[cfg(not(weftwork_loom))]
mod source;
#[cfg(not(weftwork_loom))]
pub mod tcp;
pub mod thread;
#[cfg(not(weftwork_loom))]
pub mod unix;
#[cfg(not(weftwork_loom))]
mod waiters;

#[cfg(not(weftwork_loom))]
pub use connect::{connect, connect_socket};
#[cfg(not(weftwork_loom))]
pub use limit::{DescriptorLimit, descriptor_limit, explain, raise_descriptor_limit};
#[cfg(not(weftwork_loom))]
pub use poller::PollerKind;
pub use reactor::Reactor;
#[cfg(not(weftwork_loom))]
pub use registered::{Io, Registered};
#[cfg(not(weftwork_loom))]
pub use source::{Direction, Tick};
