//! `task_group`: what asyncio's TaskGroup does, and what its handles and errors are like.

#[path = "../common/mod.rs"]
mod common;

mod cancels;
mod failures;
mod many;
mod nests;
mod surface;

use common::{Counter, forever, until};
use weftwork::sync::oneshot;
use weftwork::{GroupError, Task, catch};

/// An error without a lifetime: one with a lifetime, be it `'static`, keeps the future of an async
/// closure from being `Send`, as far as the compiler can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Error(&'static str);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// The returned errors, sorted.
fn errors(error: &GroupError<Error>) -> Vec<&'static str> {
    let mut errors: Vec<_> = error.errors().map(|error| error.0).collect();
    errors.sort_unstable();
    errors
}

/// Waits for a cancel and counts it.
async fn count_a_cancel(cancelled: Counter) -> Result<(), Error> {
    let caught = catch(forever::<()>()).await;
    cancelled.add();
    if let Err(error) = caught {
        weftwork::RaiseExt::resume(error).await;
    }
    Ok(())
}

async fn panics(text: &'static str) -> Result<(), Error> {
    panic!("{text}")
}

/// Waits until a child has begun.
async fn begun<T>(child: &Task<T>) {
    until(|| child.control().polls() > 0).await;
}

/// Fails once the gate opens.
async fn fail_after(gate: oneshot::Receiver<()>, error: &'static str) -> Result<(), Error> {
    gate.await.unwrap();
    Err(Error(error))
}
