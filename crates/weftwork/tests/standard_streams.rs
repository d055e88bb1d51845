//! Standard input and output: programs of this binary in child processes.

#![cfg(unix)]

mod common;

use common::{EVERYWHERE, Folder, Watchdog, ms};
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
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
    // They are there although the process has no end of its own.
    out.flush().await.unwrap();
    let mut error = stderr();
    error.write_all(b"<error>").await.unwrap();
    error.close().await.unwrap();
    std::process::abort();
}

/// Equal writes, of which some are given up; says how many bytes were taken.
async fn equal() {
    let mut out = stdout();
    out.write_all(b"<").await.unwrap();
    let mut taken = 0;
    for length in (1..=200).chain((1..=200).rev()) {
        let tried = out.write(&[b'a'; 200][..length]).now_or_never();
        taken += tried.map_or(0, Result::unwrap);
        if length % 7 == 0 {
            weftwork::yield_now().await;
        }
    }
    out.write_all(b">").await.unwrap();
    out.flush().await.unwrap();
    let mut error = stderr();
    error
        .write_all(format!("<{taken}>").as_bytes())
        .await
        .unwrap();
    error.flush().await.unwrap();
}

/// Leaves a handle without a flush.
async fn unflushed() {
    let data = [b"<", &[b'a'; 1 << 20][..], b">\n"].concat();
    stdout().write_all(&data).await.unwrap();
}

/// Gives this process an output that fails, after what the test harness has to say.
fn fail(how: &str) {
    let failing = match how {
        "full" => std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap()
            .into(),
        // Nobody reads it.
        _ => OwnedFd::from(io::pipe().unwrap().1),
    };
    rustix::stdio::dup2_stdout(failing).unwrap();
}

/// Writes to an output that fails, and says of each call how it ended.
async fn failing() {
    let mut out = stdout();
    let mut told = Vec::new();
    for _ in 0..2 {
        told.push(out.write_all(b"x\n").await);
        told.push(out.flush().await);
    }
    out.write_all(b"x\n").await.unwrap();
    told.push(out.close().await);
    told.push(stdout().write_all(b"x\n").await);
    let told: Vec<_> = told
        .iter()
        .map(|told| told.as_ref().err().map(io::Error::kind))
        .collect();
    let mut error = stderr();
    error
        .write_all(format!("<{told:?}>\n").as_bytes())
        .await
        .unwrap();
    error.flush().await.unwrap();
}

/// An output that somebody has put into non-blocking mode.
async fn nonblocking() {
    let shared = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned();
    let _shared = weftwork::io::PipeWriter::from_fd(shared.unwrap()).unwrap();
    let mut out = stdout();
    for _ in 0..10 {
        out.write_all(&[b'a'; 100_000]).await.unwrap();
        out.write_all(b"\n").await.unwrap();
    }
    out.flush().await.unwrap();
    // What the tests print does not wait for room.
    std::process::exit(0);
}

/// An end of the input that came for a wait that was given up is told once; then it goes on.
async fn goes_on() {
    let mut input = stdin();
    let mut came = [0; 8];
    let mut error = stderr();
    assert_eq!(input.read(&mut came).await.unwrap(), 1);
    assert!(input.read(&mut came).now_or_never().is_none());
    error.write_all(b"<").await.unwrap();
    error.flush().await.unwrap();
    // The parent ends its side, and opens it again.
    assert_eq!(stdin().read(&mut came).await.unwrap(), 0);
    error.write_all(b"0").await.unwrap();
    error.flush().await.unwrap();
    // Before it has done so, every read finds the end.
    weftwork::sleep(Duration::from_secs(1)).await;
    let count = input.read(&mut came).await.unwrap();
    error.write_all(&came[..count]).await.unwrap();
    error.write_all(b">").await.unwrap();
    error.flush().await.unwrap();
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
        "equal" => runtime().block_on(equal()),
        "unflushed" => runtime().block_on(unflushed()),
        "full" | "gone" => {
            fail(name);
            runtime().block_on(failing());
            std::process::exit(0);
        }
        "nonblocking" => runtime().block_on(nonblocking()),
        "goes_on" => runtime().block_on(goes_on()),
        "after" => after(),
        other => panic!("no program {other}"),
    }
}

/// Starts a program on each kind of runtime.
fn each(name: &str, test: impl Fn(Child)) {
    each_with(name, |_| (), test);
}

/// As `each`; `change` may give it other streams than pipes.
fn each_with(name: &str, change: impl Fn(&mut Command), test: impl Fn(Child)) {
    let _watchdog = Watchdog::of(name);
    for kind in 0..EVERYWHERE.len() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["program", "--exact", "--nocapture"])
            .env(PROGRAM, format!("{name} {kind}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        test(command.spawn().unwrap());
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

#[test]
fn writes_that_are_given_up_take_no_part_of_later_ones() {
    each("equal", |child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let taken = String::from_utf8(marked(&output.stderr)).unwrap();
        let written = marked(&output.stdout);
        assert_eq!(written.len(), taken.parse::<usize>().unwrap());
        assert!(written.iter().all(|byte| *byte == b'a'));
    });
}

#[test]
fn the_end_of_the_runtime_waits_for_what_was_taken() {
    each("unflushed", |child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert!(marked(&output.stdout) == [b'a'; 1 << 20]);
    });
}

#[test]
fn an_output_in_non_blocking_mode_loses_nothing() {
    each("nonblocking", |child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let lines = output.stdout.split(|byte| *byte == b'\n');
        assert_eq!(lines.filter(|line| **line == [b'a'; 100_000]).count(), 10);
    });
}

/// A write is taken, and the next call says that it failed; the last one says so to nobody.
fn fails_with(kind: &'static str) -> impl Fn(Child) {
    move |child| {
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let one = format!("Some({kind})");
        let wanted = format!("<[None, {one}, None, {one}, {one}, None]>");
        assert!(told.contains(&wanted), "{told}");
        let reports = told.matches("a write failed").count();
        assert_eq!(reports, 1, "{told}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_output_is_the_error_of_the_next_call() {
    each("full", fails_with("StorageFull"));
}

#[test]
fn an_output_that_nobody_reads_is_the_error_of_the_next_call() {
    each("gone", fails_with("BrokenPipe"));
}

/// As `^D` at a terminal, after which more is typed.
#[test]
fn an_end_that_came_for_a_wait_that_was_given_up_is_told_once() {
    let folder = Folder::new();
    let path = folder.fifo();
    // Both sides, so that no open waits and there is a writer from the beginning.
    let writer = RefCell::new(None);
    let with_fifo = |command: &mut Command| {
        let mut both = std::fs::OpenOptions::new();
        let both = both.read(true).write(true).open(&path).unwrap();
        command.stdin(std::fs::File::open(&path).unwrap());
        writer.replace(Some(both));
    };
    each_with("goes_on", with_fifo, |mut child| {
        let mut error = child.stderr.take().unwrap();
        let mut seen = Vec::new();
        let mut until = |mark: u8, seen: &mut Vec<u8>| {
            while seen.last() != Some(&mark) {
                let mut byte = [0];
                error.read_exact(&mut byte).unwrap();
                seen.push(byte[0]);
            }
        };
        let mut writer = writer.take().unwrap();
        writer.write_all(b"1").unwrap();
        until(b'<', &mut seen);
        drop(writer);
        until(b'0', &mut seen);
        let again = std::fs::OpenOptions::new().write(true).open(&path);
        again.unwrap().write_all(b"more").unwrap();
        until(b'>', &mut seen);
        assert_eq!(marked(&seen), b"0more");
        assert!(child.wait().unwrap().success());
    });
}
