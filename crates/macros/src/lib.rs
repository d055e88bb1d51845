//! The attribute macros weftwork::main and weftwork::test.
