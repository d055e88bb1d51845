//! Descriptors that the tests of one process leave open, whichever of them did it.

use super::comes_true;
use std::net::ToSocketAddrs;
use std::thread;
use weftwork_std_or_loom::Mutex;

/// Test binaries in which every test that opens something has a watchdog.
const COUNTED: [&str; 13] = [
    "async_fd",
    "killed",
    "net",
    "net_connect",
    "net_faults",
    "net_runtime",
    "process",
    "process_leaks",
    "server",
    "server_limits",
    "socket_streams",
    "udp",
    "unix_sockets",
];

/// How many tests run, and what was open when the first one began.
struct Running {
    tests: usize,
    open: Option<usize>,
}

static RUNNING: Mutex<Running> = Mutex::new(Running {
    tests: 0,
    open: None,
});

fn is_counted() -> bool {
    COUNTED.contains(&env!("CARGO_CRATE_NAME"))
}

pub(crate) fn a_test_begins() {
    if !is_counted() {
        return;
    }
    let mut running = RUNNING.lock();
    running.tests += 1;
    if running.open.is_none() {
        // The C library may keep a socket to whoever looks up names for it.
        let _ = ("localhost", 0).to_socket_addrs();
        running.open = Some(open().len());
    }
}

/// With the lock held no other one begins, so at the end of the last one the count is exact.
pub(crate) fn a_test_ends() {
    if !is_counted() {
        return;
    }
    let mut running = RUNNING.lock();
    running.tests -= 1;
    if running.tests > 0 || thread::panicking() {
        return;
    }
    // A thread of the pool may be about to go.
    let before = running.open.unwrap_or_default();
    let nothing_is_left = comes_true(|| open().len() <= before);
    drop(running);
    assert!(nothing_is_left, "{before} were open before: {:?}", open());
}

/// Sockets, pollers, timers, processes: all but files and pipes. Of those the process keeps some for
/// itself (the signals have a pipe), and others come and go with the C library's allocator.
fn open() -> Vec<String> {
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let targets = targets.map(|target| target.to_string_lossy().into_owned());
    targets
        .filter(|target| target.starts_with("socket:") || target.starts_with("anon_inode:"))
        .collect()
}
