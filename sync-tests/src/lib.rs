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
            channel:
                a_channel_ends_with_its_last_sender,
                a_channel_ends_with_its_last_receiver,
                a_task_that_is_cancelled_drops_its_half,
                a_watched_value_reaches_all_who_wait,
                a_broadcast_reaches_all_and_tells_who_lagged,
                a_oneshot_is_set_once_by_any_task,
                a_sender_hears_of_a_cancelled_receiver;
            queue:
                a_getter_woken_and_then_cancelled_leaves_its_item_and_the_order,
                a_cancelled_getter_takes_nothing,
                a_freed_slot_is_the_first_putters,
                an_extra_task_done_is_an_error,
                shutdown_gives_putters_their_items_back_and_getters_drain_first,
                immediate_shutdown_empties_and_settles_join,
                a_rendezvous_put_is_done_when_its_item_is_taken,
                everything_that_is_put_is_got_once,
                getters_cancelled_at_any_moment_lose_no_item,
                putters_cancelled_at_any_moment_put_all_or_nothing;
            semaphore:
                a_newcomer_waits_behind_a_waiter,
                of_four_waiters_two_cancelled_the_third_gets_the_permit,
                three_releases_wake_three_in_order,
                a_waiter_cancelled_with_its_permit_hands_it_on,
                closing_ends_every_wait;
            token:
                a_cancel_reaches_every_task_below_and_none_above,
                a_future_runs_until_its_token_is_cancelled,
                a_guard_goes_with_its_task;
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
