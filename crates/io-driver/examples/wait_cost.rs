//! What one wait of the reactor costs, for each way to hear of events: a look without waiting, and
//! a notified wait with a time limit, as a parked worker has it.

#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::io;
use std::time::{Duration, Instant};
use weftwork_io_driver::{PollerKind, Reactor};

const LOOKS: u32 = 200_000;

fn main() -> io::Result<()> {
    println!("{:<16} {:>10} {:>22}", "poller", "look", "notify and wait");
    for &kind in PollerKind::all() {
        let reactor = match Reactor::with_poller(kind) {
            Ok(reactor) => reactor,
            Err(error) => {
                println!("{kind:<16?} {error}");
                continue;
            }
        };
        let mut wakers = Vec::new();
        let look = each(|| reactor.wait(Some(Duration::ZERO), &mut wakers))?;
        let mut wakers = Vec::new();
        let notified = each(|| {
            reactor.notify();
            reactor.wait(Some(Duration::from_secs(60)), &mut wakers)
        })?;
        println!(
            "{:<16} {look:>10.0?} {notified:>22.0?}",
            format!("{kind:?}")
        );
    }
    Ok(())
}

fn each(mut f: impl FnMut() -> io::Result<()>) -> io::Result<Duration> {
    let begin = Instant::now();
    for _ in 0..LOOKS {
        f()?;
    }
    Ok(begin.elapsed() / LOOKS)
}
