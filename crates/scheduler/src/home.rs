//! Where a runtime may be entered and closed.

use crate::handle::RuntimeError;
use std::process;
use std::thread::{self, ThreadId};

/// The process in which a runtime was made: a fork of it has none of its threads. And for a single-threaded
/// runtime the one thread that may enter, close and drop it: the futures of its tasks need not be `Send`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    process: u32,
    thread: Option<ThreadId>,
}

impl Home {
    /// Here. `one_thread`: on this thread only.
    pub(crate) fn here(one_thread: bool) -> Self {
        Self {
            process: process::id(),
            thread: one_thread.then(|| thread::current().id()),
        }
    }

    pub(crate) fn is_one_thread(self) -> bool {
        self.thread.is_some()
    }

    /// Is it here?
    pub(crate) fn check(self) -> Result<(), RuntimeError> {
        if self.process != process::id() {
            return Err(RuntimeError::Forked);
        }
        match self.thread {
            Some(home) if home != thread::current().id() => Err(RuntimeError::OtherThread),
            _ => Ok(()),
        }
    }
}
