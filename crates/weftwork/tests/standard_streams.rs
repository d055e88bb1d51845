//! Standard input and output: programs of this binary in child processes.

#![cfg(unix)]

mod common;

use common::{EVERYWHERE, Watchdog, ms};
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use weftwork::io::{stderr, stdin, stdout};
use weftwork::{Runtime, spawn, timeout};

/// Names the program that the child process is to be.
const PROGRAM: &str = "WEFTWORK_TEST_PROGRAM";

/// Copies its input to its output, with every other wait given up, between two marks.
async fn copy() {
    let (mut input, mut out) = (stdin(), stdout());
    out.write_all(b"<").await.unwrap();
    let mut buffer = [0; 1000];
    loop {
        // Another handle each time: what came for a wait that was given up is not lost.
        let _ = stdin().read(&mut []).now_or_never();
        let Ok(count) = timeout(ms(0), input.read(&mut buffer)).await else {
            input = stdin();
            weftwork::sleep(ms(1)).await;
            continue;
        };
        let mut left = &buffer[..count.unwrap()];
        if left.is_empty() {
            break;
        }
        while !left.is_empty() {
            if let Ok(count) = timeout(ms(0), out.write(left)).await {
                left = &left[count.unwrap()..];
            }
        }
    }
    out.write_all(b">").await.unwrap();
    out.close().await.unwrap();
}

/// Ends although somebody waits for input.
async fn end() {
    let waiting = spawn(async { stdin().read(&mut [0]).await });
    while waiting.control().polls() == 0 {
        weftwork::yield_now().await;
    }
}

/// A line without an end, on both streams.
async fn prompt() {
    let mut out = stdout();
    out.write_all(b"<name?").await.unwrap();
    out.flush().await.unwrap();
    let mut name = [0; 3];
    stdin().read_exact(&mut name).await.unwrap();
    out.write_all(&name).await.unwrap();
    out.write_all(b">").await.unwrap();
    // It is there without a flush.
    stderr().write_all(b"<error>").await.unwrap();
    std::process::abort();
}

/// What comes for a runtime that ended is for the next one.
fn after() {
    weftwork::run(async { assert!(stdin().read(&mut [0]).now_or_never().is_none()) });
    weftwork::run_local(copy());
}

/// Does nothing in the process of the tests.
#[test]
fn program() {
    let Ok(name) = std::env::var(PROGRAM) else {
        return;
    };
    let (name, kind) = name.split_once(' ').unwrap();
    let runtime = || EVERYWHERE[kind.parse::<usize>().unwrap()].runtime(Runtime::builder());
    match name {
        "copy" => runtime().block_on(copy()),
        "end" => runtime().block_on(end()),
        "prompt" => runtime().block_on(prompt()),
        "after" => after(),
        other => panic!("no program {other}"),
    }
}

/// Starts a program on each kind of runtime.
fn each(name: &str, test: impl Fn(Child)) {
    let _watchdog = Watchdog::of(name);
    for kind in 0..EVERYWHERE.len() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["program", "--exact", "--nocapture"])
            .env(PROGRAM, format!("{name} {kind}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        test(child.unwrap());
    }
}

/// What is between the marks.
fn marked(output: &[u8]) -> Vec<u8> {
    let from = output.iter().position(|byte| *byte == b'<').unwrap() + 1;
    let to = output.iter().rposition(|byte| *byte == b'>').unwrap();
    output[from..to].to_vec()
}

fn copies(mut child: Child) {
    let data: Vec<u8> = (0..100_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
    let mut input = child.stdin.take().unwrap();
    let sent = data.clone();
    let writing = std::thread::spawn(move || {
        for piece in sent.chunks(3333) {
            input.write_all(piece).unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    assert!(marked(&output.stdout) == data);
}

#[test]
fn waits_that_are_given_up_lose_and_double_nothing() {
    each("copy", copies);
}

#[test]
fn what_comes_for_a_runtime_that_ended_is_for_the_next_one() {
    each("after", copies);
}

#[test]
fn nobody_waits_for_input_at_the_end() {
    each("end", |mut child| {
        let input = child.stdin.take();
        assert!(child.wait().unwrap().success());
        drop(input);
    });
}

#[test]
fn a_line_without_an_end_is_there_after_a_flush() {
    each("prompt", |mut child| {
        let mut out = child.stdout.take().unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"<name?") {
            let mut byte = [0];
            out.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        child.stdin.as_mut().unwrap().write_all(b"eve").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(marked(&output.stderr), b"error");
    });
}
