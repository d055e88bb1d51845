//! What the primitives of `weftwork_sync` promise, as tests that run on every executor.
//!
//! A **behaviour** is an `async fn(On)`: a small program with a name that says what it shows. It
//! gets an [`On`], with which it spawns tasks, and knows nothing of the executor behind it.
//! [`every_behaviour!`] is the list of all of them; the files in `tests` make a `#[test]` of each one,
//! on the runtime of weftwork with 1, 2 and 8 workers and on one local thread, on tokio, and on
//! the thread pool and the `block_on` of the futures crate.
//!
//! # To add a primitive
//! 1. Write `src/behaviours/NAME.rs` with `pub async fn what_it_shows(on: On)` for each behaviour.
//! 2. Declare it in `src/behaviours/mod.rs`, and add a line to [`every_behaviour!`]:
//!    `NAME: what_it_shows, what_else_it_shows;`
//!
//! # To write a behaviour
//! - **No sleeps.** [`waiting`] polls a future once, after which it stands in the line of its
//!   primitive; hand it to a task with [`On::spawn`], or drop it, which is a cancel at its await.
//!   So the order of waiters is what the program says, on any number of threads.
//! - [`Job::cancel`] asks the executor to cancel the task: weftwork delivers the cancel, the others drop
//!   the future.
//! - [`still_waits`] polls once more and shows that nothing has come.
//! - What only a race can show belongs to the stress tests in `crates/sync/tests/threads.rs`, and to
//!   the models in `loom-tests`; what any sequence of steps can show, to
//!   `crates/sync/tests/NAME_model.rs`, whose frame is `tests/common/model.rs`.

pub mod behaviours;
mod on;

pub use on::{Cancel, Job, On, still_waits, waiting};

/// Calls `$run(behaviour)` in a `#[test]` for each behaviour, in a module for each primitive.
///
/// In the order of the alphabet.
#[macro_export]
macro_rules! every_behaviour {
    ($run:ident) => {
        $crate::every_behaviour! { @tests $run
            semaphore:
                a_newcomer_waits_behind_a_waiter,
                of_four_waiters_two_cancelled_the_third_gets_the_permit,
                three_releases_wake_three_in_order,
                a_waiter_cancelled_with_its_permit_hands_it_on,
                closing_ends_every_wait;
        }
    };
    (@tests $run:ident $($primitive:ident: $($behaviour:ident),+;)+) => {
        $(mod $primitive {
            $(#[test]
            fn $behaviour() {
                super::$run($crate::behaviours::$primitive::$behaviour);
            })+
        })+
    };
}
