//! Programs that were found to differ, and were no deliberate difference: the model was mended, or weftwork
//! was. Each of them is judged again here.

use crate::compare::{Bench, Verdict};
use crate::generate;
use crate::interpret::Plan;
use crate::judge::Judge;
use crate::program::{Block, Call, Except, Program, Stmt, When, Who};

fn call(slot: usize, function: usize) -> Call {
    Call { slot, function }
}

/// Judges a program, unless no Python is there that can.
fn is_judged_right(functions: &[Block]) {
    let judge = match Judge::newest() {
        Ok(judge) => judge,
        Err(error) => return eprintln!("skipped: {error}"),
    };
    let unjudged = generate::unjudged(judge.version);
    let program = Program(functions.to_vec());
    if program.has(|stmt| unjudged.contains(&stmt.construct())) {
        return eprintln!("skipped: this Python cannot judge it");
    }
    let mut bench = Bench::new(judge).unwrap();
    if let Verdict::Different(logs) = bench.judge(&program, Plan::default()).unwrap() {
        panic!("{logs:#?}");
    }
}

/// The cancel of the task itself went no further than `wait_for`, in the model.
#[test]
fn a_cancel_goes_to_the_task_that_is_given_no_time() {
    let waits = vec![Stmt::Cancel(Who::Me, None), Stmt::WaitForKid(0, 0)];
    let cancels = vec![Stmt::Cancel(Who::Kid(0), None)];
    is_judged_right(&[
        vec![
            Stmt::Spawn(call(0, 3)),
            Stmt::Spawn(call(1, 2)),
            Stmt::Try(waits, Except::Cancelled, cancels, false),
        ],
        vec![],
        vec![Stmt::Gather(vec![call(0, 4), call(1, 4)], true)],
        vec![],
        vec![Stmt::Cancel(Who::Parent, None)],
    ]);
}

/// In the model the turn that is left of the first sleep came before the task that is spawned after it.
#[test]
fn whatever_wakes_a_task_in_its_own_turn_does_so_at_its_end() {
    let body = vec![Stmt::Cancel(Who::Me, None), Stmt::Sleep(0)];
    let handler = vec![Stmt::Spawn(call(1, 2)), Stmt::Sleep(0)];
    is_judged_right(&[
        vec![Stmt::Spawn(call(1, 1)), Stmt::Spawn(call(2, 1))],
        vec![Stmt::Try(body, Except::Both, handler, false)],
        vec![],
    ]);
}

/// As above: a group wakes its task, then that gives a lock back.
#[test]
fn a_group_that_ends_wakes_its_task_at_the_end_of_the_turn() {
    let group = Stmt::Group(vec![Stmt::AsCompleted(vec![call(0, 3), call(2, 3)])]);
    let notify = vec![Stmt::Notify(0, Some(2), vec![group])];
    is_judged_right(&[
        vec![
            Stmt::Spawn(call(2, 2)),
            Stmt::AwaitCondition(0),
            Stmt::WaitFor(call(4, 2), 3_010_000),
        ],
        vec![],
        vec![
            Stmt::State(Who::Sibling(2)),
            Stmt::Try(notify, Except::Both, vec![Stmt::Sleep(0)], true),
        ],
        vec![Stmt::Cancel(Who::Sibling(0), None), Stmt::Sleep(0)],
    ]);
}

/// In the model a wake of an await that had been struck already counted as that turn.
#[test]
fn an_await_that_is_over_wakes_nobody() {
    is_judged_right(&[
        vec![Stmt::Spawn(call(0, 3)), Stmt::Spawn(call(1, 1))],
        vec![
            Stmt::Cancel(Who::Me, None),
            Stmt::Group(vec![Stmt::SpawnIn(call(2, 3))]),
        ],
        vec![],
        vec![Stmt::Sleep(0), Stmt::Sleep(0)],
    ]);
}

/// The timeout reported, though the group around it had struck first.
#[test]
fn a_deadline_after_the_failure_of_a_child_does_not_report() {
    let waits = vec![Stmt::Wait(vec![0], When::First, None)];
    is_judged_right(&[
        vec![Stmt::Group(vec![Stmt::Timeout(
            2_050_000,
            vec![
                Stmt::SpawnIn(call(0, 1)),
                Stmt::Try(waits, Except::Cancelled, vec![], false),
                Stmt::Sleep(3_000_000),
            ],
        )])],
        vec![Stmt::Raise(66)],
    ]);
}

/// The gather that had failed woke its task when it was dropped.
#[test]
fn a_gather_that_failed_does_not_wake_its_task() {
    let again = vec![Stmt::Gather(vec![call(3, 2)], false)];
    let gather = vec![Stmt::Gather(vec![call(0, 1), call(1, 2)], false)];
    is_judged_right(&[
        vec![Stmt::Try(gather, Except::Exception, again, true)],
        vec![Stmt::Sleep(0), Stmt::Gather(vec![call(3, 2)], true)],
        vec![Stmt::Raise(92)],
    ]);
}

/// The cancel of the task itself was raised, not that of the child that had ended by one before.
#[test]
fn a_cancel_after_that_of_the_child_strikes_with_that() {
    let waits = vec![
        Stmt::Cancel(Who::Kid(0), None),
        Stmt::Spawn(call(1, 2)),
        Stmt::Join(0),
    ];
    is_judged_right(&[
        vec![Stmt::Spawn(call(0, 1))],
        vec![
            Stmt::Spawn(call(0, 3)),
            Stmt::Try(waits, Except::Both, vec![], true),
        ],
        vec![Stmt::Cancel(Who::Parent, Some(44))],
        vec![],
    ]);
    let waits = vec![Stmt::Cancel(Who::Parent, None), Stmt::Join(0)];
    is_judged_right(&[
        vec![Stmt::Spawn(call(3, 1))],
        vec![Stmt::Gather(vec![call(1, 2)], true)],
        vec![
            Stmt::Spawn(call(0, 3)),
            Stmt::Try(waits, Except::Cancelled, vec![], false),
        ],
        vec![Stmt::Cancel(Who::Me, Some(83))],
    ]);
}

/// As above, where the cancel was passed on from the body of a group: the group raised the task's own.
#[test]
fn a_group_raises_what_its_body_raised() {
    let waits = Stmt::Group(vec![Stmt::Cancel(Who::Parent, None), Stmt::Join(0)]);
    let sleeps = vec![Stmt::Sleep(1_000_000)];
    is_judged_right(&[
        vec![Stmt::Spawn(call(3, 1))],
        vec![Stmt::Gather(vec![call(1, 2)], true)],
        vec![
            Stmt::Spawn(call(0, 3)),
            Stmt::Try(vec![waits], Except::Cancelled, vec![], false),
        ],
        vec![
            Stmt::Try(sleeps, Except::Cancelled, vec![], false),
            Stmt::Cancel(Who::Me, Some(83)),
        ],
    ]);
}

/// In the model a turn of the awaited task counted as the turn in which `wait_for` looks again.
#[test]
fn a_wait_for_without_time_looks_again_though_its_task_has_not_started() {
    is_judged_right(&[
        vec![Stmt::Group(vec![
            Stmt::SpawnIn(call(0, 2)),
            Stmt::SpawnIn(call(1, 1)),
            Stmt::WaitForKid(1, 0),
        ])],
        vec![],
        vec![Stmt::Sleep(0)],
    ]);
}

/// In the model every cancel of a task by itself struck in that turn.
#[test]
fn the_second_cancel_of_a_task_by_itself_lets_the_others_have_a_turn() {
    let again = Stmt::Cancel(Who::Me, None);
    let sleeps = Stmt::Try(
        vec![Stmt::Sleep(0)],
        Except::Both,
        vec![again.clone()],
        false,
    );
    is_judged_right(&[
        vec![
            Stmt::Spawn(call(0, 1)),
            Stmt::Gather(vec![call(6, 1)], false),
        ],
        vec![again.clone(), sleeps.clone(), Stmt::Sleep(0)],
    ]);
    is_judged_right(&[
        vec![Stmt::AsCompleted(vec![call(2, 1)])],
        vec![again, sleeps, Stmt::Group(vec![Stmt::SpawnIn(call(0, 2))])],
        vec![Stmt::Sleep(0)],
    ]);
}
