//! What the primitives of `weftwork_sync` promise, as tests that run on every executor.
//!
//! A **behaviour** is an `async fn(On)`: a small program with a name that says what it shows. It
//! gets an [`On`], with which it spawns tasks, and knows nothing of the executor behind it.
//! [`every_behaviour!`] is the list of all of them; the files in `tests` make a `#[test]` of each
//! one, on the runtime of weftwork with 1, 2 and 8 workers and on one local thread, on tokio, and
//! on the thread pool and the `block_on` of the futures crate. `tests/delivery.rs` has what only
//! weftwork has: a cancel that is delivered.
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
//! - [`Job::cancel`] asks the executor to cancel the task: weftwork delivers the cancel, the others
//!   drop the future.
//! - [`still_waits`] polls once more and shows that nothing has come.
//! - What only a race can show belongs to the stress tests in `crates/sync/tests/threads.rs`, and
//!   to the models in `loom-tests`; what any sequence of steps can show, to
//!   `crates/sync/tests/NAME_model.rs`, whose frame is `tests/common/model.rs`.

pub mod behaviours;
mod on;

pub use on::{Cancel, Job, On, in_time, still_waits, waiting, yield_now};

/// Calls `$run(behaviour)` in a `#[test]` for each behaviour, in a module for each primitive.
///
/// In the order of the alphabet.
#[macro_export]
macro_rules! every_behaviour {
    ($run:ident) => {
        $crate::every_behaviour! { @tests $run
            barrier:
                a_cancelled_waiter_does_not_break_it,
                every_phase_gives_each_number_once,
                newcomers_wait_while_a_phase_drains,
                abort_breaks_it_until_a_reset,
                reset_refuses_those_who_wait,
                reset_while_a_phase_drains_refuses_that_phase;
            bounded_semaphore:
                over_release_is_an_error;
            channel:
                a_channel_ends_with_its_last_sender,
                a_channel_ends_with_its_last_receiver,
                a_task_that_is_cancelled_drops_its_half,
                a_watched_value_reaches_all_who_wait,
                a_broadcast_reaches_all_and_tells_who_lagged,
                a_oneshot_is_set_once_by_any_task,
                a_sender_hears_of_a_cancelled_receiver;
            condvar:
                a_notified_waiter_has_the_lock,
                a_notified_waiter_that_is_cancelled_passes_it_on,
                one_notification_and_a_cancel_wake_somebody,
                notify_n_wakes_n_in_order,
                wait_for_looks_before_and_after_each_wait;
            event:
                set_then_clear_wakes_all_who_waited,
                a_cancelled_waiter_leaves_the_others_alone;
            limiter:
                a_token_goes_to_the_first_waiter_and_is_accounted_for,
                waiters_cancelled_at_any_moment_lose_no_token;
            mutex:
                release_then_acquire_goes_behind_the_waiter,
                a_head_waiter_cancelled_while_the_lock_is_released_hands_it_on,
                a_promised_lock_that_is_dropped_goes_to_the_next_one,
                many_tasks_count_to_the_sum,
                an_owned_guard_travels;
            notify:
                one_notification_is_kept,
                whoever_has_called_is_in_the_line,
                a_notified_waiter_that_is_cancelled_passes_it_on,
                of_a_notification_of_all_nothing_is_passed_on;
            once_cell:
                one_of_many_makes_it,
                a_failing_initialiser_lets_the_next_one_try,
                a_cancelled_initialiser_lets_the_next_one_try;
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
            rwlock:
                readers_do_not_starve_a_writer,
                readers_between_two_writers_read_at_once,
                a_cancelled_writer_lets_the_readers_behind_it_read,
                a_downgraded_writer_reads_what_it_wrote;
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
                $crate::in_time(|| super::$run($crate::behaviours::$primitive::$behaviour));
            })+
        })+
    };
}
