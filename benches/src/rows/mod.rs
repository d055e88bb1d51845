//! The rows of the suite, one file each.

mod blocked;
mod chained_spawn;
mod event_broadcast;
mod fan_out_gather;
mod fork_join;
#[cfg(target_os = "linux")]
mod hyper;
pub(crate) mod idle_memory;
mod idle_wakeups;
mod latency;
#[cfg(target_os = "linux")]
mod mixed;
mod mpsc;
mod mutex;
mod oneshot;
mod ping_pong;
mod semaphore;
mod spawn_external;
mod spawn_join;
mod spawn_overlap;
#[cfg(target_os = "linux")]
mod tcp;
mod timer_churn;
mod timer_lateness;
mod timers;
mod token_tree;
mod yield_now;

use crate::row::Row;

/// Every row, in the order of the table.
pub(crate) const ALL: &[&Row] = &[
    &spawn_join::ROW,
    &spawn_external::ROW,
    &spawn_external::ROW_8,
    &chained_spawn::ROW,
    &spawn_overlap::ROW,
    &yield_now::ROW,
    &fan_out_gather::ROW,
    &fork_join::ROW,
    &latency::ROW,
    &latency::ROW_P99,
    &blocked::ROW,
    &idle_memory::ROW,
    &idle_wakeups::ROW,
    &timers::ROW,
    &timer_churn::ROW,
    &timer_lateness::ROW,
    &mpsc::ROW,
    &mpsc::ROW_MPMC,
    &ping_pong::ROW,
    &semaphore::ROW,
    &mutex::ROW,
    &mutex::ROW_2,
    &mutex::ROW_64,
    &oneshot::ROW,
    &event_broadcast::ROW,
    &token_tree::ROW,
    #[cfg(target_os = "linux")]
    &tcp::ROW_64,
    #[cfg(target_os = "linux")]
    &tcp::ROW_1000,
    #[cfg(target_os = "linux")]
    &hyper::ROW_64,
    #[cfg(target_os = "linux")]
    &hyper::ROW_1000,
    #[cfg(target_os = "linux")]
    &mixed::ROW,
];

/// The sum of `0..n`, which is the checksum where task `i` returns `i`.
fn sum_below(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Peer, Scale};

    #[test]
    fn names_are_unique_and_every_row_has_its_baseline() {
        for (i, row) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|other| other.name != row.name));
            assert!(row.workload(row.baseline).is_some(), "{}", row.name);
            assert!(row.workload(Peer::Weftwork).is_some(), "{}", row.name);
        }
    }

    #[test]
    fn every_scale_does_something_and_a_checksum_depends_on_the_count() {
        for row in ALL {
            let [full, quick, smoke] =
                [Scale::Full, Scale::Quick, Scale::Smoke].map(|scale| row.ops(scale));
            assert!(full > quick && quick >= smoke && smoke > 0, "{}", row.name);
            assert_ne!((row.expected)(full), (row.expected)(full - row.least));
        }
    }
}
