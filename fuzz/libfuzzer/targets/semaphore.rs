//! The target `semaphore` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weftwork_fuzz::run("semaphore", bytes));
