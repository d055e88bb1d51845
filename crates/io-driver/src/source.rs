//! What the reactor knows of one registered I/O object: its readiness and who waits for it.
//!
//! # The protocol
//! Readiness is a guess that only an operation can refute. Whoever wants to read looks at
//! `ready` under the lock: if it is false, the waker is left there under the same lock; if it
//! is true, the operation is tried without the lock, and `WouldBlock` takes `ready` back,
//! unless an event came after the look (`tick` differs): then it is tried again. An event
//! sets `ready`, counts `tick` and takes all wakers, under the lock. So no event falls between
//! a failed operation and the wait.

use std::io;
use std::mem;
use std::task::Waker;
use weftwork_std_or_loom::Mutex;

/// What an operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Data, a connection to accept, or the end of the stream.
    Read,
    /// Room to write, or the end of a connect.
    Write,
}

/// One registered object.
#[derive(Debug, Default)]
pub(crate) struct Source(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    read: Half,
    write: Half,
    /// The reactor is dead: operations fail with this.
    failed: Option<(io::ErrorKind, String)>,
}

#[derive(Debug)]
struct Half {
    ready: bool,
    /// Counts the events.
    tick: u64,
    /// Each waiting operation has a key of its own.
    wakers: Vec<(u64, Waker)>,
}

impl Default for Half {
    fn default() -> Self {
        // Nothing is known: the first operation finds out.
        Self {
            ready: true,
            tick: 0,
            wakers: Vec::new(),
        }
    }
}

/// What a look at the readiness gave.
pub(crate) enum Look {
    /// Try; the number says as of which event.
    Ready(u64),
    /// The waker is left.
    Waiting,
}

impl State {
    fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

impl Source {
    /// Ready, or the waker is left under the key.
    pub(crate) fn look(&self, direction: Direction, key: u64, waker: &Waker) -> io::Result<Look> {
        // Cloned and dropped outside of the lock: both are user code.
        let mut offered = Some(waker.clone());
        let mut state = self.0.lock();
        if let Some((kind, text)) = &state.failed {
            return Err(io::Error::new(*kind, text.clone()));
        }
        let half = state.half(direction);
        if half.ready {
            return Ok(Look::Ready(half.tick));
        }
        match half.wakers.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => {
                if let Some(new) = &mut offered {
                    mem::swap(old, new);
                }
            }
            None => half.wakers.extend(offered.take().map(|new| (key, new))),
        }
        drop(state);
        drop(offered);
        Ok(Look::Waiting)
    }

    /// An operation would have blocked: it is not ready, unless an event came after the look.
    /// `rearm` is called under the lock with what is to be heard of next.
    pub(crate) fn would_block(
        &self,
        direction: Direction,
        tick: u64,
        rearm: impl FnOnce(Interest) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.0.lock();
        let half = state.half(direction);
        if half.tick == tick {
            half.ready = false;
            return rearm(Interest {
                read: !state.read.ready,
                write: !state.write.ready,
            });
        }
        Ok(())
    }

    /// The operation of this key waits no more.
    pub(crate) fn forget(&self, direction: Direction, key: u64) {
        let waker = {
            let mut state = self.0.lock();
            let wakers = &mut state.half(direction).wakers;
            let place = wakers.iter().position(|(known, _)| *known == key);
            place.map(|place| wakers.swap_remove(place))
        };
        drop(waker);
    }

    /// Events came.
    pub(crate) fn events(&self, came: Interest, wakers: &mut Vec<Waker>) {
        let mut state = self.0.lock();
        for (direction, came) in [(Direction::Read, came.read), (Direction::Write, came.write)] {
            if came {
                let half = state.half(direction);
                half.ready = true;
                half.tick += 1;
                wakers.extend(half.wakers.drain(..).map(|(_, waker)| waker));
            }
        }
    }

    /// The reactor is dead.
    pub(crate) fn fail(&self, error: &io::Error, wakers: &mut Vec<Waker>) {
        let mut state = self.0.lock();
        state.failed = Some((error.kind(), error.to_string()));
        for direction in [Direction::Read, Direction::Write] {
            let half = state.half(direction);
            wakers.extend(half.wakers.drain(..).map(|(_, waker)| waker));
        }
    }
}

/// A set of directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Interest {
    pub(crate) const BOTH: Self = Self {
        read: true,
        write: true,
    };
}
