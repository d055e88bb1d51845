//! Child processes: their streams, their end, their errors.

#![cfg(unix)]

mod common;

use common::{LONG, Watchdog, comes_true, each, foreign_block_on, ms, settle, started};
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use rustix::process::{Pid, WaitOptions, test_kill_process, waitpid};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use weftwork::process::{Child, Command, Stdio};
use weftwork::signal::unix::SignalKind;
use weftwork::{Runtime, catch, gather, spawn, timeout, yield_now};

/// True if there is such a process, a zombie included.
fn exists(id: u32) -> bool {
    let pid = Pid::from_raw(id.try_into().unwrap()).unwrap();
    test_kill_process(pid).is_ok()
}

fn sleeper() -> Child {
    Command::new("sleep").arg("3600").spawn().unwrap()
}

#[test]
fn output_and_status_say_how_it_ended() {
    each(|| async {
        let output = Command::shell("echo out; echo err >&2; cat; exit 3");
        let output = { output }.output().await.unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(output.stdout, b"out\n");
        assert_eq!(output.stderr, b"err\n");
        let status = Command::shell("kill -TERM $$").status().await.unwrap();
        assert_eq!((status.code(), status.signal()), (None, Some(15)));
        let mut command = Command::new("sh");
        command.args(["-c", "pwd; echo $A$B"]).current_dir("/");
        command.env_clear().envs([("A", "1"), ("B", "2")]);
        let output = command.env_remove("B").output().await.unwrap();
        assert_eq!(output.stdout, b"/\n1\n");
        // Once more, the same command; a stream that was said stays.
        let output = command.stdout(Stdio::null()).output().await.unwrap();
        assert_eq!(output.stdout, b"");
    });
}

/// A status in which standard input is a pipe would wait for ever.
#[test]
fn status_closes_the_input() {
    each(|| async {
        let mut cat = Command::new("cat");
        assert!(cat.stdin(Stdio::piped()).status().await.unwrap().success());
    });
}

#[test]
fn ten_megabytes_go_both_ways() {
    each(|| async {
        let input: Vec<u8> = (0..10_000_000_u32).map(|n| (n >> 3) as u8).collect();
        let mut cat = Command::new("cat").piped().spawn().unwrap();
        let output = cat.communicate(&input).await.unwrap();
        assert!(output.status.success());
        assert!(output.stdout == input && output.stderr.is_empty());

        // By hand, in two tasks.
        let mut cat = Command::new("cat").piped().spawn().unwrap();
        let (mut stdin, mut stdout) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
        let sent = input.clone();
        let writing = spawn(async move {
            stdin.write_all(&sent).await.unwrap();
            stdin.close().await.unwrap();
            stdin.write(b"more").await.unwrap_err().kind()
        });
        let mut got = Vec::new();
        stdout.read_to_end(&mut got).await.unwrap();
        assert!(got == input);
        assert_eq!(writing.await, io::ErrorKind::BrokenPipe);
        assert!(cat.wait().await.unwrap().success());
    });
}

/// Cancelled again and again in the middle, both ways lose and double nothing.
#[test]
fn pipes_go_on_after_cancels() {
    each(|| async {
        let data: Vec<u8> = (0..300_000_u32).map(|n| ((n * 7) >> 4) as u8).collect();
        let mut cat = Command::new("cat").piped().spawn().unwrap();
        let (mut stdin, mut stdout) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
        let sent = data.clone();
        let writing = spawn(async move {
            let mut left = &sent[..];
            while !left.is_empty() {
                let piece = &left[..left.len().min(999)];
                if let Ok(count) = timeout(ms(0), stdin.write(piece)).await {
                    left = &left[count.unwrap()..];
                }
                yield_now().await;
            }
        });
        let (mut got, mut piece) = (Vec::new(), [0; 777]);
        loop {
            match timeout(ms(0), stdout.read(&mut piece)).await {
                Ok(Ok(0)) => break,
                Ok(count) => got.extend_from_slice(&piece[..count.unwrap()]),
                // The others have their turn.
                Err(_) => yield_now().await,
            }
        }
        writing.await;
        assert!(got == data);
    });
}

#[test]
fn a_child_need_not_read_its_input_or_keep_its_output_open() {
    each(|| async {
        let mut head = Command::new("head")
            .args(["-c", "1"])
            .piped()
            .spawn()
            .unwrap();
        let output = head.communicate(vec![7; 1 << 20]).await.unwrap();
        assert_eq!(output.stdout, [7]);

        let line = "exec >&- 2>&-; read line; exit $line";
        let mut early = Command::shell(line).piped().spawn().unwrap();
        let mut stdout = early.stdout.take().unwrap();
        assert_eq!(stdout.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(early.wait().now_or_never().map(Result::unwrap), None);
        let output = early.communicate("5\n").await.unwrap();
        assert_eq!(output.status.code(), Some(5));
    });
}

#[test]
fn output_can_be_read_after_the_end() {
    each(|| async {
        let size = 256 * 1024;
        let mut head = Command::new("head");
        head.args(["-c", &size.to_string(), "/dev/zero"]);
        let mut head = head.stdout(Stdio::piped()).spawn().unwrap();
        assert!(head.wait().await.unwrap().success());
        settle().await;
        let mut got = Vec::new();
        let mut stdout = head.stdout.take().unwrap();
        stdout.read_to_end(&mut got).await.unwrap();
        assert_eq!(got.len(), size);
    });
}

#[test]
fn all_who_wait_get_the_same_status_during_and_after() {
    each(|| async {
        let child = Command::shell("read line; exit 42").piped().spawn();
        let mut child = child.unwrap();
        let stdin = child.stdin.take();
        let child = Arc::new(child);
        let waiters: Vec<_> = (0..10)
            .map(|n| {
                let (child, control) = (Arc::clone(&child), child.control());
                spawn(async move {
                    match n % 2 {
                        0 => child.wait().await,
                        _ => control.wait().await,
                    }
                })
            })
            .collect();
        settle().await;
        assert!(waiters.iter().all(|waiter| !waiter.done()));
        assert_eq!(child.try_wait().unwrap(), None);
        // One waiter that goes takes nothing with it.
        assert!(child.wait().now_or_never().is_none());
        drop(stdin);
        for status in gather(waiters).await {
            assert_eq!(status.unwrap().code(), Some(42));
        }
        assert_eq!(child.wait().await.unwrap().code(), Some(42));
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(42));
        assert!(!exists(child.id()));
        // It has ended: whoever has its number now gets no signal.
        child.kill().unwrap();
        child.terminate().unwrap();
        child.send_signal(SignalKind::hangup()).unwrap();
    });
}

#[test]
fn signals_reach_the_child() {
    each(|| async {
        let line = "trap 'exit 7' HUP; echo ready; while :; do sleep 0.01; done";
        let mut child = Command::shell(line).piped().spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 6]).await.unwrap();
        child.control().send_signal(SignalKind::hangup()).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(7));
        for (child, number) in [(sleeper(), 15), (sleeper(), 9)] {
            match number {
                15 => child.control().terminate().unwrap(),
                _ => child.kill().unwrap(),
            }
            assert_eq!(child.wait().await.unwrap().signal(), Some(number));
        }
        let error = sleeper()
            .send_signal(SignalKind::from_raw(999))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn a_timeout_or_a_cancel_kills_and_reaps() {
    each(|| async {
        let mut sleep = Command::new("sleep");
        let late = timeout(ms(20), sleep.arg("3600").status()).await;
        assert!(late.is_err());

        let (say, hear) = std::sync::mpsc::channel();
        let cancelled = started(|reached| async move {
            let child = sleeper();
            say.send(child.id()).unwrap();
            reached.send(()).unwrap();
            child.wait().await
        })
        .await;
        let id = hear.recv().unwrap();
        assert!(exists(id));
        cancelled.cancel();
        assert!(cancelled.outcome().await.unwrap_err().is_cancelled());
        assert!(comes_true(|| !exists(id)));

        // One that is kept outlives a wait that was cancelled.
        let child = sleeper();
        let waiting = catch(async {
            weftwork::current_task().unwrap().cancel();
            child.wait().await
        });
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert!(exists(child.id()));
        let id = child.id();
        drop(child);
        assert!(comes_true(|| !exists(id)));
    });
}

#[test]
fn one_that_is_to_run_on_does_so_and_is_reaped() {
    each(|| async {
        let mut command = Command::shell("read line; exit 0");
        let mut child = command.piped().kill_on_drop(false).spawn().unwrap();
        let stdin = child.stdin.take();
        let control = child.control();
        drop(child);
        settle().await;
        assert_eq!(control.try_wait().unwrap(), None);
        drop(stdin);
        assert!(comes_true(|| !exists(control.id())));
        assert!(control.wait().await.unwrap().success());
    });
}

#[test]
fn a_program_that_cannot_be_started_is_named() {
    each(|| async {
        let missing = Command::new("no-such-program").spawn().unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let text = missing.to_string();
        assert!(
            text.starts_with("cannot start `no-such-program`: "),
            "{text}"
        );
        assert!(text.ends_with(": is it installed, and in PATH?"), "{text}");
        let no_folder = Command::new("true").current_dir("/no/such").spawn();
        assert!(
            no_folder
                .unwrap_err()
                .to_string()
                .contains("working directory")
        );
        let refused = Command::new("/etc/passwd").status().await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(refused.to_string().contains("`/etc/passwd`"), "{refused}");
    });
    let outside = Command::new("true").spawn().unwrap_err();
    assert!(
        outside.to_string().contains("no weftwork runtime"),
        "{outside}"
    );
}

#[test]
fn a_hundred_children_at_a_time() {
    each(|| async {
        let children = (0..100).map(|n| async move {
            let mut cat = Command::new("cat").piped().spawn().unwrap();
            let output = cat.communicate(format!("{n}")).await.unwrap();
            String::from_utf8(output.stdout).unwrap()
        });
        let wanted: Vec<_> = (0..100).map(|n| n.to_string()).collect();
        assert_eq!(gather(children).await, wanted);
    });
}

#[test]
fn somebody_else_who_takes_the_status_is_named() {
    each(|| async {
        let child = sleeper();
        child.kill().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        waitpid(pid, WaitOptions::empty()).unwrap();
        for error in [
            child.wait().await.unwrap_err(),
            child.try_wait().unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(
                text.starts_with("somebody else took the exit status"),
                "{text}"
            );
        }
    });
}

#[test]
fn a_child_may_outlive_its_runtime() {
    let _watchdog = Watchdog::start();
    let runtime = Runtime::new().unwrap();
    let (child, left) = runtime.block_on(async { (sleeper(), sleeper()) });
    let control = left.control();
    runtime
        .handle()
        .spawn(async move { left.wait().await })
        .detach();
    runtime.close().unwrap();
    assert!(comes_true(|| !exists(control.id())));
    let error = foreign_block_on(child.wait()).unwrap_err();
    assert!(error.to_string().contains("closed"), "{error}");
    child.kill().unwrap();
    assert!(comes_true(|| child.try_wait().unwrap().is_some()));
    // What has ended can still be asked.
    assert_eq!(foreign_block_on(child.wait()).unwrap().signal(), Some(9));
}

#[test]
fn pipes_end_when_the_other_end_goes() {
    each(|| async {
        let (mut reader, mut writer) = weftwork::io::pipe().unwrap();
        let reading = spawn(async move {
            let mut got = Vec::new();
            reader.read_to_end(&mut got).await.map(|_| got)
        });
        settle().await;
        writer.write_all(b"a").await.unwrap();
        writer.close().await.unwrap();
        assert_eq!(reading.await.unwrap(), b"a");

        let (reader, mut writer) = weftwork::io::pipe().unwrap();
        let full = timeout(LONG, async {
            while writer.write(&[0; 4096]).now_or_never().is_some() {}
            let writing = spawn(async move { writer.write_all(&[0; 4096]).await });
            settle().await;
            assert!(!writing.done());
            drop(reader);
            writing.await.unwrap_err().kind()
        });
        assert_eq!(full.await, Ok(io::ErrorKind::BrokenPipe));
    });
}
