//! Runs the smallest suite as CI does: every row on every peer, with right checksums.

use std::process::{Command, Output};

fn benches(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weftwork-benches"))
        .args(args)
        .output()
        .expect("the program starts")
}

#[test]
fn every_row_gives_the_right_checksum_on_every_peer() {
    let output = benches(&["--smoke"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    let rows = [
        ("weftwork", 31),
        ("tokio", 30),
        ("smol", 30),
        ("flume", 4),
        ("kanal", 4),
        ("rayon", 1),
        ("floor", 5),
        ("floor_1", 2),
    ];
    for (peer, rows) in rows {
        let verdict = format!(" {peer} ok");
        assert_eq!(text.matches(&verdict).count(), rows, "{peer} in:\n{text}");
    }
}

#[test]
fn a_mistake_in_the_arguments_fails() {
    let output = benches(&["--smoke", "no_such_row"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no_such_row"));
}
