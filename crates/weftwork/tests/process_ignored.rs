//! Children of a process that ignores the signal of their end, as some daemons start their
//! programs: the system reaps them, and dropped ones leave nothing behind. One test, for it
//! counts what the whole process has.

#![cfg(target_os = "linux")]

mod common;

use common::{EVERYWHERE, Watchdog, children, comes_true, descriptors};
use weftwork::Runtime;
use weftwork::io::PipeWriter;
use weftwork::process::Command;
use weftwork::signal::unix::{SignalKind, signal};
use weftwork_io_driver::signal::{Disposition, SIGCHLD, disposition};

/// A child that was dropped and goes on until the end of its input.
fn orphan() -> PipeWriter {
    let mut cat = Command::new("cat");
    let mut child = cat.piped().kill_on_drop(false).spawn().unwrap();
    child.stdin.take().unwrap()
}

fn orphans_leave_nothing_behind() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        runtime.block_on(async {
            drop(orphan());
            assert!(comes_true(|| children() == 0));
            let open = descriptors();
            let inputs: Vec<_> = (0..10).map(|_| orphan()).collect();
            assert_eq!(children(), 10);
            assert_eq!(descriptors(), open + 10, "more than their inputs");
            drop(inputs);
            assert!(comes_true(|| children() == 0 && descriptors() == open));
        });
    }
    // From the first listener on they are this process's to reap.
    weftwork::run(async {
        let input = orphan();
        let _listener = signal(SignalKind::child()).unwrap();
        drop(input);
        assert!(comes_true(|| children() == 0), "a zombie");
    });
}

/// Says that this process is the one that ignores the signal.
const IGNORES: &str = "WEFTWORK_TEST_IGNORES_SIGCHLD";

#[test]
fn where_the_end_of_children_is_ignored_orphans_leave_nothing_behind() {
    if std::env::var_os(IGNORES).is_some() {
        assert_eq!(disposition(SIGCHLD).unwrap(), Disposition::Ignored);
        orphans_leave_nothing_behind();
        return;
    }
    let mut ignoring = std::process::Command::new("env");
    ignoring.args(["--ignore-signal=CHLD", &format!("{IGNORES}=yes")]);
    ignoring.arg(std::env::current_exe().unwrap());
    assert!(ignoring.status().unwrap().success());
}
