//! The README and the guides as doctests: each Rust program in them is compiled and run.

/// The README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The README of the crate.
#[cfg(doctest)]
#[doc = include_str!("../crates/weftwork/README.md")]
pub struct CrateReadme;

/// The porting guide.
#[cfg(doctest)]
#[doc = include_str!("asyncio-to-weftwork.md")]
pub struct PortingGuide;
