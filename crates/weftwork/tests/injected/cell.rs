//! One cell of the table: a call, an error, the n-th time, a small program, and what it is to see.

use crate::common::{On, Reports, Watchdog, comes_true, descriptors, ms};
use crate::fault::Fault;
use futures::future::LocalBoxFuture;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};
use weftwork::Runtime;

/// The number of the cell that a process is to try, and on what.
const CHILD: &str = "WEFTWORK_TEST_CELL";

/// What a process says in which nothing can be traced.
const NO_TRACE: &str = "nothing is traced here, the cells need strace and ptrace: ";

/// What a program does; it is done without faults, with them, and without them again.
pub(crate) type Use = LocalBoxFuture<'static, io::Result<()>>;

/// One row: the calls (`?` before one that not every system has), the error, which of the calls of
/// each thread, the program, and what is expected.
pub(crate) type Cell = (&'static str, &'static str, &'static str, Program, Expected);

pub(crate) const FIRST: &str = "1";
pub(crate) const SECOND: &str = "2";
pub(crate) const EVERY: &str = "1+";
/// The first one and every second one after it.
pub(crate) const NOW_AND_THEN: &str = "1+2";

#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// On a runtime of one thread, and on one of two. With one the order of calls is known.
    On(fn() -> Use),
    /// Makes its own runtime. It has not run before the fault.
    Whole(fn() -> io::Result<()>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// Nobody sees it.
    Works,
    /// An error with these words, and the next use works.
    Fails(&'static str),
    /// It works, and the exception handler hears of it once.
    Reported(&'static str),
    /// Every operation on that runtime's descriptors fails from there on; timers and jobs go on,
    /// and so do other runtimes.
    Dead,
}

/// Tries all cells of a table, each in a process of its own.
pub(crate) fn all(test: &str, cells: &[Cell]) {
    if let Ok(child) = std::env::var(CHILD) {
        let (number, workers) = child.split_once(' ').unwrap();
        return one(&cells[number.parse::<usize>().unwrap()], workers);
    }
    let mut failed = Vec::new();
    for (number, cell) in cells.iter().enumerate() {
        let kinds: &[&str] = match cell.3 {
            Program::On(_) => &["local", "2"],
            Program::Whole(_) => &["local"],
        };
        for workers in kinds {
            match in_a_process(test, &format!("{number} {workers}")) {
                Ok(()) => {}
                Err(told) => {
                    if let Some(why) = told.lines().find(|line| line.contains(NO_TRACE)) {
                        return lacking(why);
                    }
                    failed.push(format!("{cell:?} on {workers}:\n{told}"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn in_a_process(test: &str, child: &str) -> Result<(), String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command.args(["--exact", test, "--nocapture"]);
    let child = command.env(CHILD, child).output().unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    if child.status.success() && told.contains("1 passed") {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&child.stderr);
    Err(format!("{}\n{told}\n{errors}", child.status))
}

/// Says so; a failure where all peers are required.
fn lacking(what: &str) {
    let is_required = std::env::var_os("WEFTWORK_PEERS").is_some_and(|value| value == "required");
    assert!(!is_required, "{what}");
    eprintln!("skipped: {what}");
}

fn one(cell: &Cell, workers: &str) {
    let _watchdog = Watchdog::start();
    match cell.3 {
        Program::On(program) => on(cell, workers, program),
        Program::Whole(program) => whole(cell, program),
    }
}

/// With the fault; none if it did not strike.
fn with_fault<R>(&(calls, error, when, ..): &Cell, f: impl FnOnce() -> R) -> (R, bool) {
    let fault = Fault::start(calls, error, when).unwrap_or_else(|why| panic!("{NO_TRACE}{why}"));
    let result = f();
    (result, fault.stop())
}

fn on(cell: &Cell, workers: &str, program: fn() -> Use) {
    let kind = match workers {
        "local" => On::Local,
        workers => On::Workers(workers.parse().unwrap()),
    };
    let reports = Reports::default();
    let runtime = || {
        let sink = reports.clone();
        // The jobs of a program are done by one thread, whose calls are in order.
        let builder = Runtime::builder().blocking_threads(1);
        kind.runtime(builder.exception_handler(move |report| sink.add(report)))
    };
    let first = runtime();
    // What is made once is made before.
    first.block_on(program()).unwrap();
    let before = descriptors();
    let (result, struck) = with_fault(cell, || first.block_on(program()));
    // Two threads may have shared the calls.
    let is_exact = kind == On::Local;
    assert!(struck || !is_exact, "no call failed: {result:?}");
    expect(cell.4, &result, struck, is_exact);
    first.block_on(async {
        weftwork::sleep(ms(1)).await;
        assert_eq!(weftwork::spawn_blocking(|| 1).await, 1);
    });
    let again = || first.block_on(program());
    match cell.4 {
        Expected::Dead if struck => {
            assert!(comes_true(|| again().is_err()), "it is not dead");
            expect(cell.4, &again(), true, true);
        }
        _ => again().unwrap(),
    }
    // Tasks that a use has left behind go on only while the runtime does.
    let settling = async {
        let deadline = Instant::now() + Duration::from_secs(20);
        while descriptors() > before {
            assert!(Instant::now() < deadline, "descriptors are lost");
            weftwork::sleep(ms(1)).await;
        }
    };
    first.block_on(settling);
    expect_reports(cell.4, struck, &reports);
    first.close().unwrap();
    runtime().block_on(program()).unwrap();
    assert_eq!(reports.take(), []);
}

fn whole(cell: &Cell, program: fn() -> io::Result<()>) {
    let (before, threads) = (descriptors(), threads());
    let (result, struck) = with_fault(cell, program);
    assert!(struck, "no call failed: {result:?}");
    expect(cell.4, &result, struck, true);
    let is_left = || descriptors() > before || self::threads() > threads;
    assert!(comes_true(|| !is_left()), "descriptors or threads are lost");
    program().unwrap();
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Where calls are shared by threads, the one that fails may be one of no concern.
fn expect(expected: Expected, result: &io::Result<()>, struck: bool, is_exact: bool) {
    let text = result.as_ref().err().map(ToString::to_string);
    let words = match expected {
        Expected::Works | Expected::Reported(_) => None,
        Expected::Fails(words) => Some(words),
        Expected::Dead => Some("the poller of the runtime is dead"),
    };
    let is_as_expected = match (&text, words) {
        (None, None) => true,
        (Some(text), Some(words)) => text.contains(words),
        (None, Some(_)) => !struck || !is_exact,
        (Some(_), None) => false,
    };
    assert!(is_as_expected, "{expected:?} was expected, not {text:?}");
}

fn expect_reports(expected: Expected, struck: bool, reports: &Reports) {
    let seen = reports.take();
    match expected {
        Expected::Reported(words) if struck => {
            assert_eq!(seen.len(), 1, "{seen:?}");
            assert!(seen[0].message.contains(words), "{seen:?}");
        }
        _ => assert_eq!(seen, []),
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::On(_) => "On",
            Self::Whole(_) => "Whole",
        })
    }
}
