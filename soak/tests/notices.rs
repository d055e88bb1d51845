//! The program itself: a clean run is even, and each leak that is planted is noticed.

use std::process::{Child, Command, Output, Stdio};

fn start(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weftwork-soak"));
    command.args(["--seconds", "0", "--round", "100", "--workers", "2"]);
    let command = command.args(args);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it was built")
}

fn soak(args: &[&str]) -> Output {
    start(args).wait_with_output().expect("it ends")
}

#[test]
fn a_clean_run_is_even() {
    let run = soak(&[]);
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && text.ends_with("all is even\n"),
        "{run:?}"
    );
}

#[test]
fn each_planted_leak_is_noticed() {
    let leaks = [
        ("task", "tasks: "),
        ("future", "futures: "),
        ("byte", "bytes there: "),
        ("permit", "permits: "),
        ("descriptor", "descriptors: "),
        ("thread", "threads: "),
        ("memory", "memory: "),
    ];
    // Side by side: most of their time they wait for books that do not become even.
    let runs = leaks.map(|(leak, named)| (leak, named, start(&["--planted", leak])));
    for (leak, named, run) in runs {
        let run = run.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&run.stdout);
        assert_eq!(run.status.code(), Some(1), "{leak}: {run:?}");
        assert!(text.contains(&format!("BROKEN: {named}")), "{leak}: {text}");
    }
}

#[test]
fn what_it_does_not_know_is_refused() {
    for args in [&["--planted", "doubt"][..], &["--seconds"], &["--fast"]] {
        assert_eq!(soak(args).status.code(), Some(2), "{args:?}");
    }
}
