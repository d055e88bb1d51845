//! A runtime in a thread of its own.

use crate::home::Home;
use crate::{Builder, Handle, Runtime};
use std::fmt;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

/// A runtime that always runs, in a thread of its own: asyncio's loop in another thread.
///
/// ```
/// let background = weftwork_scheduler::Background::start("loop").unwrap();
/// let task = background.handle().spawn(async { 5 });
/// assert_eq!(task.blocking_result(None).unwrap(), 5);
/// background.stop();
/// background.join();
/// ```
///
/// Dropping it stops and joins it, unless it was made a [`daemon`](Self::daemon).
#[doc(alias = "run_forever")]
#[must_use = "dropping it stops the runtime"]
pub struct Background {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
    home: Home,
}

impl Runtime {
    /// Starts a runtime in a thread of its own, with this name: [`Background::start`].
    ///
    /// # Errors
    /// What the system said when it gave no thread or no descriptor.
    pub fn start(name: &str) -> io::Result<Background> {
        Background::start(name)
    }
}

impl Background {
    /// Starts a runtime in a thread of this name.
    ///
    /// # Errors
    /// What the system said when it gave no thread or no descriptor.
    pub fn start(name: &str) -> io::Result<Self> {
        Self::start_with(Runtime::builder().thread_name(name), name)
    }

    /// Starts a runtime that was configured before.
    ///
    /// # Errors
    /// As for [`Builder::build`] and [`start`](Self::start).
    pub fn start_with(builder: Builder, name: &str) -> io::Result<Self> {
        let runtime = builder.build()?;
        let handle = runtime.handle();
        let (entered, is_entered) = mpsc::channel();
        handle.call_soon(move || {
            let _ = entered.send(());
        });
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // A fresh runtime that nobody else has can be entered and closed.
                let _ = runtime.run_forever();
                let _ = runtime.close();
            })?;
        // From here on it runs, so that blocking for a task cannot be refused.
        let _ = is_entered.recv();
        Ok(Self {
            handle,
            thread: Some(thread),
            home: Home::here(false),
        })
    }

    /// A handle, for any thread.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Asks it to end once the current round of callbacks has ended.
    pub fn stop(&self) {
        self.handle.stop();
    }

    /// Waits until it has ended: somebody must have called [`stop`](Self::stop). In a fork of its process it
    /// returns at once, as dropping it does.
    pub fn join(mut self) {
        if self.home.check().is_ok() {
            self.join_thread();
        }
    }

    /// Lets it run without this handle, until the process ends; it does not hold that up.
    pub fn daemon(mut self) -> Handle {
        drop(self.thread.take());
        self.handle.clone()
    }

    fn join_thread(&mut self) {
        if let Some(thread) = self.thread.take() {
            // The runtime contains every panic of user code.
            let _ = thread.join();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A fork of the process has no such thread.
        if self.thread.is_some() && self.home.check().is_ok() {
            self.stop();
            self.join_thread();
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Background").field(&self.handle).finish()
    }
}
