//! Tasks whose polls take a millisecond each and that are always ready, as many as there are workers:
//! timers, sockets and submissions have their turn after a few of those, not after sixty. Counted in
//! polls, for the machine may be busy.

mod common;

use common::{EVERYWHERE, On, Watchdog};
use futures::{AsyncReadExt, AsyncWriteExt};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork::net::TcpStream;
use weftwork::{Handle, Runtime, sleep, yield_now};
use weftwork_std_or_loom::atomic::{AtomicUsize, Ordering::SeqCst};

const PIECE: Duration = Duration::from_millis(1);

/// So often a program waits for something.
const WAITS: usize = 40;

/// In so many polls of a worker it has to be through: one that looks around every 61 polls needs
/// 2,400. The first sixty may be made before the worker has seen that they are long.
const MOST: usize = 400;

/// Runs `body` beside tasks that compute all the time, on runtimes of every kind; each worker makes
/// no more than `MOST` polls meanwhile.
fn beside_long_polls(body: impl AsyncFn()) {
    let _watchdog = Watchdog::start();
    for on in EVERYWHERE {
        let workers = match on {
            On::Workers(workers) => workers,
            On::Local => 1,
        };
        let polls = on.runtime(Runtime::builder()).block_on(async {
            let polls = Arc::new(AtomicUsize::new(0));
            for _ in 0..workers {
                let polls = Arc::clone(&polls);
                weftwork::spawn(compute(polls)).detach();
            }
            body().await;
            polls.load(SeqCst)
        });
        assert!(polls <= MOST * workers, "{polls} polls on {on:?}");
    }
}

async fn compute(polls: Arc<AtomicUsize>) {
    loop {
        polls.fetch_add(1, SeqCst);
        let begin = Instant::now();
        while begin.elapsed() < PIECE {
            std::hint::spin_loop();
        }
        yield_now().await;
    }
}

#[test]
fn timers_go_off_between_long_polls() {
    beside_long_polls(async || {
        for _ in 0..WAITS {
            sleep(PIECE).await;
        }
    });
}

#[test]
fn sockets_are_served_between_long_polls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let echo = std::thread::spawn(move || {
        for _ in EVERYWHERE {
            let (mut stream, _) = listener.accept().unwrap();
            let mut byte = [0];
            while stream.read(&mut byte).unwrap() == 1 {
                stream.write_all(&byte).unwrap();
            }
        }
    });
    beside_long_polls(async || {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        for n in 0..WAITS {
            let mut byte = [u8::try_from(n).unwrap()];
            stream.write_all(&byte).await.unwrap();
            stream.read_exact(&mut byte).await.unwrap();
            assert_eq!(usize::from(byte[0]), n);
        }
        stream.shutdown(Shutdown::Write).unwrap();
    });
    echo.join().unwrap();
}

#[test]
fn submissions_are_taken_between_long_polls() {
    beside_long_polls(async || {
        let handle = Handle::current();
        let thread = std::thread::spawn(move || {
            for n in 0..WAITS {
                let task = handle.spawn(async move { n });
                assert_eq!(task.blocking_result(None).unwrap(), n);
            }
        });
        while !thread.is_finished() {
            yield_now().await;
        }
        thread.join().unwrap();
    });
}
