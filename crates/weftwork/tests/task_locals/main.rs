//! Task locals as asyncio's contextvars: who sees which value, on every kind of runtime.

#[path = "../common/mod.rs"]
mod common;

mod contexts;
mod inherits;
mod values;

use weftwork::task_local;

task_local! {
    /// Not set at first.
    static NAME: String;
    static NUMBER: u32 = 0;
}

/// The number, from a place that the compiler knows nothing of.
async fn number() -> u32 {
    NUMBER.get().unwrap()
}
