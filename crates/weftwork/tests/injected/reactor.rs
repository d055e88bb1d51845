//! The calls of the reactor: made, waited on, woken.

use crate::cell::Expected::{Dead, Fails, Works};
use crate::cell::Program::{On, Whole};
use crate::cell::{self, Cell, EVERY, FIRST, NOW_AND_THEN, SECOND, Use};
use crate::common::ms;
use futures::{AsyncReadExt, AsyncWriteExt};
use std::io;
use std::sync::mpsc;
use weftwork::net::UnixStream;
use weftwork::sync::oneshot;
use weftwork::{Runtime, sleep, spawn};

const LIMIT: &str = "raise the limit";
const WATCHES: &str = "max_user_watches";
const MEMORY: &str = "Cannot allocate memory";

#[rustfmt::skip]
const CELLS: &[Cell] = &[
    // No reactor, no runtime: an error.
    ("epoll_create1", "EMFILE", FIRST, Whole(runtime), Fails(LIMIT)),
    ("epoll_create1", "ENFILE", FIRST, Whole(runtime), Fails("system")),
    ("epoll_create1", "ENOMEM", FIRST, Whole(runtime), Fails(MEMORY)),
    ("eventfd2", "EMFILE", FIRST, Whole(runtime), Fails(LIMIT)),
    ("eventfd2", "ENOMEM", FIRST, Whole(runtime), Fails(MEMORY)),
    ("timerfd_create", "EMFILE", FIRST, Whole(runtime), Fails(LIMIT)),
    ("timerfd_create", "ENOMEM", FIRST, Whole(runtime), Fails(MEMORY)),
    ("epoll_ctl", "ENOSPC", FIRST, Whole(runtime), Fails(WATCHES)),
    ("epoll_ctl", "ENOMEM", SECOND, Whole(runtime), Fails(MEMORY)),
    // A wait that is interrupted is waited again; a poller that is gone ends all of them.
    ("epoll_pwait", "EINTR", FIRST, On(waits), Works),
    ("epoll_pwait", "EINTR", SECOND, On(waits), Works),
    ("epoll_pwait", "EINTR", NOW_AND_THEN, On(waits), Works),
    ("epoll_pwait", "EBADF", FIRST, On(waits), Dead),
    ("epoll_pwait", "EBADF", SECOND, On(waits), Dead),
    ("epoll_pwait", "EINVAL", EVERY, On(waits), Dead),
    ("timerfd_settime", "EBADF", FIRST, On(waits), Dead),
    // The bell: interrupted, full.
    ("write", "EINTR", FIRST, On(is_woken), Works),
    ("write", "EAGAIN", FIRST, On(is_woken), Works),
    ("write", "EAGAIN", NOW_AND_THEN, On(is_woken), Works),
    // A descriptor that is not taken leaves nothing behind.
    ("epoll_ctl", "ENOSPC", FIRST, On(waits), Fails(WATCHES)),
    ("epoll_ctl", "ENOSPC", SECOND, On(waits), Fails(WATCHES)),
    ("epoll_ctl", "ENOSPC", EVERY, On(waits), Fails(WATCHES)),
    ("epoll_ctl", "ENOMEM", FIRST, On(waits), Fails(MEMORY)),
    ("epoll_ctl", "EPERM", FIRST, On(waits), Fails("blocking pool")),
];

#[test]
fn calls_of_the_reactor_fail() {
    cell::all("reactor::calls_of_the_reactor_fail", CELLS);
}

fn runtime() -> io::Result<()> {
    let runtime = Runtime::builder().workers(2).build()?;
    runtime.block_on(async { spawn(sleep(ms(1))).await });
    runtime.close().map_err(io::Error::other)
}

/// Waits for bytes, which come after a time.
fn waits() -> Use {
    Box::pin(async {
        let (mut near, mut far) = UnixStream::pair()?;
        let writing = spawn(async move {
            for _ in 0..3 {
                sleep(ms(2)).await;
                far.write_all(b"come").await?;
            }
            Ok::<_, io::Error>(())
        });
        let mut all = Vec::new();
        near.read_to_end(&mut all).await?;
        assert_eq!(all.len(), 12);
        writing.await
    })
}

/// Waits for another thread, which wakes it.
fn is_woken() -> Use {
    Box::pin(async {
        let (ask, asked) = mpsc::channel::<oneshot::Sender<()>>();
        let answering = std::thread::spawn(move || {
            for answer in asked {
                // Time to fall asleep; once in so many rounds it does.
                std::thread::sleep(ms(2));
                answer.send(()).unwrap();
            }
        });
        for _ in 0..30 {
            let (answer, is_answered) = oneshot::channel();
            ask.send(answer).unwrap();
            is_answered.await.unwrap();
        }
        drop(ask);
        answering.join().unwrap();
        Ok(())
    })
}
