//! The target `queue` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weftwork_fuzz::run("queue", bytes));
