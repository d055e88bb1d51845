//! The list of deliberate differences.
//!
//! A difference is recognised by what it is: `turns.py` has it as a change to asyncio, and a log of
//! weftwork that is not asyncio's own has to be, line by line, that of asyncio with such changes.

use crate::interpret::Event;
use crate::program::{Call, Except, Program, Stmt, When, Who};

/// A deliberate difference.
pub(crate) struct Deliberate {
    /// Its name in `turns.py`.
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    /// The shortest program that shows it.
    pub(crate) program: fn() -> Program,
}

const fn call(slot: usize, function: usize) -> Call {
    Call { slot, function }
}

/// All of them.
pub(crate) const DELIBERATE: &[Deliberate] = &[
    Deliberate {
        name: "late cancel",
        reason: "asyncio's cancel() walks down to the innermost await at once; weftwork delivers it in \
                 the next turn of each task on the way, for that task may be running elsewhere",
        program: || {
            Program(vec![
                vec![
                    Stmt::Spawn(call(0, 2)),
                    Stmt::Gather(vec![call(1, 1)], false),
                ],
                vec![],
                vec![Stmt::Cancel(Who::Parent, None)],
            ])
        },
    },
    Deliberate {
        name: "early strike",
        reason: "a task that cancelled itself is cancelled by its next await that suspends, in the same \
                 turn, but once in a turn; asyncio takes one more. After sleep(0) that turn still comes, to whatever \
                 is awaited then",
        program: || {
            let me = Stmt::Cancel(Who::Me, None);
            Program(vec![vec![me, Stmt::CallSoon(1), Stmt::Get(0)]])
        },
    },
    Deliberate {
        name: "short way",
        reason: "the end of a child wakes whoever awaits a gather, wait or as_completed directly, and what \
                 has ended already is seen without a turn; asyncio's callbacks take one more",
        program: || {
            Program(vec![
                vec![
                    Stmt::Spawn(call(0, 1)),
                    Stmt::Wait(vec![0], When::All, None),
                ],
                vec![Stmt::Spawn(call(0, 2))],
                vec![Stmt::CallSoon(1)],
            ])
        },
    },
    Deliberate {
        name: "quick zero",
        reason: "wait_for without time raises without suspending, after a cancel of a task it looks again in its \
                 next turn, and wait without time takes one turn; asyncio takes a turn, as many as the task, and three",
        program: || {
            Program(vec![
                vec![Stmt::Gather(vec![call(0, 1), call(1, 2)], true)],
                vec![Stmt::WaitFor(call(0, 2), 0)],
                vec![],
            ])
        },
    },
    Deliberate {
        name: "whole zero",
        reason: "a cancel of a wait_for without time goes to its task as well, whose end is waited for, as it is with \
                 time; asyncio leaves that task alone then",
        program: || {
            let nap = || vec![Stmt::Sleep(1_000_000)];
            Program(vec![
                vec![
                    Stmt::Spawn(call(0, 1)),
                    Stmt::Sleep(0),
                    Stmt::Cancel(Who::Me, None),
                    Stmt::WaitForKid(0, 0),
                ],
                vec![Stmt::Finally(nap(), nap())],
            ])
        },
    },
    Deliberate {
        name: "uncounted limit",
        reason: "a timeout that strikes is no request to cancel, so it does not count in cancelling(); \
                 asyncio's counts until it is over",
        program: || {
            let nap = vec![Stmt::Sleep(1_000_000)];
            Program(vec![vec![Stmt::Timeout(
                10_000,
                vec![Stmt::Finally(nap, vec![Stmt::Cancelling(Who::Me)])],
            )]])
        },
    },
    Deliberate {
        name: "kept message",
        reason: "the outcomes of a gather, a shield and a timeout keep the message of a cancel, which asyncio leaves out",
        program: || {
            let shielded = Stmt::Try(vec![Stmt::Shield(0)], Except::Cancelled, vec![], false);
            Program(vec![
                vec![Stmt::Spawn(call(0, 1)), shielded],
                vec![Stmt::Cancel(Who::Me, Some(1))],
            ])
        },
    },
    Deliberate {
        name: "callbacks first",
        reason: "whoever takes a task's value is woken once the callbacks that were added before have seen it; \
                 asyncio schedules both at once",
        program: || {
            Program(vec![
                vec![Stmt::Spawn(call(0, 1)), Stmt::Spawn(call(1, 1))],
                vec![Stmt::Spawn(call(0, 2)), Stmt::OnDone(0, 1), Stmt::Join(0)],
                vec![],
            ])
        },
    },
    Deliberate {
        name: "whole cancel",
        reason: "a gather that is cancelled waits for the clean-up of all its children, so that a parent ends \
                 after them, and is cancelled whatever they give; asyncio goes on at the first one that fails",
        program: || {
            let slow = vec![Stmt::Sleep(1_000_000)];
            Program(vec![
                vec![Stmt::Timeout(
                    10_000,
                    vec![Stmt::Gather(vec![call(0, 1), call(1, 2)], false)],
                )],
                vec![Stmt::Sleep(2_000_000)],
                vec![Stmt::Finally(vec![Stmt::Sleep(2_000_000)], slow)],
            ])
        },
    },
    Deliberate {
        name: "fair queue",
        reason: "an item is handed to whoever has waited longest; asyncio wakes that task, and another one that \
                 asks before its turn takes the item",
        program: || {
            Program(vec![
                vec![
                    Stmt::Spawn(call(0, 1)),
                    Stmt::Sleep(0),
                    Stmt::Put(1, 1),
                    Stmt::TryGet(1),
                ],
                vec![Stmt::Get(1)],
            ])
        },
    },
    Deliberate {
        name: "first failure",
        reason: "of tasks that had failed before, a gather raises what failed first in time; asyncio what \
                 comes first in the input",
        program: || {
            Program(vec![
                vec![
                    Stmt::Spawn(call(0, 1)),
                    Stmt::Spawn(call(1, 2)),
                    Stmt::Sleep(1_000_000),
                    Stmt::GatherKids(vec![1, 0], false),
                ],
                vec![Stmt::Raise(1)],
                vec![Stmt::Raise(2)],
            ])
        },
    },
    Deliberate {
        name: "one strike",
        reason: "a task that cancels itself while it handles a timeout's cancel is cancelled once; asyncio raises \
                 that cancel again and has another one to come",
        program: || {
            let again = vec![Stmt::Cancel(Who::Me, None)];
            let nap = vec![Stmt::Sleep(1_000_000)];
            let body = vec![Stmt::Try(nap, Except::Cancelled, again, true)];
            let limit = vec![Stmt::Timeout(10_000, body)];
            Program(vec![vec![Stmt::Finally(
                limit,
                vec![Stmt::Sleep(1_000_000)],
            )]])
        },
    },
    Deliberate {
        name: "own cancel",
        reason: "a cancel of the task that struck within a timeout and is raised again goes on, whatever the timeout \
                 has done since; asyncio takes one that was asked for before the timeout began for an old one, \
                 and gives TimeoutError",
        program: || {
            let nap = vec![Stmt::Sleep(1_000_000)];
            let again = Stmt::Try(nap.clone(), Except::Cancelled, vec![], false);
            let body = vec![Stmt::Try(nap, Except::Cancelled, vec![again], true)];
            Program(vec![vec![
                Stmt::Cancel(Who::Me, None),
                Stmt::Timeout(10_000, body),
            ]])
        },
    },
    Deliberate {
        name: "free permit",
        reason: "a permit that was handed to a waiting task is on its way: meanwhile another one that is free can \
                 be taken, and nobody can give it back. asyncio has newcomers wait until that task had its turn, and \
                 lets a bounded semaphore take the permit back",
        program: || {
            Program(vec![
                vec![
                    Stmt::Acquire(2),
                    Stmt::Spawn(call(0, 1)),
                    Stmt::Sleep(0),
                    Stmt::Release(2),
                    Stmt::Release(2),
                ],
                vec![Stmt::Acquire(2)],
            ])
        },
    },
    Deliberate {
        name: "lost lock",
        reason: "a wait for a condition that is cancelled gives up without the lock, for nobody goes on behind it, \
                 and hands a notification on only if it had one; asyncio takes the lock again before it raises, \
                 and notifies another one always",
        program: || {
            Program(vec![
                vec![
                    Stmt::Spawn(call(0, 1)),
                    Stmt::Sleep(0),
                    Stmt::Notify(
                        0,
                        Some(0),
                        vec![Stmt::Cancel(Who::Kid(0), None), Stmt::Sleep(1_000_000)],
                    ),
                ],
                vec![Stmt::AwaitCondition(0)],
            ])
        },
    },
    Deliberate {
        name: "one line",
        reason: "a barrier gives its numbers when it is full, in the order of the line, and the next phase begins \
                 with those who stand there when the last one has gone; asyncio counts who comes and goes, so that \
                 after a cancel two have the same number, and wakes by a condition",
        program: || {
            Program(vec![
                vec![
                    Stmt::Spawn(call(0, 1)),
                    Stmt::Spawn(call(1, 1)),
                    Stmt::Sleep(0),
                    Stmt::Cancel(Who::Kid(0), None),
                    Stmt::Sleep(0),
                    Stmt::Spawn(call(2, 1)),
                    Stmt::Spawn(call(3, 1)),
                ],
                vec![Stmt::AwaitBarrier(1)],
            ])
        },
    },
    Deliberate {
        name: "own group",
        reason: "a task group hears of a failure in the turn of the child that fails, and has its body's failure \
                 in its place; asyncio hears a turn later, and has the body's last",
        program: || {
            Program(vec![
                vec![Stmt::Group(vec![
                    Stmt::SpawnIn(call(0, 1)),
                    Stmt::Sleep(0),
                    Stmt::Raise(1),
                ])],
                vec![Stmt::Finally(vec![Stmt::Sleep(1)], vec![Stmt::Raise(2)])],
            ])
        },
    },
    Deliberate {
        name: "group error",
        reason: "a child's error is its group's: whoever awaits its handle is cancelled, so that nobody gets the \
                 error twice; asyncio raises it there as well",
        program: || {
            let group = vec![Stmt::Group(vec![Stmt::SpawnIn(call(0, 1))])];
            let state = vec![Stmt::State(Who::Kid(0))];
            Program(vec![
                vec![Stmt::Try(group, Except::Exception, state, false)],
                vec![Stmt::Raise(1)],
            ])
        },
    },
    Deliberate {
        name: "told again",
        reason: "a second cancel of a task that waits for the children of its group goes to them again; asyncio \
                 swallows it",
        program: || {
            let group = Stmt::Group(vec![Stmt::SpawnIn(call(0, 2))]);
            let nap = || vec![Stmt::Sleep(1_000_000)];
            let cancel = Stmt::Cancel(Who::Kid(0), None);
            Program(vec![
                vec![
                    Stmt::Spawn(call(0, 1)),
                    Stmt::Sleep(1000),
                    cancel.clone(),
                    Stmt::Sleep(1000),
                    cancel,
                ],
                vec![group],
                vec![Stmt::Finally(nap(), nap())],
            ])
        },
    },
    Deliberate {
        name: SPARE_TURN,
        reason: "a limit that strikes wakes its task once more, and so does the end of a task for a wait that was \
                 given up: what has happened by then is seen a turn early",
        program: || {
            Program(vec![
                vec![Stmt::Timeout(
                    10_000,
                    vec![Stmt::Gather(vec![call(0, 1)], true)],
                )],
                vec![Stmt::Finally(
                    vec![Stmt::AwaitFuture(0)],
                    vec![Stmt::Spawn(call(0, 2))],
                )],
                vec![],
            ])
        },
    },
];

/// The difference that is no change to asyncio: the logs differ only in which frame comes first
/// within an instant, and the program has a construct that takes a spare turn.
pub(crate) const SPARE_TURN: &str = "spare turn";

/// The names of those which are changes to asyncio.
pub(crate) fn names() -> Vec<&'static str> {
    let names = DELIBERATE.iter().map(|difference| difference.name);
    names.filter(|name| *name != SPARE_TURN).collect()
}

/// True if the logs differ by spare turns alone.
pub(crate) fn is_spare_turn(program: &Program, nearest: &[Event], weftwork: &[Event]) -> bool {
    let sorted = |log: &[Event]| {
        let mut log = log.to_vec();
        // Stable: the events of a frame stay in their order.
        log.sort_by(|a, b| (a.time, &a.who).cmp(&(b.time, &b.who)));
        log
    };
    let spare = |stmt: &Stmt| {
        matches!(
            stmt,
            Stmt::Wait(..)
                | Stmt::AsCompleted(_)
                | Stmt::Timeout(..)
                | Stmt::WaitFor(..)
                | Stmt::WaitForKid(..)
        )
    };
    program.has(spare) && sorted(nearest) == sorted(weftwork)
}
