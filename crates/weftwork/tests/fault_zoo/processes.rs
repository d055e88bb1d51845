//! Processes that exit while tasks run, that are stopped and continued, and that are killed.

use crate::common::{Watchdog, comes_true, descriptors, ms, scaled};
use futures::{AsyncReadExt, AsyncWriteExt};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio, exit};
use std::time::{Duration, Instant};
use weftwork::net::{TcpListener, TcpStream};
use weftwork::{Background, Handle, Runtime, gather, sleep, spawn, spawn_blocking, yield_now};

/// In a child it says what that is to do.
const PROGRAM: &str = "WEFTWORK_TEST_FAULT_ZOO";

/// The programs of the child processes.
#[test]
fn program() {
    let Ok(name) = std::env::var(PROGRAM) else {
        return;
    };
    let _watchdog = Watchdog::start();
    match name.split_once(' ') {
        Some(("exit", from)) => exit_from(from),
        Some(("talk", addr)) => talk(addr),
        _ => tick(),
    }
}

fn start(program: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["processes::program", "--exact", "--nocapture"]);
    command.env(PROGRAM, program);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Some of everything, for ever.
async fn busy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    spawn(async move { drop(listener.accept().await) }).detach();
    for _ in 0..8 {
        spawn(async {
            loop {
                yield_now().await;
            }
        })
        .detach();
        spawn(sleep(Duration::MAX)).detach();
        spawn_blocking(|| std::thread::sleep(ms(50))).detach();
    }
}

fn exit_from(place: &str) {
    let other = Background::start("other").unwrap();
    other.handle().spawn(busy()).detach();
    let runtime = Runtime::builder().workers(2).build().unwrap();
    let outside = runtime.handle();
    if place == "a thread" {
        std::thread::spawn(move || {
            let _ = outside.spawn(sleep(ms(2))).blocking_result(None);
            exit(7);
        });
    }
    runtime.block_on(async {
        busy().await;
        sleep(ms(1)).await;
        match place {
            "main" => exit(7),
            "a task" => spawn(async { exit(7) }).await,
            "a job" => spawn_blocking(|| exit(7)).await,
            "a callback" => drop(Handle::current().call_soon(|| exit(7))),
            "a late callback" => drop(Handle::current().call_later(ms(1), || exit(7))),
            _ => {}
        }
        sleep(Duration::MAX).await;
    });
}

#[test]
fn a_process_exits_while_tasks_run() {
    let places = [
        "main",
        "a task",
        "a job",
        "a callback",
        "a late callback",
        "a thread",
    ];
    for round in 0..scaled(50).max(1) {
        for place in places {
            let output = start(&format!("exit {place}")).wait_with_output().unwrap();
            let (code, said) = (
                output.status.code(),
                String::from_utf8_lossy(&output.stderr),
            );
            assert_eq!(code, Some(7), "from {place}, round {round}: {said}");
        }
    }
}

/// Timers and bytes for a while; says when it has begun and ended.
fn tick() {
    println!("begun");
    let runtime = Runtime::builder().workers(2).build().unwrap();
    runtime.block_on(async {
        let end = Instant::now() + ms(600);
        let ticker = |n: u64| async move {
            while Instant::now() < end {
                let (start, time) = (Instant::now(), ms(n % 7));
                sleep(time).await;
                assert!(start.elapsed() >= time, "it ended early");
                assert_eq!(spawn_blocking(move || n).await, n);
            }
        };
        gather((0..8).map(ticker)).await;
    });
    println!("ended well");
}

/// The system stops the process again and again: all clocks have jumped when it goes on.
#[test]
fn a_process_that_is_stopped_and_continued_goes_on() {
    let _watchdog = Watchdog::start();
    let mut child = start("tick");
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("begun") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it has not begun");
    }
    let pid = Pid::from_child(&child);
    // It may have ended; until it is waited for, its number is its own.
    for _ in 0..20 {
        std::thread::sleep(ms(10));
        kill_process(pid, Signal::STOP).unwrap();
        std::thread::sleep(ms(20));
        kill_process(pid, Signal::CONT).unwrap();
    }
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && rest.contains("ended well"),
        "{rest}{errors}"
    );
}

/// A client that sends for ever.
fn talk(addr: &str) {
    let addr: std::net::SocketAddr = addr.parse().unwrap();
    let runtime = Runtime::builder().workers(2).build().unwrap();
    runtime.block_on(async {
        gather((0..4).map(|_| async move {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            while stream.write_all(&[7; 1000]).await.is_ok() {
                yield_now().await;
            }
        }))
        .await;
    });
}

/// Clients die in the middle of a stream: their server hears of each one's end, and goes on.
#[test]
fn a_server_outlives_clients_that_are_killed() {
    let _watchdog = Watchdog::start();
    let runtime = Runtime::builder().workers(2).build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        for _ in 0..scaled(100) {
            let mut child = start(&format!("talk {addr}"));
            let mut streams = Vec::new();
            for _ in 0..4 {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.read_exact(&mut [0; 1500]).await.unwrap();
                streams.push(stream);
            }
            child.kill().unwrap();
            let drained = gather(streams.into_iter().map(|mut stream| async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
            }));
            drained.await;
            child.wait().unwrap();
        }
    });
    drop(runtime);
    #[cfg(target_os = "linux")]
    assert!(comes_true(|| descriptors() < 100), "{}", descriptors());
}
