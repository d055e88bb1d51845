//! Row `idle_wakeups`: ten thousand tasks sleep, and nothing is due for long: how often the threads
//! of the runtime wake up all the same.

use std::fs;
use std::future::Future;
use std::thread;
use std::time::Duration;

use crate::channels::{Smol, Tasks, Tokio, Weftwork};
use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "idle_wakeups",
    about: "10,000 tasks sleep for longer than anybody looks: wake-ups of all threads in a second",
    count: 1000,
    least: 10,
    unit: Unit::Wakeups,
    expected: |ops| ops,
    baseline: Peer::Tokio,
    goal: Some(Goal::Cost(0.0)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, |ops| rest::<Weftwork, _>(ops, weftwork::sleep))
        }),
        (Peer::Tokio, |setup| {
            on_tokio(setup, |ops| rest::<Tokio, _>(ops, tokio::time::sleep))
        }),
        (Peer::Smol, |setup| {
            on_smol(setup, |ops| {
                rest::<Smol, _>(ops, |time| async move {
                    smol::Timer::after(time).await;
                })
            })
        }),
    ],
};

const SLEEPERS: u64 = 10_000;
const LONG: Duration = Duration::from_secs(3600);
/// So long it may take until all sleep.
const SETTLED: Duration = Duration::from_millis(300);

/// Looks on for so many milliseconds from a thread of its own.
async fn rest<R, S>(ops: u64, sleep: fn(Duration) -> S) -> Sample
where
    R: Tasks,
    S: Future<Output = ()> + Send + 'static,
{
    // Some runtimes let them sleep on when this is over, until the process ends.
    let sleepers: Vec<_> = (0..SLEEPERS).map(|_| R::spawn(sleep(LONG))).collect();
    let (sender, receiver) = smol::channel::bounded(1);
    thread::spawn(move || {
        thread::sleep(SETTLED);
        let before = wakeups();
        let clock = Clock::start();
        thread::sleep(Duration::from_millis(ops));
        let sample = clock.stop(ops);
        let counted = wakeups().zip(before);
        let counted = counted.and_then(|(now, before)| now.checked_sub(before));
        let sample = Sample { counted, ..sample };
        sender.try_send(sample).expect("the root task waits");
    });
    let sample = receiver.recv().await.expect("the plain thread ends");
    drop(sleepers);
    sample
}

/// How often the other threads of this process have slept so far, where the system tells.
fn wakeups() -> Option<u64> {
    let own = fs::read_link("/proc/thread-self").ok()?;
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let name = thread.ok()?.file_name();
        if own.file_name() != Some(&name) {
            let path = format!("/proc/self/task/{}/status", name.display());
            sum += sleeps_of(&fs::read_to_string(path).ok()?)?;
        }
    }
    Some(sum)
}

/// Reads the line `voluntary_ctxt_switches: 12`.
fn sleeps_of(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sleeps_are_found_among_the_others() {
        let status = "Threads:\t3\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t7\n";
        assert_eq!(sleeps_of(status), Some(150));
        assert_eq!(sleeps_of("nonvoluntary_ctxt_switches:\t7\n"), None);
    }
}
