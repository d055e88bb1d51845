//! The monitor's thread: looks at the workers again and again, and does what follows.
//!
//! A poll costs the worker a count and two notes of what it polls; no clock. The monitor reads its own
//! clock: a worker that is awake, and whose counts were the same at a look some time ago, has been in one
//! poll since then. If it waits in the system meanwhile it is stuck; if it computes it may take a while.

use super::reporter::{self, Account, Reporter};
use super::tally::{Limits, Step, Tally, Work};
use super::{Monitor, most_spares, nap};
use crate::sched::{Presence, Progress, Remote};
use crate::shared::Shared;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork_io_driver::thread::Doing;

/// After so long without anything going on it rests.
const QUIET: Duration = Duration::from_millis(100);
/// The rest while some worker is stuck and nothing else is going on.
const SHORT_REST: Duration = Duration::from_millis(100);
/// What a worker is doing is asked again after so many looks, and at first more often.
const ASK_AGAIN: u32 = 16;
/// So many tasks of a worker that is stuck are handed to the others at each look, for those who have
/// so much to do that they never take from others. Those who have not take the rest by themselves.
const HANDED_OVER: usize = 32;

/// The thread.
pub(super) fn run(shared: &Arc<Shared>) {
    let Some(monitor) = &shared.monitor else {
        return;
    };
    monitor.adopt();
    let mut watch = Watch::new(shared, monitor);
    // Nobody runs the runtime yet.
    let mut active: Option<Instant> = None;
    while !monitor.is_closed() {
        let now = Instant::now();
        let outlook = watch.look(now);
        if !outlook.is_quiet {
            active = Some(now);
        }
        let is_quiet = active.is_none_or(|active| now - active >= QUIET);
        let limit = (outlook.stuck > 0).then_some(SHORT_REST);
        if !is_quiet || !monitor.rest(outlook.stuck, limit) {
            monitor.parker.park(Some(watch.nap));
        }
    }
    reporter::join(monitor);
}

/// What the monitor knows.
struct Watch<'a> {
    shared: &'a Arc<Shared>,
    monitor: &'a Monitor,
    nap: Duration,
    /// A worker that has been in one poll for so long is stuck, whatever it does; none if nobody
    /// would stand in.
    blocked: Option<Duration>,
    limits: Limits,
    /// By the number of the seat; none while nobody is awake there.
    seen: Vec<Option<Seen>>,
    /// What is to be told after this look, with the number of the seat.
    slow: Vec<(usize, Account)>,
    reporter: Reporter,
}

/// A worker that is awake, since it was seen first with these counts.
struct Seen {
    progress: Progress,
    since: Instant,
    is_stuck: bool,
    /// How often it was seen again.
    looks: u32,
    /// What it was doing when it was asked last.
    doing: Doing,
    /// When it was asked first, and for how long it had had a core then.
    ran: Option<(Instant, Duration)>,
    is_reported: bool,
}

/// What a look came to.
struct Outlook {
    is_quiet: bool,
    stuck: usize,
}

impl<'a> Watch<'a> {
    fn new(shared: &'a Arc<Shared>, monitor: &'a Monitor) -> Self {
        let (nap, can_replace) = (nap(&shared.config), most_spares(&shared.config) > 0);
        Self {
            shared,
            monitor,
            nap,
            // It may have been in that poll since the look before.
            blocked: can_replace.then(|| shared.config.blocked_after.saturating_sub(nap)),
            limits: Limits::new(shared.config.workers, cores()),
            seen: shared.remotes.iter().map(|_| None).collect(),
            slow: Vec::new(),
            reporter: Reporter::new(),
        }
    }

    /// One look at all workers, and one step.
    fn look(&mut self, now: Instant) -> Outlook {
        let shared = self.shared;
        let mut tally = Tally::default();
        let mut has_spares = false;
        // On the seats behind these nobody is, and whoever comes there is progress.
        let in_use = &shared.remotes[..shared.workers_in_use()];
        for (n, remote) in in_use.iter().enumerate() {
            has_spares |= remote.has_spare();
            let is_free = match remote.presence() {
                Presence::Empty => {
                    self.seen[n] = None;
                    continue;
                }
                Presence::Asleep => {
                    self.seen[n] = None;
                    tally.asleep += 1;
                    true
                }
                Presence::Awake => self.look_at(n, remote, now, &mut tally),
            };
            tally.free_spares += usize::from(is_free && remote.has_spare());
        }
        let step = self.step(&tally);
        for (n, account) in self.slow.drain(..) {
            self.reporter
                .report(shared, self.monitor, &shared.remotes[n], account);
        }
        Outlook {
            is_quiet: tally.busy == 0
                && step == Step::Nothing
                && (tally.stuck() > 0 || !has_spares),
            stuck: tally.stuck(),
        }
    }

    /// Looks at a worker that is awake; false if it is stuck.
    fn look_at(&mut self, n: usize, remote: &Remote, now: Instant, tally: &mut Tally) -> bool {
        let progress = remote.progress();
        let seen = match &mut self.seen[n] {
            Some(seen) if seen.progress == progress => seen,
            other => {
                *other = Some(Seen::new(progress, now));
                tally.busy += 1;
                return true;
            }
        };
        let age = now.duration_since(seen.since);
        if let Some(slow) = self.shared.config.slow_poll
            && !seen.is_reported
            && age >= slow
        {
            seen.is_reported = true;
            seen.ask(remote, now);
            self.slow.push((n, seen.account(now)));
        }
        let Some(blocked) = self.blocked else {
            tally.busy += 1;
            return true;
        };
        let is_stuck = seen.see_again(remote, now, blocked);
        match seen.doing {
            _ if !is_stuck => tally.busy += 1,
            Doing::Computing { .. } => tally.computing += 1,
            _ => tally.waiting += 1,
        }
        // Also while it is not known whether it is stuck: so whoever waits there starts within a few
        // milliseconds.
        self.hand_over(remote);
        !is_stuck
    }

    /// Others get what the worker would do next.
    fn hand_over(&self, remote: &Remote) {
        if self.shared.is_running() {
            let tasks = std::iter::from_fn(|| remote.take_over());
            tasks
                .take(HANDED_OVER)
                .for_each(|task| self.shared.inject(task));
        }
    }

    fn step(&self, tally: &Tally) -> Step {
        let shared = self.shared;
        if !shared.is_running() {
            return Step::Nothing;
        }
        let step = tally.step(self.limits, || Work {
            queued: shared.has_queued(),
            driver: shared.driver.wants_somebody(),
        });
        let comes = step == Step::Call && self.monitor.spares.step_in(shared);
        if step == Step::SendHome {
            self.send_home();
        }
        if !comes && tally.stuck() > 0 && tally.free() == 0 {
            self.call_for_driver();
        }
        step
    }

    /// No worker and no spare looks after timers and I/O: a thread in `block_on` without a seat can, if
    /// only for its own future.
    fn call_for_driver(&self) {
        let driver = &self.shared.driver;
        if driver.is_unattended() && driver.wants_somebody() {
            self.shared.entries.call_seatless(self.shared);
        }
    }

    /// Sends a spare home that is not stuck.
    fn send_home(&self) {
        let is_free = |n: &usize| self.seen[*n].as_ref().is_none_or(|seen| !seen.is_stuck);
        let spares = (0..self.seen.len()).filter(|n| self.shared.remotes[*n].has_spare());
        if let Some(n) = spares.rev().find(is_free) {
            self.shared.remotes[n].dismiss();
            self.shared.call_worker(n);
        }
    }
}

impl Seen {
    fn new(progress: Progress, since: Instant) -> Self {
        Self {
            progress,
            since,
            is_stuck: false,
            looks: 0,
            doing: Doing::Unknown,
            ran: None,
            is_reported: false,
        }
    }

    /// Sees it with the same counts once more; true if it is stuck. That it waits for a time, a lock or a
    /// peer shows it at once.
    fn see_again(&mut self, remote: &Remote, now: Instant, blocked: Duration) -> bool {
        self.looks = self.looks.saturating_add(1);
        let waits_shortly = matches!(&self.doing, Doing::Waiting(wait) if !wait.is_interruptible());
        // Now and then, for to ask costs more than to look.
        if self.looks.is_power_of_two() || self.looks.is_multiple_of(ASK_AGAIN) || waits_shortly {
            self.ask(remote, now);
        }
        let waits = matches!(&self.doing, Doing::Waiting(wait) if wait.is_interruptible());
        // It may have fallen asleep since the look: then the answer is of its sleep.
        self.is_stuck = (waits || now.duration_since(self.since) >= blocked)
            && remote.is_still_in(self.progress);
        self.is_stuck
    }

    /// Asks the system what it is doing.
    fn ask(&mut self, remote: &Remote, now: Instant) {
        self.doing = remote.thread().doing();
        if let Doing::Computing { ran: Some(ran) } = self.doing {
            self.ran.get_or_insert((now, ran));
        }
    }

    /// For a report.
    fn account(&self, now: Instant) -> Account {
        let ran = match (&self.doing, self.ran) {
            (Doing::Computing { ran: Some(ran) }, Some((then, before))) => {
                Some((ran.saturating_sub(before), now.duration_since(then)))
            }
            _ => None,
        };
        Account {
            progress: self.progress,
            age: now.duration_since(self.since),
            doing: self.doing.clone(),
            ran,
        }
    }
}

/// How many threads can run at a time.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
