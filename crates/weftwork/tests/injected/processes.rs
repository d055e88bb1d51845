//! The calls that start processes and hear of their end, and those of signals.

use crate::cell::Expected::{Fails, Works};
use crate::cell::Program::{On, Whole};
use crate::cell::{self, Cell, FIRST, NOW_AND_THEN, SECOND, Use};
use crate::common::{On as Kind, children, comes_true};
use std::io;
use weftwork::Runtime;
use weftwork::process::Command;
use weftwork::signal::unix::{SignalKind, signal};

const LIMIT: &str = "this process";
const SYSTEM: &str = "the whole system";
const CLONE: &str = "?clone3,clone,?vfork";
const AGAIN: &str = "Resource temporarily unavailable";
const MEMORY: &str = "Cannot allocate memory";

#[rustfmt::skip]
const CELLS: &[Cell] = &[
    // No child.
    ("pipe2", "EMFILE", FIRST, On(child), Fails(LIMIT)),
    ("pipe2", "EMFILE", SECOND, On(child), Fails(LIMIT)),
    ("pipe2", "ENFILE", FIRST, On(child), Fails(SYSTEM)),
    (CLONE, "EAGAIN", FIRST, On(child), Fails(AGAIN)),
    (CLONE, "ENOMEM", FIRST, On(child), Fails(MEMORY)),
    ("execve", "ENOMEM", FIRST, On(child), Fails(MEMORY)),
    ("execve", "EACCES", FIRST, On(child), Fails("Permission denied")),
    // A child that nobody would hear of is ended.
    ("pidfd_open", "EMFILE", FIRST, On(child), Fails(LIMIT)),
    ("pidfd_open", "ENFILE", FIRST, On(child), Fails(SYSTEM)),
    ("pidfd_open", "ENOMEM", FIRST, On(child), Fails(MEMORY)),
    ("epoll_ctl", "ENOSPC", FIRST, On(child), Fails("max_user_watches")),
    // Of these there are others ways to hear.
    ("pidfd_open", "ENOSYS", FIRST, On(child_and_signals), Works),
    ("pidfd_open", "EPERM", FIRST, On(child_and_signals), Works),
    ("wait4,waitid", "EINTR", FIRST, On(child), Works),
    ("wait4,waitid", "EINTR", NOW_AND_THEN, On(child), Works),
    ("fcntl", "EPERM", FIRST, On(child), Works),
    // Signals: they come through a pipe, of which a thread reads.
    ("read", "EINTR", FIRST, On(signals), Works),
    ("read", "EINTR", NOW_AND_THEN, On(signals), Works),
    // The first listener starts what all need.
    ("pipe2", "EMFILE", FIRST, Whole(hears), Fails(LIMIT)),
    ("pipe2", "ENFILE", FIRST, Whole(hears), Fails(SYSTEM)),
    (CLONE, "EAGAIN", FIRST, Whole(hears), Fails(AGAIN)),
];

#[test]
fn calls_of_processes_fail() {
    cell::all("processes::calls_of_processes_fail", CELLS);
}

fn child() -> Use {
    Box::pin(async {
        let output = Command::new("/bin/echo").arg("here").output().await;
        assert!(comes_true(|| children() == tracers()), "a child is left");
        let output = output?;
        assert_eq!(output.stdout, b"here\n");
        assert!(output.status.success());
        Ok(())
    })
}

/// The thread for signals is there before.
fn child_and_signals() -> Use {
    Box::pin(async {
        drop(signal(SignalKind::child())?);
        child().await
    })
}

/// strace itself, while it is at work.
fn tracers() -> usize {
    usize::from(crate::fault::is_at_work())
}

fn hears() -> io::Result<()> {
    let runtime = Kind::Local.runtime(Runtime::builder());
    runtime.block_on(signals())
}

fn signals() -> Use {
    Box::pin(async {
        let mut came = signal(SignalKind::user_defined1())?;
        for _ in 0..3 {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::USR1)?;
            came.recv().await;
        }
        Ok(())
    })
}
