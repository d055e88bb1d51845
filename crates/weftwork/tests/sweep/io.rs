//! Pipes and the standard streams: no byte is lost or doubled.

use crate::bytes::{bytes, cut_reader, cut_writer, read_all};
use crate::common::{EVERYWHERE, Watchdog};
use crate::knife::{Knife, WAYS, sweep_in, swept};
use crate::process::ONE_AT_A_TIME;
use futures::{AsyncReadExt, AsyncWriteExt};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use weftwork::Runtime;
use weftwork::io::{OutputStream, Stdin, pipe, stdin, stdout};
use weftwork::sync::Mutex;

#[test]
fn bytes_of_a_pipe() {
    swept("PipeReader", async |knife| {
        let (reader, writer) = pipe().unwrap();
        cut_reader(knife, reader, writer).await;
    });
    swept("PipeWriter", async |knife| {
        let (reader, writer) = pipe().unwrap();
        cut_writer(knife, writer, 300 << 10, read_all(reader)).await;
    });
}

/// Names the kind of runtime for the program of the child process.
const KIND: &str = "WEFTWORK_SWEEP_KIND";

/// So many bytes are copied by each run of the sweep.
const PIECE: usize = 5;

struct Copying {
    input: Stdin,
    out: OutputStream,
    left: usize,
    /// What was read and is to be written.
    read: Vec<u8>,
}

impl Copying {
    fn new() -> Self {
        Self {
            input: stdin(),
            out: stdout(),
            left: PIECE,
            read: Vec::new(),
        }
    }

    /// Goes on where it was cut.
    async fn go_on(&mut self) {
        while self.left > 0 {
            let mut piece = [0; PIECE];
            let count = self.input.read(&mut piece[..self.left]).await.unwrap();
            assert!(count > 0, "the input has ended");
            self.read.extend(&piece[..count]);
            self.left -= count;
        }
        while !self.read.is_empty() {
            let count = self.out.write(&self.read).await.unwrap();
            self.read.drain(..count);
        }
        self.out.flush().await.unwrap();
    }
}

/// Copies from its input to its output, between two marks.
async fn copy() {
    stdout().write_all(b"<").await.unwrap();
    let mut points = 0;
    for way in WAYS {
        let swept = sweep_in("Stdin, OutputStream", way, &async |knife: &Knife<'_>| {
            let copying = Arc::new(Mutex::new(Copying::new()));
            let inner = Arc::clone(&copying);
            let _ = knife
                .run(async move { inner.lock().await.go_on().await })
                .await;
            copying.lock().await.go_on().await;
        });
        points += swept.await.points();
    }
    assert!(points > 0, "nothing was cut");
    let mut out = stdout();
    out.write_all(b">").await.unwrap();
    out.flush().await.unwrap();
}

/// Does nothing in the process of the tests.
#[test]
fn program() {
    if let Ok(kind) = std::env::var(KIND) {
        let kind = EVERYWHERE[kind.parse::<usize>().unwrap()];
        kind.runtime(Runtime::builder()).block_on(copy());
    }
}

fn start(kind: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["io::program", "--exact", "--nocapture"])
        .env(KIND, kind.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// In a process of their own.
#[test]
fn the_standard_streams() {
    let _alone = ONE_AT_A_TIME.lock();
    let _watchdog = Watchdog::start();
    let letters: Vec<u8> = bytes(10_000).into_iter().map(|n| b'a' + n % 23).collect();
    for kind in 0..EVERYWHERE.len() {
        let mut child = start(kind);
        let (mut input, sent) = (child.stdin.take().unwrap(), letters.clone());
        let writing = std::thread::spawn(move || {
            for piece in sent.chunks(PIECE - 1) {
                // It ends when it has enough.
                if input.write_all(piece).is_err() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
        });
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        assert!(output.status.success(), "{output:?}");
        let out = output.stdout;
        let from = out.iter().position(|byte| *byte == b'<').unwrap() + 1;
        let to = out.iter().rposition(|byte| *byte == b'>').unwrap();
        let copied = &out[from..to];
        assert!(copied.len() >= PIECE && copied.len().is_multiple_of(PIECE));
        assert_eq!(copied, &letters[..copied.len()]);
    }
}
