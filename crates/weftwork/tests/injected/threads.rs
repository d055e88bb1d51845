//! The calls that make threads.

use crate::cell::Expected::{Fails, Works};
use crate::cell::Program::Whole;
use crate::cell::{self, Cell, EVERY, FIRST, SECOND};
use crate::common::{On, ms};
use std::io;
use weftwork::{Runtime, sleep, spawn};

/// Older C libraries use the second one.
const CLONE: &str = "?clone3,clone";
const AGAIN: &str = "Resource temporarily unavailable";
const THREAD: &str = "no thread for a blocking job";

#[rustfmt::skip]
const CELLS: &[Cell] = &[
    // No worker, no runtime; those that had begun end.
    (CLONE, "EAGAIN", FIRST, Whole(workers), Fails(AGAIN)),
    (CLONE, "EAGAIN", SECOND, Whole(workers), Fails(AGAIN)),
    (CLONE, "ENOMEM", EVERY, Whole(workers), Fails(AGAIN)),
    ("mmap", "ENOMEM", EVERY, Whole(workers), Fails(AGAIN)),
    // Without its monitor it does.
    (CLONE, "EAGAIN", "5", Whole(workers), Works),
    // No thread for a job: an error, and everything else goes on.
    (CLONE, "EAGAIN", FIRST, Whole(job), Fails(THREAD)),
    (CLONE, "EAGAIN", EVERY, Whole(job), Fails(THREAD)),
    ("mmap", "ENOMEM", EVERY, Whole(job), Fails(THREAD)),
    // Of ten jobs at once the others are done by those that there are.
    (CLONE, "EAGAIN", SECOND, Whole(jobs), Works),
    (CLONE, "EAGAIN", "3+", Whole(jobs), Works),
];

#[test]
fn calls_that_make_threads_fail() {
    cell::all("threads::calls_that_make_threads_fail", CELLS);
}

fn workers() -> io::Result<()> {
    let runtime = Runtime::builder().workers(5).build()?;
    runtime.block_on(async { spawn(sleep(ms(1))).await });
    runtime.close().map_err(io::Error::other)
}

fn job() -> io::Result<()> {
    let runtime = On::Local.runtime(Runtime::builder());
    runtime.block_on(async {
        let job = weftwork::Handle::current().try_spawn_blocking(|| 1);
        sleep(ms(1)).await;
        let job = job.map_err(|(refusal, _)| io::Error::other(refusal))?;
        assert_eq!(job.await, 1);
        Ok(())
    })
}

fn jobs() -> io::Result<()> {
    let runtime = On::Local.runtime(Runtime::builder());
    runtime.block_on(async {
        let jobs: Vec<_> = (0..10)
            .map(|n| weftwork::spawn_blocking(move || n))
            .collect();
        let done = weftwork::gather(jobs).await;
        assert_eq!(done, Vec::from_iter(0..10));
    });
    Ok(())
}
