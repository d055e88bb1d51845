//! Tells the exception handler of polls that take long: which task, where it was spawned, on which
//! thread, and what that is doing.

use super::Monitor;
use crate::report::{self, Report};
use crate::sched::{Progress, Remote};
use crate::shared::Shared;
use crate::task::TaskControl;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork_io_driver::thread::Doing;
use weftwork_std_or_loom::Mutex;

/// There is one report in this time at most; the next one says how many there would have been.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is known of a long poll.
pub(super) struct Account {
    /// The counts of the worker, during this poll.
    pub(super) progress: Progress,
    /// How long it has taken, at least.
    pub(super) age: Duration,
    pub(super) doing: Doing,
    /// For how long the thread had a core, of how much time.
    pub(super) ran: Option<(Duration, Duration)>,
}

/// Whoever tells.
pub(super) struct Reporter {
    last: Option<Instant>,
    /// How many were left out since.
    left_out: usize,
}

impl Reporter {
    pub(super) fn new() -> Self {
        Self {
            last: None,
            left_out: 0,
        }
    }

    /// Tells of the poll that the worker is in, unless it has ended meanwhile.
    pub(super) fn report(
        &mut self,
        shared: &Arc<Shared>,
        monitor: &Monitor,
        remote: &Remote,
        account: Account,
    ) {
        let now = Instant::now();
        if self.last.is_some_and(|last| now - last < INTERVAL) || is_telling(monitor) {
            self.left_out += 1;
            return;
        }
        let polled = remote.polled();
        let task = shared.registry.find(polled).map(TaskControl::new);
        let where_at = match (&task, polled.is_null()) {
            (Some(_), _) => "",
            (None, false) => ", in a callback or a destructor",
            (None, true) => ", in a waker or a hook",
        };
        // What was found belongs to this poll only if it is still going on.
        if !remote.is_still_in(account.progress) {
            return;
        }
        let name = remote.parker.thread_name();
        let mut text = format!(
            "the thread {} has been in one poll for {} ms{where_at}, {}{}",
            name.as_deref().unwrap_or("without a name"),
            account.age.as_millis(),
            account.is_at(),
            advice(shared),
        );
        if self.left_out > 0 {
            // To write to a string does not fail.
            let _ = write!(text, " ({} others were left out)", self.left_out);
        }
        self.last = Some(now);
        self.left_out = 0;
        tell(shared, monitor, Report::of_blocked(task, text));
    }
}

/// True while the handler has a report before it.
fn is_telling(monitor: &Monitor) -> bool {
    let teller = monitor.teller.lock();
    teller.as_ref().is_some_and(|teller| !teller.is_finished())
}

/// Calls the handler on a thread of its own: it may take as long as it likes, and the monitor looks
/// after the workers meanwhile.
fn tell(shared: &Arc<Shared>, monitor: &Monitor, report: Report) {
    join(monitor);
    let report = Arc::new(Mutex::new(Some(report)));
    let deliver = |shared: &Shared, report: &Mutex<Option<Report>>| {
        let report = report.lock().take();
        if let Some(report) = report {
            report::deliver(Some(&shared.config), report);
        }
    };
    let name = format!("{}-reporter", shared.config.thread_name);
    let (runtime, told) = (Arc::clone(shared), Arc::clone(&report));
    let teller = std::thread::Builder::new()
        .name(name)
        .spawn(move || deliver(&runtime, &told));
    match teller {
        Ok(teller) => *monitor.teller.lock() = Some(teller),
        // Late is better than never.
        Err(_) => deliver(shared, &report),
    }
}

/// Waits for the end of the thread that called the handler.
pub(super) fn join(monitor: &Monitor) {
    let teller = monitor.teller.lock().take();
    if let Some(teller) = teller {
        // It contains the panics of the handler.
        let _ = teller.join();
    }
}

impl Account {
    /// What the thread is doing, in words.
    fn is_at(&self) -> String {
        match (&self.doing, self.ran) {
            (Doing::Waiting(wait), _) => format!("waiting in {wait}"),
            (Doing::Computing { .. }, Some((ran, of))) if !of.is_zero() => {
                let what = if 2 * ran < of {
                    "waiting for a core"
                } else {
                    "computing"
                };
                let (ran, of) = (ran.as_millis(), of.as_millis());
                format!("{what} (it had a core for {ran} of the last {of} ms)")
            }
            (Doing::Computing { .. }, _) => "computing, or waiting for a core".to_owned(),
            _ => "doing what the system does not tell".to_owned(),
        }
    }
}

/// What that means for the others.
fn advice(shared: &Shared) -> String {
    let used_up = || {
        shared
            .monitor
            .as_ref()
            .is_some_and(|m| m.spares.are_used_up())
    };
    if shared.config.fifo {
        "; nobody can stand in on a single-threaded runtime: all its tasks wait. Await instead, or use \
         `spawn_blocking`"
            .to_owned()
    } else if used_up() {
        let most = shared.config.max_spares;
        format!(
            "; no spare worker is left to stand in (`max_spares` is {most}). Use `spawn_blocking`"
        )
    } else {
        String::new()
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;

    fn account(doing: Doing, ran: Option<(u64, u64)>) -> String {
        let ran = ran.map(|(ran, of)| (Duration::from_millis(ran), Duration::from_millis(of)));
        let account = Account {
            progress: Progress::default(),
            age: Duration::ZERO,
            doing,
            ran,
        };
        account.is_at()
    }

    #[test]
    fn whoever_lacks_a_core_does_not_compute() {
        let computes = Doing::Computing { ran: None };
        assert!(account(computes.clone(), Some((90, 100))).starts_with("computing (it had"));
        assert!(account(computes.clone(), Some((10, 100))).starts_with("waiting for a core (it"));
        assert_eq!(
            account(computes.clone(), None),
            account(computes, Some((0, 0)))
        );
        assert!(account(Doing::Unknown, Some((90, 100))).contains("does not tell"));
    }
}
