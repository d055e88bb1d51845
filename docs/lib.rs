//! The README and the guides as doctests: each Rust program in them is compiled and run. What a
//! program of the porting guide prints is compared with what CPython printed for the Python program
//! beside it; [`names`] has a link for each path that the guide's tables name.

mod transcript;

pub use transcript::{add, compare};

/// The README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The README of the crate.
#[cfg(doctest)]
#[doc = include_str!("../crates/weftwork/README.md")]
pub struct CrateReadme;

/// What happens to a worker that is blocked.
#[cfg(doctest)]
#[doc = include_str!("blocked-workers.md")]
pub struct BlockedWorkers;

/// The porting guide.
#[cfg(doctest)]
#[doc = include_str!(concat!(env!("OUT_DIR"), "/guide.md"))]
pub struct PortingGuide;

#[doc = include_str!(concat!(env!("OUT_DIR"), "/names.md"))]
pub mod names {}
