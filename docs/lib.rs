//! The README and the guides as doctests: each Rust program in them is compiled and run.

/// The README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The porting guide.
#[cfg(doctest)]
#[doc = include_str!("asyncio-to-weftwork.md")]
pub struct PortingGuide;
