//! What the reactor knows of one registered I/O object: its readiness and who waits for it.
//!
//! # The protocol
//! Readiness is a guess that only an operation can refute. Whoever wants to read looks at
//! `ready` under the lock: if it is false, the waker is left there under the same lock; if it
//! is true, the operation is tried without the lock, and `WouldBlock` takes `ready` back,
//! unless an event came after the look (`tick` differs): then it is tried again. An event
//! sets `ready`, counts `tick` and takes all wakers, under the lock. So no event falls between
//! a failed operation and the wait.
//!
//! # Short reads
//! A stream that gives less than there was room for is empty, and it would be a waste to ask
//! again before the next event. It is *not* empty if its end, an error or an urgent byte is
//! next. Each of these is an event: one that came with or before the event that let us read is
//! known here (`doubt`), one that comes after the look counts `tick`, and either keeps `ready`.

use crate::poller::{Event, Interest};
use crate::waiters::Waiters;
use std::io;
use std::sync::Arc;
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

/// A moment in the life of an object's readiness: what came later is newer than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick(u64);

/// One registered object. No spin lock, for it is held over the call that listens again where the
/// system is to be told of that.
#[derive(Debug)]
pub(crate) struct Source(Mutex<State>);

#[derive(Debug)]
struct State {
    read: Half,
    write: Half,
    /// A short read does not mean that nothing is left.
    doubt: bool,
    failed: Option<Failure>,
}

/// Why the reactor serves nobody any more: it is dead or closed.
#[derive(Clone, Debug)]
pub(crate) struct Failure(io::ErrorKind, String);

#[derive(Debug)]
struct Half {
    ready: bool,
    /// Counts the events.
    tick: Tick,
    waiters: Waiters,
}

impl Half {
    /// Nothing is known yet, but one may be guessed to be `ready`: the first operation then
    /// finds out.
    fn new(ready: bool) -> Self {
        Self {
            ready,
            tick: Tick(0),
            waiters: Waiters::default(),
        }
    }
}

/// What a look at the readiness gave.
pub(crate) enum Look {
    /// Try; with the moment of this look.
    Ready(Tick),
    Waiting,
}

impl Failure {
    pub(crate) fn new(kind: io::ErrorKind, text: String) -> Self {
        Self(kind, text)
    }

    pub(crate) fn error(&self) -> io::Error {
        io::Error::new(self.0, self.1.clone())
    }
}

impl State {
    /// All that wait, whatever for.
    fn take_waiters(&mut self, wakers: &mut Vec<Waker>) {
        self.read.waiters.take_all(wakers);
        self.write.waiters.take_all(wakers);
    }

    fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }

    fn look(&mut self, direction: Direction) -> io::Result<Look> {
        if let Some(failure) = &self.failed {
            return Err(failure.error());
        }
        let half = self.half(direction);
        Ok(if half.ready {
            Look::Ready(half.tick)
        } else {
            Look::Waiting
        })
    }
}

impl Source {
    /// `tells_the_end`: events say when a short read does not mean that nothing is left.
    /// `ready`: operations are tried before there was an event.
    pub(crate) fn new(tells_the_end: bool, ready: bool) -> Self {
        Self(Mutex::new(State {
            read: Half::new(ready),
            write: Half::new(ready),
            doubt: !tells_the_end,
            failed: None,
        }))
    }

    /// A look that leaves nothing.
    pub(crate) fn look(&self, direction: Direction) -> io::Result<Look> {
        self.0.lock().look(direction)
    }

    /// Ready, or the waker is left: under the key of its future, or as an anonymous one.
    pub(crate) fn look_or_wait(
        &self,
        direction: Direction,
        key: Option<u64>,
        waker: &Waker,
    ) -> io::Result<Look> {
        {
            let mut state = self.0.lock();
            let look = state.look(direction)?;
            if matches!(look, Look::Ready(_)) || state.half(direction).waiters.has(key, waker) {
                return Ok(look);
            }
        }
        // Clones, drops and wakes are user code: none of them under the lock.
        let waker = waker.clone();
        let mut too_many = Vec::new();
        let mut state = self.0.lock();
        let look = state.look(direction)?;
        let unused = match look {
            Look::Ready(_) => Some(waker),
            Look::Waiting => {
                let waiters = &mut state.half(direction).waiters;
                waiters.leave(key, waker, &mut too_many)
            }
        };
        drop(state);
        drop(unused);
        for waker in too_many {
            waker.wake();
        }
        Ok(look)
    }

    /// An operation would have blocked: it is not ready, unless an event came after the look.
    /// `rearm` is called under the lock with what is to be heard of next.
    pub(crate) fn would_block(
        &self,
        direction: Direction,
        tick: Tick,
        rearm: impl FnOnce(Interest) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.0.lock();
        let half = state.half(direction);
        if half.tick != tick {
            return Ok(());
        }
        half.ready = false;
        rearm(Interest {
            read: !state.read.ready,
            write: !state.write.ready,
        })
    }

    /// A stream gave less than there was room for: it is empty, unless an event says or said
    /// otherwise.
    pub(crate) fn short_read(&self, tick: Tick) {
        let mut state = self.0.lock();
        if state.read.tick == tick && !state.doubt {
            state.read.ready = false;
        }
    }

    /// The future of this key waits no more.
    pub(crate) fn forget(&self, direction: Direction, key: u64) {
        let waker = self.0.lock().half(direction).waiters.forget(key);
        drop(waker);
    }

    /// Events came.
    pub(crate) fn events(&self, event: &Event, wakers: &mut Vec<Waker>) {
        let mut state = self.0.lock();
        state.doubt |= event.short_reads_end;
        for (direction, came) in [
            (Direction::Read, event.came.read),
            (Direction::Write, event.came.write),
        ] {
            if came {
                let half = state.half(direction);
                half.ready = true;
                half.tick.0 += 1;
                half.waiters.take_all(wakers);
            }
        }
    }

    /// The reactor is dead or closed. The first reason stays.
    pub(crate) fn fail(&self, failure: &Failure, wakers: &mut Vec<Waker>) {
        let mut state = self.0.lock();
        state.failed.get_or_insert_with(|| failure.clone());
        state.take_waiters(wakers);
    }

    /// As a drop. If the object was taken out of the reactor meanwhile, this may be the last reference:
    /// whoever still waits is woken, for the drop of a waker is user code that may panic, and that
    /// of a wake is contained.
    pub(crate) fn let_go(self: Arc<Self>, wakers: &mut Vec<Waker>) {
        if let Some(source) = Arc::into_inner(self) {
            source.0.lock().take_waiters(wakers);
        }
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;
    use std::task::Wake;

    struct PanicsAtItsDrop;

    impl Wake for PanicsAtItsDrop {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for PanicsAtItsDrop {
        fn drop(&mut self) {
            panic!("a drop");
        }
    }

    /// Whoever waits for events goes through here; the last reference may be its own.
    #[test]
    fn no_waker_is_dropped_where_events_are_delivered() {
        let source = Arc::new(Source::new(true, false));
        let mut wakers = Vec::new();
        for direction in [Direction::Read, Direction::Write] {
            let waker = Waker::from(Arc::new(PanicsAtItsDrop));
            let look = source.look_or_wait(direction, None, &waker).unwrap();
            assert!(matches!(look, Look::Waiting));
            // The clone that waits is dropped last.
            drop(waker);
        }
        let other = Arc::clone(&source);
        other.let_go(&mut wakers);
        assert!(wakers.is_empty(), "it is registered still");
        source.let_go(&mut wakers);
        assert_eq!(wakers.len(), 2);
        std::mem::forget(wakers);
    }
}
