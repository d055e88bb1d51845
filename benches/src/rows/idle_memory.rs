//! Row `idle_memory`: by how much the process grows with a million tasks that wait for an event.
//!
//! The event belongs to no peer, and its own memory is there before the tasks are. The runtimes'
//! queues are kept short: of interest is what a task needs that waits, not one that is to run.

#![allow(
    clippy::disallowed_types,
    reason = "the benchmarks are not checked by loom"
)]

use std::fs;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use smol::future::yield_now;

use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "idle_memory",
    about: "1e6 tasks wait for an event; resident memory per task",
    count: 1_000_000,
    least: BATCH,
    unit: Unit::Bytes,
    expected: |ops| ops,
    baseline: Peer::Tokio,
    goal: Some(Goal::Cost(120.0)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
    ],
};

/// So many tasks are spawned before the root lets them run.
const BATCH: u64 = 500;

async fn weftwork(ops: u64) -> Sample {
    measure(ops, |waiting| drop(weftwork::spawn(waiting))).await
}

async fn tokio(ops: u64) -> Sample {
    measure(ops, |waiting| drop(tokio::spawn(waiting))).await
}

async fn smol(ops: u64) -> Sample {
    measure(ops, |waiting| smol::spawn(waiting).detach()).await
}

async fn measure(ops: u64, spawn: fn(Waiting)) -> Sample {
    let mut event = Arc::new(Event::for_waiters(ops));
    let clock = Clock::start();
    let before = resident();
    for number in 1..=ops {
        spawn(Waiting(event.clone()));
        if number % BATCH == 0 || number == ops {
            while event.waiting() < number {
                yield_now().await;
            }
        }
    }
    let grown = before.and_then(|before| resident()?.checked_sub(before));
    event.happen();
    // Tasks that are gone hold the event no more, whether they have come to their end or not.
    while Arc::get_mut(&mut event).is_none() {
        yield_now().await;
    }
    Sample {
        counted: grown,
        ..clock.stop(event.met.load(Relaxed))
    }
}

/// The event, which happens once.
struct Event {
    /// Who waits; `None` when it has happened.
    wakers: Mutex<Option<Vec<Waker>>>,
    /// How many tasks have seen that it has happened.
    met: AtomicU64,
}

impl Event {
    /// With memory for the wakers that is already resident: it has been written to.
    fn for_waiters(count: u64) -> Self {
        let count = usize::try_from(count).expect("as many wakers fit into memory");
        let mut wakers = vec![Waker::noop().clone(); count];
        wakers.clear();
        Self {
            wakers: Mutex::new(Some(wakers)),
            met: AtomicU64::new(0),
        }
    }

    fn wakers(&self) -> MutexGuard<'_, Option<Vec<Waker>>> {
        self.wakers.lock().expect("no holder of the lock panics")
    }

    fn waiting(&self) -> u64 {
        self.wakers().as_ref().map_or(0, |list| list.len() as u64)
    }

    fn happen(&self) {
        let wakers = self.wakers().take();
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The future of a task that waits for the event.
struct Waiting(Arc<Event>);

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(list) = self.0.wakers().as_mut() {
            list.push(context.waker().clone());
            return Poll::Pending;
        }
        self.0.met.fetch_add(1, Relaxed);
        Poll::Ready(())
    }
}

/// The bytes of this process that are in memory, where the system tells.
fn resident() -> Option<u64> {
    resident_of(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Reads the line `VmRSS:     1234 kB`.
fn resident_of(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_found_among_the_others() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t  8 kB\nVmRSS:\t    1500 kB\nRssAnon:\t 7 kB\n";
        assert_eq!(resident_of(status), Some(1_536_000));
        assert_eq!(resident_of("VmRSS:\t1500 pages\n"), None);
        assert_eq!(resident_of(""), None);
    }

    #[test]
    fn the_memory_of_the_event_is_resident_before_the_tasks() {
        let event = Event::for_waiters(1000);
        let room = event.wakers().as_ref().map(Vec::capacity);
        assert_eq!((event.waiting(), room), (0, Some(1000)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn growth_is_seen() {
        let before = resident().unwrap();
        let block = vec![1_u8; 64 << 20];
        let after = resident().unwrap();
        assert!(after > before + (32 << 20), "{before} {after}");
        drop(block);
    }
}
