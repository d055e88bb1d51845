//! What a writer and the task that writes for it share.

use crate::Handle;
use crate::net::stream::TcpStream;
use crate::net::unix::UnixStream;
use futures_io::AsyncWrite;
use std::io;
use std::mem;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use weftwork_scheduler::TaskControl;
use weftwork_std_or_loom::{Mutex, MutexGuard};
use weftwork_sync::{CancellationToken, oneshot};

/// asyncio's defaults.
const HIGH: usize = 64 * 1024;
const LOW: usize = HIGH / 4;

pub(super) type Sink = Pin<Box<dyn AsyncWrite + Send>>;

/// Whose turn it is to write.
#[derive(Clone, Copy)]
pub(super) struct Turn(u64);

/// Why a stream is over: it is told as often as somebody asks.
#[derive(Clone, Debug)]
pub(super) struct Lost(io::ErrorKind, String);

pub(super) struct Shared {
    pub(super) handle: Handle,
    state: Mutex<State>,
    /// Closed, or lost.
    pub(super) over: CancellationToken,
}

pub(super) struct State {
    /// Whoever takes it writes; none while somebody does, and at the end.
    sink: Option<Sink>,
    /// Counts those who took it.
    turn: u64,
    /// What comes after that which is being written.
    pub(super) buffer: Vec<u8>,
    /// How much is not with the system yet.
    pub(super) unsent: usize,
    high: usize,
    low: usize,
    /// More than the high mark was unsent, and not less than the low one since.
    paused: bool,
    pub(super) end: End,
    /// The sink was closed.
    ended: bool,
    pub(super) lost: Option<Lost>,
    drains: Vec<oneshot::Sender<()>>,
    /// The task that writes, if one is needed.
    task: Option<TaskControl>,
    pub(super) socket: Option<Socket>,
}

/// What is to come after everything that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Open,
    /// The end of writing.
    Eof,
    /// The end of the connection.
    Closed,
}

/// What comes next for the one who writes.
pub(super) enum Next {
    Write(Vec<u8>),
    Close,
    Rest,
    Lost,
}

/// A socket under the stream, for its addresses and to end reading.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub(super) fn addr(
        &self,
        which: impl Fn(&TcpStream) -> io::Result<SocketAddr>,
    ) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => which(stream),
            Self::Unix(_) => Err(no_address()),
        }
    }

    pub(super) fn end(&self, how: Shutdown) {
        // An error means that the connection is gone.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }
}

impl Lost {
    pub(super) fn of(error: &io::Error) -> Self {
        Self(error.kind(), error.to_string())
    }

    pub(super) fn error(&self) -> io::Error {
        io::Error::new(self.0, self.1.clone())
    }
}

impl Shared {
    pub(super) fn new(handle: Handle, sink: Sink, socket: Option<Socket>) -> Arc<Self> {
        let state = State {
            sink: Some(sink),
            turn: 0,
            buffer: Vec::new(),
            unsent: 0,
            high: HIGH,
            low: LOW,
            paused: false,
            end: End::Open,
            ended: false,
            lost: None,
            drains: Vec::new(),
            task: None,
            socket,
        };
        Arc::new(Self {
            handle,
            state: Mutex::new(state),
            over: CancellationToken::new(),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// So much less is unsent.
    pub(super) fn wrote(&self, count: usize) {
        let mut state = self.lock();
        state.unsent = state.unsent.saturating_sub(count);
        let drains = state.resume();
        drop(state);
        drained(drains);
    }

    /// What the one who has the sink does next. If that is to rest, the sink goes back.
    pub(super) fn next(&self, sink: &mut Option<Sink>) -> Next {
        let mut state = self.lock();
        if state.lost.is_some() {
            return Next::Lost;
        }
        if !state.buffer.is_empty() {
            return Next::Write(mem::take(&mut state.buffer));
        }
        if state.end > End::Open && !state.ended {
            return Next::Close;
        }
        state.sink = sink.take();
        state.task = None;
        Next::Rest
    }

    /// The sink was closed, as it was to be.
    pub(super) fn closed(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.task = None;
        drop(state);
        self.end_if_closed();
    }

    /// Ends the connection if it is to be closed and everything was sent.
    pub(super) fn end_if_closed(&self) {
        let mut state = self.lock();
        if state.end < End::Closed || !state.ended {
            return;
        }
        let socket = state.socket.take();
        drop(state);
        if let Some(socket) = socket {
            socket.end(Shutdown::Read);
        }
        self.over.cancel();
    }

    /// A task writes from here on, if it was that one's turn. False if the stream was given up.
    pub(super) fn is_written_by(&self, turn: Turn, task: TaskControl) -> bool {
        let mut state = self.lock();
        if state.lost.is_some() {
            return false;
        }
        state.pause_if_high();
        // The task may have come to its end already, and another one may have begun.
        if state.turn == turn.0 && state.sink.is_none() && !state.ended {
            state.task = Some(task);
        }
        true
    }

    /// The stream failed, or was given up: nothing will be sent any more. Gives the task that
    /// writes, and the socket.
    pub(super) fn lose(&self, lost: Lost) -> (Option<TaskControl>, Option<Socket>) {
        let mut state = self.lock();
        if state.lost.is_some() || (state.ended && state.end == End::Closed) {
            return (None, None);
        }
        state.lost = Some(lost);
        let buffer = mem::take(&mut state.buffer);
        state.unsent = 0;
        let drains = state.resume();
        let sink = state.sink.take();
        let task = state.task.take();
        let socket = state.socket.take();
        drop(state);
        // Destructors of others run without the lock.
        drop((buffer, sink));
        drained(drains);
        self.over.cancel();
        (task, socket)
    }
}

impl State {
    /// Whoever gets it writes.
    pub(super) fn take_sink(&mut self) -> Option<(Sink, Turn)> {
        let sink = self.sink.take()?;
        self.turn += 1;
        Some((sink, Turn(self.turn)))
    }

    /// Whoever drains has to wait from here on, if there is too much.
    pub(super) fn pause_if_high(&mut self) {
        self.paused |= self.unsent > self.high;
    }

    pub(super) fn set_limits(&mut self, high: usize, low: usize) -> Vec<oneshot::Sender<()>> {
        (self.high, self.low) = (high, low.min(high));
        self.pause_if_high();
        self.resume()
    }

    /// Whoever may go on now.
    fn resume(&mut self) -> Vec<oneshot::Sender<()>> {
        if self.unsent > self.low {
            return Vec::new();
        }
        self.paused = false;
        mem::take(&mut self.drains)
    }

    /// Ready, or something to wait for before the next look.
    pub(super) fn drain(&mut self) -> Option<oneshot::Receiver<()>> {
        if !self.paused {
            return None;
        }
        // Those that have given up.
        self.drains.retain(|drain| !drain.is_closed());
        let (drained, is_drained) = oneshot::channel();
        self.drains.push(drained);
        Some(is_drained)
    }
}

pub(super) fn drained(drains: Vec<oneshot::Sender<()>>) {
    for drain in drains {
        // One that has given up meanwhile.
        let _ = drain.send(());
    }
}

pub(super) fn no_address() -> io::Error {
    let message = "this stream has no internet address, or is over";
    io::Error::new(io::ErrorKind::NotConnected, message)
}
