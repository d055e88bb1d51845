//! Cancellation as a pure model: the mechanism of wakes and registered scopes gives what the
//! specification says, for random programs; planted flaws are seen.
//!
//! `docs/cancellation.md` has the rules. The conformance test of the facade runs the same
//! programs on the real runtime.

mod model;
mod program;

use model::{Rules, World};
use program::{Action, Case, Event, Program, Trace, cases};
use proptest::prelude::*;

fn count(trace: &Trace, is: impl Fn(Event) -> bool) -> usize {
    trace
        .iter()
        .flatten()
        .filter(|(_, event)| is(*event))
        .count()
}

/// The number of the step in which something happened.
fn step_of(trace: &Trace, wanted: Event) -> Option<usize> {
    trace
        .iter()
        .position(|events| events.iter().any(|(_, event)| *event == wanted))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_mechanism_gives_what_the_specification_says(case in cases()) {
        let expected = World::run(Rules::SPECIFICATION, &case);
        prop_assert_eq!(World::run(Rules::MECHANISM, &case), expected);
    }

    #[test]
    fn without_a_cancel_nothing_is_cancelled_or_caught(case in cases()) {
        let mut case = case;
        case.actions.retain(|action| matches!(action, Action::Ready(_)));
        let trace = World::run(Rules::MECHANISM, &case);
        let struck = |event| matches!(event, Event::Cancelled(_) | Event::Caught(_));
        prop_assert_eq!(count(&trace, struck), 0);
    }

    #[test]
    fn every_place_happens_at_most_once(case in cases()) {
        let trace = World::run(Rules::MECHANISM, &case);
        let mut seen: Vec<_> = trace.into_iter().flatten().map(|(_, event)| event).collect();
        let all = seen.len();
        seen.sort();
        seen.dedup();
        prop_assert_eq!(seen.len(), all);
    }
}

fn leaf() -> Program {
    Program::Leaf(0)
}

fn task(body: Program) -> Program {
    Program::Task(0, Box::new(body))
}

fn catch(body: Program) -> Program {
    Program::Catch(0, Box::new(body))
}

fn finally(body: Program, cleanup: Program) -> Program {
    Program::Finally(0, Box::new(body), Box::new(cleanup))
}

fn join(a: Program, b: Program) -> Program {
    Program::Join(Box::new(a), Box::new(b))
}

/// The flaw changes what the case shows, and the sound rules agree with each other.
fn assert_seen(flaw: Rules, program: Program, actions: Vec<Action>) {
    let case = Case::new(program, actions);
    let expected = World::run(Rules::SPECIFICATION, &case);
    assert_eq!(World::run(Rules::MECHANISM, &case), expected);
    assert_ne!(World::run(flaw, &case), expected);
}

#[test]
fn a_parent_ends_in_the_step_in_which_its_childs_clean_up_ends() {
    let program = task(finally(leaf(), leaf()));
    let actions = vec![Action::Cancel(0), Action::Ready(1)];
    let trace = World::run(Rules::MECHANISM, &Case::new(program, actions));
    let ended = |task| step_of(&trace, Event::Cancelled(task));
    assert_eq!((ended(0), ended(1)), (Some(2), Some(2)));
}

#[test]
fn a_leaf_that_takes_its_value_in_the_delivery_is_seen() {
    let flaw = Rules {
        leaves_decline: false,
        ..Rules::MECHANISM
    };
    assert_seen(flaw, catch(leaf()), vec![Action::Both(0, 0)]);
}

#[test]
fn a_delivery_that_wakes_one_branch_only_is_seen() {
    let flaw = Rules {
        wakes_all_probes: false,
        ..Rules::MECHANISM
    };
    assert_seen(
        flaw,
        join(catch(leaf()), catch(leaf())),
        vec![Action::Cancel(0)],
    );
}

#[test]
fn a_raised_cancel_that_tells_no_sibling_is_seen() {
    let flaw = Rules {
        tells_siblings: false,
        ..Rules::MECHANISM
    };
    let program = join(task(leaf()), catch(leaf()));
    assert_seen(flaw, program, vec![Action::Cancel(1)]);
}

#[test]
fn a_scope_that_does_not_wait_for_a_clean_up_is_seen() {
    let flaw = Rules {
        waits_for_busy: false,
        ..Rules::MECHANISM
    };
    let program = join(task(leaf()), finally(leaf(), leaf()));
    assert_seen(flaw, program, vec![Action::Cancel(1), Action::Ready(2)]);
}

#[test]
fn a_second_cancel_that_strikes_a_clean_up_is_seen() {
    let flaw = Rules {
        shields_clean_up: false,
        ..Rules::MECHANISM
    };
    let actions = vec![Action::Cancel(0), Action::Cancel(0), Action::Ready(1)];
    assert_seen(flaw, finally(leaf(), leaf()), actions);
}

#[test]
fn an_await_that_passes_nothing_on_is_seen() {
    let flaw = Rules {
        passes_on: false,
        ..Rules::MECHANISM
    };
    assert_seen(flaw, task(leaf()), vec![Action::Cancel(0)]);
}
