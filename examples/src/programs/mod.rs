//! The programs, as parts of the tour.

pub(crate) mod call_later;
pub(crate) mod call_soon_threadsafe;
pub(crate) mod callback_sum;
pub(crate) mod crawl_600;
pub(crate) mod current_and_all_tasks;
pub(crate) mod do_some_work;
pub(crate) mod done_callback;
pub(crate) mod first_coroutine;
pub(crate) mod gather_groups;
pub(crate) mod gather_groups_cancelled;
pub(crate) mod gather_groups_failures;
pub(crate) mod hello;
pub(crate) mod http_get_10;
pub(crate) mod http_get_600;
pub(crate) mod http_get_600_limited;
pub(crate) mod producer_consumer;
pub(crate) mod results_after_wait;
pub(crate) mod results_by_gather;
pub(crate) mod run_coroutine_threadsafe;
pub(crate) mod task_repr;
pub(crate) mod task_result;
pub(crate) mod thread_daemon;
pub(crate) mod thread_holds;
pub(crate) mod time_sleep_trap;
pub(crate) mod wait_first_exception;
pub(crate) mod wait_three_times;
