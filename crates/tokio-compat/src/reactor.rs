//! The runtime of tokio that a process has beside weftwork's.

use std::future::pending;
use std::io;
use std::thread;
use tokio::runtime::{Builder, Handle};
use weftwork_std_or_loom::Mutex;

static STARTED: Mutex<Option<Handle>> = Mutex::new(None);

/// The runtime of tokio that belongs to this process, which is started by the first call.
///
/// It has one thread, `weftwork-tokio`, which waits for tokio's sockets and timers and polls what is
/// given to `tokio::spawn`. tokio's blocking jobs, look-ups of names among them, have threads of
/// their own, as always in tokio. It ends with the process.
///
/// A program that calls this when it begins hears of a failure there, and not from
/// [`tokio_context`](crate::tokio_context).
///
/// # Errors
/// The system has no thread or no descriptors for it. The next call tries again.
#[doc(alias = "Handle::current")]
pub fn tokio_handle() -> io::Result<Handle> {
    let mut started = STARTED.lock();
    if let Some(handle) = &*started {
        return Ok(handle.clone());
    }
    let handle = start()?;
    *started = Some(handle.clone());
    Ok(handle)
}

fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    // It runs while somebody is in `block_on`, and would end if it were dropped.
    let thread = thread::Builder::new().name("weftwork-tokio".to_owned());
    thread.spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
}
