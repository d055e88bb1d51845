//! Task locals as asyncio's contextvars: who sees which value, on every kind of runtime.

#[path = "../common/mod.rs"]
mod common;

mod contexts;
mod inherits;
mod model;
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

#[test]
fn the_macro_takes_what_thread_local_takes() {
    mod inner {
        weftwork::task_local!(pub(super) static ONE: u8 = 1);
        weftwork::task_local! {}
        weftwork::task_local! {
            /// Documented, and without a default.
            #[allow(unused, reason = "an attribute")]
            pub(super) static TWO: Vec<Option<(u8, String)>>;
            pub(super) static THREE: Vec<u8> = { let two = 2; vec![1, two] };
        }
    }
    assert_eq!(
        (inner::ONE.get(), inner::THREE.get()),
        (Ok(1), Ok(vec![1, 2]))
    );
    assert!(inner::TWO.get().is_err());
}
