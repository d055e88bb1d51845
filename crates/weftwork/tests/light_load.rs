//! A server that gets one request at a time: one worker does all, and the others sleep on.
#![cfg(target_os = "linux")]

mod common;

use common::Watchdog;
use futures::{AsyncReadExt, AsyncWriteExt};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};
use weftwork::{Runtime, spawn};

const REQUESTS: u32 = 4000;

/// How threads of the runtime are called, the one in `block_on` too.
const NAME: &str = "light-load";

/// How often the threads of the runtime have gone to sleep.
fn sleeps() -> u32 {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task").unwrap() {
        let thread = thread.unwrap().path();
        let name = fs::read_to_string(thread.join("comm")).unwrap_or_default();
        if name.starts_with(NAME) {
            let status = fs::read_to_string(thread.join("status")).unwrap();
            let mut lines = status.lines();
            let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            sum += count.unwrap().trim().parse::<u32>().unwrap();
        }
    }
    sum
}

/// Sends a byte and waits for its echo, so often.
fn ask(mut stream: UnixStream, requests: u32) {
    for n in 0..requests {
        let sent = [n as u8];
        stream.write_all(&sent).unwrap();
        let mut received = [0];
        stream.read_exact(&mut received).unwrap();
        assert_eq!(received, sent);
    }
}

async fn echo(mut stream: weftwork::net::UnixStream) {
    let mut byte = [0];
    while stream.read(&mut byte).await.unwrap() == 1 {
        stream.write_all(&byte).await.unwrap();
    }
}

/// An event wakes who waits on the driver. If each one also woke another worker, to look after the
/// driver meanwhile, there would be two sleeps for a request, and more.
#[test]
fn an_event_wakes_one_worker_and_not_another_one_in_vain() {
    let _watchdog = Watchdog::start();
    let main = thread::Builder::new().name(format!("{NAME}-0"));
    let main = main.spawn(|| {
        let builder = Runtime::builder().workers(2).thread_name(NAME);
        let runtime = builder.build().unwrap();
        runtime.block_on(async {
            let (client, server) = UnixStream::pair().unwrap();
            let server = spawn(echo(weftwork::net::UnixStream::from_std(server).unwrap()));
            let before = sleeps();
            let began = Instant::now();
            let client = thread::spawn(|| ask(client, REQUESTS));
            server.await;
            let took = began.elapsed();
            client.join().unwrap();
            // On a busy machine requests are rare, and between two the other one falls asleep.
            let looks = took.div_duration_f64(Duration::from_micros(400)) as u32;
            let most = REQUESTS + REQUESTS / 2 + looks;
            let sleeps = sleeps() - before;
            assert!(
                sleeps <= most,
                "{sleeps} sleeps in {took:?}, expected {most} at most"
            );
        });
    });
    main.unwrap().join().unwrap();
}
