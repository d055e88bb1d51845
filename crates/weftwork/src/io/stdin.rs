//! Standard input, read by a thread of its own.

use crate::cancel::declines;
use crate::thread::wake_all;
use futures_io::AsyncRead;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use weftwork_std_or_loom::{Condvar, Mutex};

/// What one read takes at most.
const LONGEST: usize = 8 * 1024;

static INPUT: Input = Input {
    state: Mutex::new(State {
        started: false,
        wanted: false,
        read: Vec::new(),
        taken: 0,
        outcome: None,
        handles: 0,
        waiters: BTreeMap::new(),
    }),
    is_wanted: Condvar::new(),
};

struct Input {
    state: Mutex<State>,
    is_wanted: Condvar,
}

struct State {
    /// The thread is there.
    started: bool,
    /// Somebody waits, or did.
    wanted: bool,
    /// What was read; up to `taken` it has been handed out.
    read: Vec<u8>,
    taken: usize,
    /// The end or an error, for one reader.
    outcome: Option<io::Result<()>>,
    /// How many handles there have been.
    handles: u64,
    /// By the number of their handle.
    waiters: BTreeMap<u64, Waker>,
}

/// The standard input of this process, made by [`stdin`].
#[derive(Debug)]
pub struct Stdin {
    number: u64,
}

/// The standard input of this process.
///
/// It is read by a thread of its own, which reads only when somebody waits: neither the end of a
/// runtime nor that of the process waits for input that does not come. All handles share it,
/// and it goes through [`std::io::stdin`]; for lines put a `BufReader` of the crate `futures`
/// around a handle that is kept.
///
/// # Cancel safety
/// What comes for a read that was cancelled or dropped waits for the next one, on whatever handle
/// or runtime; only `std::io::stdin` does not see it. 0 is the end, of the input or, at a terminal
/// (`^D`), of this read. It waits for the next read as bytes do, which is told of it once; the read
/// after that one looks at the input again.
pub fn stdin() -> Stdin {
    let mut state = INPUT.state.lock();
    state.handles += 1;
    Stdin {
        number: state.handles,
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if declines(cx) {
            return Poll::Pending;
        }
        // To clone and to drop a waker is user code, so not under the lock.
        let waker = cx.waker().clone();
        let mut state = INPUT.state.lock();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let count = state.take(buf);
        if count > 0 {
            return Poll::Ready(Ok(count));
        }
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome.map(|()| 0));
        }
        state.ask()?;
        let old = state.waiters.insert(self.number, waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        let waker = INPUT.state.lock().waiters.remove(&self.number);
        drop(waker);
    }
}

impl State {
    /// Hands out what is there.
    fn take(&mut self, buf: &mut [u8]) -> usize {
        let left = &self.read[self.taken..];
        let count = left.len().min(buf.len());
        buf[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        count
    }

    /// Has the thread read.
    fn ask(&mut self) -> io::Result<()> {
        if !self.started {
            std::thread::Builder::new()
                .name("weftwork-stdin".to_owned())
                .spawn(serve)?;
            self.started = true;
        }
        self.wanted = true;
        INPUT.is_wanted.notify_one();
        Ok(())
    }
}

/// The thread.
fn serve() {
    let mut buffer = vec![0; LONGEST];
    loop {
        let mut state = INPUT.state.lock();
        while !state.wanted {
            state = INPUT.is_wanted.wait(state);
        }
        drop(state);
        let result = io::stdin().read(&mut buffer);
        if matches!(&result, Err(error) if error.kind() == io::ErrorKind::Interrupted) {
            continue;
        }
        let mut state = INPUT.state.lock();
        state.wanted = false;
        match result {
            Ok(0) => state.outcome = Some(Ok(())),
            Err(error) => state.outcome = Some(Err(error)),
            Ok(count) => {
                // It was asked for because nothing was left.
                state.taken = 0;
                state.read.clear();
                state.read.extend_from_slice(&buffer[..count]);
            }
        }
        let waiters = mem::take(&mut state.waiters);
        drop(state);
        wake_all(waiters.into_values());
    }
}
