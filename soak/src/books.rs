//! The books: what was opened and what was closed, of each kind.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A kind of thing that has to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Account {
    /// Spawned, and ended: the hooks of the runtimes count.
    Tasks,
    /// Made, and dropped.
    Futures,
    /// Bodies that were begun, and their clean-ups that ran to the end.
    CleanUps,
    /// Scheduled, and run or dropped.
    Callbacks,
    /// Submitted, and run or dropped.
    Jobs,
    /// Put into a queue, and taken out.
    Items,
    /// Taken from a semaphore, and there again.
    Permits,
    /// Added under a lock, and found there at the end.
    Additions,
    /// Written by a client, and read by its server.
    BytesThere,
    /// Written by the server, and read by the client.
    BytesBack,
    /// Begun, and gone.
    Runtimes,
}

const NAMES: [&str; 11] = [
    "tasks",
    "futures",
    "clean-ups",
    "callbacks",
    "blocking jobs",
    "items",
    "permits",
    "additions",
    "bytes there",
    "bytes back",
    "runtimes",
];

static OPENED: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];
static CLOSED: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];
/// What must not happen at all.
static FAULTS: AtomicU64 = AtomicU64::new(0);

impl Account {
    pub(crate) fn open(self, count: u64) {
        OPENED[self as usize].fetch_add(count, Relaxed);
    }

    pub(crate) fn close(self, count: u64) {
        CLOSED[self as usize].fetch_add(count, Relaxed);
    }

    /// Opened here, and closed where this is dropped.
    pub(crate) fn hold(self) -> Held {
        self.open(1);
        Held(self)
    }
}

/// One thing on an account, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held(Account);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.close(1);
    }
}

/// Something must be so.
#[track_caller]
pub(crate) fn check(is_so: bool, what: &str) {
    if !is_so {
        FAULTS.fetch_add(1, Relaxed);
        eprintln!("{}: {what}", std::panic::Location::caller());
    }
}

/// What is not even, and how many things happened that must not.
pub(crate) fn broken() -> Vec<String> {
    let mut broken = Vec::new();
    for (name, (opened, closed)) in NAMES.iter().zip(totals()) {
        if opened != closed {
            broken.push(format!("{name}: {opened} were opened and {closed} closed"));
        }
    }
    let faults = FAULTS.load(Relaxed);
    if faults > 0 {
        broken.push(format!("{faults} things happened that must not"));
    }
    broken
}

fn totals() -> impl Iterator<Item = (u64, u64)> {
    let both = OPENED.iter().zip(&CLOSED);
    both.map(|(opened, closed)| (opened.load(Relaxed), closed.load(Relaxed)))
}

pub(crate) fn print() {
    println!("{:<14} {:>14} {:>14}", "account", "opened", "closed");
    for (name, (opened, closed)) in NAMES.iter().zip(totals()) {
        println!("{name:<14} {opened:>14} {closed:>14}");
    }
}
