//! The reactor of weftwork over the `polling` crate.

#[cfg(not(weftwork_loom))]
mod reactor;
#[cfg(weftwork_loom)]
#[path = "reactor_model.rs"]
mod reactor;

pub use reactor::Reactor;
