//! The end of a process: who waits for it, and who reaps it when nobody does.

use super::ExitStatus;
use crate::net::AsyncFd;
use crate::signal::call_at;
use crate::signal::unix::{SignalKind, signal};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use weftwork_io_driver::Direction;
use weftwork_io_driver::process::{exit_descriptor, is_no_child};
use weftwork_io_driver::signal::send_signal;
use weftwork_std_or_loom::Mutex;

/// A child process. Signals are sent, and its end is looked for, under the lock: so its number
/// still means it.
#[derive(Debug)]
pub(super) struct Process {
    id: u32,
    child: Shared,
    end: End,
}

/// The part that has to be reaped, without the descriptor that others wait on. It keeps the
/// status from the first look after the end on.
type Shared = Arc<Mutex<std::process::Child>>;

/// How its end is heard of.
#[derive(Debug)]
enum End {
    /// By its descriptor.
    Descriptor(AsyncFd<OwnedFd>),
    /// By `SIGCHLD`, which says that some child has ended.
    Signal,
}

impl Process {
    /// An error ends the child.
    pub(super) fn new(child: std::process::Child) -> io::Result<Self> {
        match End::of(child.id()) {
            Ok(end) => Ok(Self::with(child, end)),
            Err(error) => {
                end_at_once(child);
                Err(error)
            }
        }
    }

    fn with(child: std::process::Child, end: End) -> Self {
        Self {
            id: child.id(),
            child: Arc::new(Mutex::new(child)),
            end,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.child.lock().try_wait().map_err(explain)
    }

    /// Nobody waits for it any more: it is reaped now, or when it ends.
    pub(super) fn give_up(&self) {
        adopt(&self.child);
    }

    pub(super) fn kill(&self) -> io::Result<()> {
        // It knows by itself whether the process was reaped.
        self.child.lock().kill()
    }

    pub(super) fn send_signal(&self, kind: SignalKind) -> io::Result<()> {
        let mut child = self.child.lock();
        match child.try_wait().map_err(explain)? {
            Some(_) => Ok(()),
            None => send_signal(self.id, kind.as_raw()),
        }
    }

    pub(super) async fn wait(&self) -> io::Result<ExitStatus> {
        let waited = match &self.end {
            End::Descriptor(descriptor) => {
                let look = |_: &OwnedFd| self.look();
                descriptor.io(Direction::Read, look).await
            }
            End::Signal => self.wait_by_signal().await,
        };
        // Where nothing can be waited for any more, it may have ended all the same.
        waited.or_else(|error| self.try_wait()?.ok_or(error))
    }

    fn look(&self) -> io::Result<ExitStatus> {
        let status = self.try_wait()?;
        status.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    async fn wait_by_signal(&self) -> io::Result<ExitStatus> {
        // Before the first look, so that no end falls between a look and the wait.
        let mut ends = signal(SignalKind::child())?;
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            ends.recv().await;
        }
    }
}

impl End {
    fn of(child: u32) -> io::Result<Self> {
        match exit_descriptor(child)? {
            Some(descriptor) => Ok(Self::Descriptor(AsyncFd::new(descriptor)?)),
            None => Ok(Self::Signal),
        }
    }
}

fn explain(error: io::Error) -> io::Error {
    if !is_no_child(&error) {
        return error;
    }
    let text = format!(
        "somebody else took the exit status of the child: this process ignores SIGCHLD, or waits \
         for any child somewhere ({error})"
    );
    io::Error::new(error.kind(), text)
}

/// Dropped by their owners before their end.
static ORPHANS: Mutex<Vec<Shared>> = Mutex::new(Vec::new());

/// Ends and reaps a child that nobody will hear of.
fn end_at_once(mut child: std::process::Child) {
    match child.kill() {
        // It has just been started, so this is over soon. An error means that it was reaped.
        Ok(()) => drop(child.wait()),
        // It has become another user's: it runs on.
        Err(_) => adopt(&Arc::new(Mutex::new(child))),
    }
}

/// Reaps a child for which nobody waits, now or when it ends.
fn adopt(child: &Shared) {
    if !runs(child) {
        return;
    }
    ORPHANS.lock().push(Arc::clone(child));
    let is_heard = call_at(SignalKind::child(), reap).unwrap_or(false);
    // It may have ended before. Where nobody can hear of it (the system reaps the children of a
    // process that ignores the signal; or no thread is left), each further orphan is an occasion.
    if !is_heard || !runs(child) {
        reap();
    }
}

/// False once it was reaped, by this look at the latest.
fn runs(child: &Shared) -> bool {
    matches!(child.lock().try_wait(), Ok(None))
}

/// Reaps all orphans that have ended.
fn reap() {
    ORPHANS.lock().retain(runs);
}

#[cfg(test)]
mod tests {
    use super::{End, Process};
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    fn sleeper() -> Arc<Process> {
        let child = Command::new("sleep").arg("3600").spawn().unwrap();
        Arc::new(Process::with(child, End::Signal))
    }

    /// The way of the systems that have no descriptors for processes.
    #[test]
    fn all_who_wait_by_signal_hear_of_the_end() {
        crate::run(async {
            let (ends, goes_on) = (sleeper(), sleeper());
            let wait = |process: &Arc<Process>| {
                let process = Arc::clone(process);
                crate::spawn(async move { process.wait().await })
            };
            let waiters: Vec<_> = (0..10).map(|_| wait(&ends)).collect();
            let other = wait(&goes_on);
            while waiters.iter().any(|waiter| waiter.control().polls() == 0) {
                crate::yield_now().await;
            }
            ends.kill().unwrap();
            for status in crate::gather(waiters).await {
                assert_eq!(status.unwrap().signal(), Some(9));
            }
            assert!(!other.done());
            goes_on.kill().unwrap();
            assert_eq!(other.await.unwrap().signal(), Some(9));
        });
    }

    #[test]
    fn an_orphan_is_reaped_when_it_ends() {
        let orphan = sleeper();
        orphan.give_up();
        // A look at its status would reap it, so it is the list that is looked at.
        let is_listed = || {
            let orphans = super::ORPHANS.lock();
            orphans
                .iter()
                .any(|other| Arc::ptr_eq(other, &orphan.child))
        };
        assert!(is_listed());
        orphan.kill().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while is_listed() {
            assert!(Instant::now() < deadline, "it is not reaped");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
