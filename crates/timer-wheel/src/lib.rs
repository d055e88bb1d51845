//! A hierarchical timer wheel as pure data: no clock, no thread, no lock, no unsafe code.
