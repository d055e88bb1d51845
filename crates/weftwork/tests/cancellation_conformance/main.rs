//! The pure model of cancellation against the real runtime: the same random programs, the same
//! actions, the same events.

#[path = "../../../scheduler/tests/cancellation_model/model.rs"]
#[allow(dead_code, reason = "the model's own test plants the flaws")]
mod model;
#[path = "../../../scheduler/tests/cancellation_model/program.rs"]
mod program;

use futures::FutureExt;
use futures::future::{BoxFuture, join, join_all};
use model::{Rules, World};
use program::{Action, Case, Event, Program, Trace, by_task, cases};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use weftwork::sync::oneshot;
use weftwork::{Task, TaskControl, catch, finally, gather, run_local, shield, spawn, yield_now};
use weftwork_std_or_loom::Mutex;

/// More turns than any chain of wakes in a generated program takes.
const TURNS: usize = 60;

/// How the two branches of a join are polled.
#[derive(Clone, Copy, Debug)]
enum Joined {
    /// `futures::future::join` polls both.
    Plainly,
    /// `FuturesOrdered` polls only what was woken.
    ByWakes,
}

/// What a running program shares with the test.
struct Stage {
    joined: Joined,
    senders: Mutex<BTreeMap<usize, oneshot::Sender<()>>>,
    receivers: Mutex<BTreeMap<usize, oneshot::Receiver<()>>>,
    tasks: Mutex<BTreeMap<usize, TaskControl>>,
    events: Mutex<Vec<(usize, Event)>>,
}

impl Stage {
    fn log(&self, task: usize, event: Event) {
        self.events.lock().push((task, event));
    }

    fn act(&self, action: Action) {
        let (leaf, task) = match action {
            Action::Ready(leaf) => (Some(leaf), None),
            Action::Cancel(task) => (None, Some(task)),
            Action::Both(leaf, task) => (Some(leaf), Some(task)),
        };
        let sender = leaf.and_then(|leaf| self.senders.lock().remove(&leaf));
        if let Some(sender) = sender {
            // Nobody waits any more if its place was dropped.
            let _ = sender.send(());
        }
        let control = task.and_then(|task| self.tasks.lock().get(&task).cloned());
        if let Some(control) = control {
            control.cancel();
        }
    }
}

/// Makes a leaf's two ends, for every leaf of a program.
fn leaves(program: &Program, stage: &Stage) {
    match program {
        Program::Leaf(id) => {
            let (sender, receiver) = oneshot::channel();
            stage.senders.lock().insert(*id, sender);
            stage.receivers.lock().insert(*id, receiver);
        }
        Program::Task(_, body) | Program::Shield(_, body) | Program::Catch(_, body) => {
            leaves(body, stage);
        }
        Program::Finally(_, a, b) | Program::Join(a, b) => {
            leaves(a, stage);
            leaves(b, stage);
        }
        Program::Gather(children) => children.iter().for_each(|(_, body)| leaves(body, stage)),
        Program::Seq(parts) => parts.iter().for_each(|part| leaves(part, stage)),
    }
}

/// A task for a program, known by its number; a callback tells of its end.
fn start(stage: &Arc<Stage>, id: usize, program: Program) -> Task<()> {
    let task = spawn(build(Arc::clone(stage), id, program));
    stage.tasks.lock().insert(id, task.control());
    task
}

/// The real future of a program.
fn build(stage: Arc<Stage>, task: usize, program: Program) -> BoxFuture<'static, ()> {
    match program {
        Program::Leaf(id) => async move {
            let receiver = stage.receivers.lock().remove(&id);
            receiver.expect("a leaf is reached once").await.ok();
            stage.log(task, Event::Got(id));
        }
        .boxed(),
        Program::Task(id, body) => async move { start(&stage, id, *body).await }.boxed(),
        Program::Shield(id, body) => async move { shield(start(&stage, id, *body)).await }.boxed(),
        Program::Catch(id, body) => async move {
            let body = build(Arc::clone(&stage), task, *body);
            if catch(body).await.is_err() {
                stage.log(task, Event::Caught(id));
            }
        }
        .boxed(),
        Program::Finally(id, body, cleanup) => async move {
            let body = build(Arc::clone(&stage), task, *body);
            finally(body, async move {
                stage.log(task, Event::CleanUp(id));
                build(Arc::clone(&stage), task, *cleanup).await;
                stage.log(task, Event::Cleaned(id));
            })
            .await;
        }
        .boxed(),
        Program::Gather(children) => async move {
            let tasks: Vec<_> = children
                .into_iter()
                .map(|(id, body)| start(&stage, id, body))
                .collect();
            gather(tasks).await;
        }
        .boxed(),
        Program::Join(a, b) => {
            let a = build(Arc::clone(&stage), task, *a);
            let b = build(Arc::clone(&stage), task, *b);
            match stage.joined {
                Joined::Plainly => join(a, b).map(|_| ()).boxed(),
                // Longer than 30, `join_all` is a `FuturesOrdered`.
                Joined::ByWakes => {
                    let ready = (0..29).map(|_| async {}.boxed());
                    join_all([a, b].into_iter().chain(ready))
                        .map(|_| ())
                        .boxed()
                }
            }
        }
        Program::Seq(parts) => async move {
            for part in parts {
                build(Arc::clone(&stage), task, part).await;
            }
        }
        .boxed(),
    }
}

/// Runs a case on the real runtime, on one thread, first in, first out.
fn run_really(joined: Joined, case: &Case) -> Trace {
    let stage = Arc::new(Stage {
        joined,
        senders: Mutex::default(),
        receivers: Mutex::default(),
        tasks: Mutex::default(),
        events: Mutex::default(),
    });
    leaves(&case.program, &stage);
    run_local(async {
        start(&stage, 0, case.program.clone()).detach();
        let mut ended = Vec::new();
        let mut trace = vec![settle(&stage, &mut ended).await];
        for action in &case.actions {
            stage.act(*action);
            trace.push(settle(&stage, &mut ended).await);
        }
        // The end of the runtime waits for clean-ups: those must not wait for a leaf.
        stage.senders.lock().clear();
        settle(&stage, &mut ended).await;
        trace
    })
}

/// Lets everything run until it is idle; the ends of tasks are added to what was logged.
async fn settle(stage: &Stage, ended: &mut Vec<usize>) -> Vec<(usize, Event)> {
    for _ in 0..TURNS {
        yield_now().await;
    }
    let mut events = std::mem::take(&mut *stage.events.lock());
    for (id, task) in &*stage.tasks.lock() {
        if task.done() && !ended.contains(id) {
            ended.push(*id);
            let end = if task.cancelled() {
                Event::Cancelled(*id)
            } else {
                Event::Returned(*id)
            };
            events.push((*id, end));
        }
    }
    by_task(events)
}

fn conforms(joined: Joined, case: &Case) -> Result<(), TestCaseError> {
    let mut expected = World::run(Rules::SPECIFICATION, case);
    let mut real = run_really(joined, case);
    if matches!(joined, Joined::ByWakes) {
        // Branches are polled in the order of their wakes, which is not ours to promise.
        expected.iter_mut().for_each(|events| events.sort());
        real.iter_mut().for_each(|events| events.sort());
    }
    prop_assert_eq!(real, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_runtime_does_what_the_model_says(case in cases()) {
        conforms(Joined::Plainly, &case)?;
    }

    #[test]
    fn also_where_a_combinator_polls_only_what_was_woken(case in cases()) {
        conforms(Joined::ByWakes, &case)?;
    }
}

#[test]
fn a_leaf_that_declined_is_polled_again() {
    let cleaned = Program::Finally(0, Box::new(Program::Leaf(0)), Box::new(Program::Leaf(0)));
    let program = Program::Join(Box::new(cleaned), Box::new(Program::Leaf(0)));
    let case = Case::new(program, vec![Action::Both(2, 0)]);
    conforms(Joined::ByWakes, &case).unwrap();
}

#[test]
fn a_catch_inside_a_clean_up_ends() {
    let child = Program::Task(0, Box::new(Program::Leaf(0)));
    let cleanup = Program::Catch(0, Box::new(child));
    let program = Program::Finally(0, Box::new(Program::Leaf(0)), Box::new(cleanup));
    let case = Case::new(program, vec![Action::Ready(0), Action::Cancel(1)]);
    let trace = run_really(Joined::Plainly, &case);
    assert_eq!(trace, World::run(Rules::SPECIFICATION, &case));
    assert!(
        trace[2]
            .iter()
            .any(|(_, event)| matches!(event, Event::Cleaned(_)))
    );
}

/// A join of two, in a `finally`.
fn joined_in_a_finally(a: Program, b: Program, actions: Vec<Action>) -> Case {
    let join = Program::Join(Box::new(a), Box::new(b));
    let program = Program::Finally(0, Box::new(join), Box::new(Program::Leaf(0)));
    Case::new(program, actions)
}

fn cleaned_leaf() -> Program {
    Program::Finally(0, Box::new(Program::Leaf(0)), Box::new(Program::Leaf(0)))
}

#[test]
fn a_second_cancel_leaves_a_clean_up_alone_whose_sibling_has_raised() {
    let sibling = Program::Gather(vec![(0, Program::Leaf(0))]);
    let twice = vec![Action::Cancel(0), Action::Cancel(0)];
    let case = joined_in_a_finally(sibling, cleaned_leaf(), twice);
    for joined in [Joined::Plainly, Joined::ByWakes] {
        conforms(joined, &case).unwrap();
    }
}

#[test]
fn a_delivery_that_comes_around_twice_is_taken_once() {
    let sibling = Program::Shield(0, Box::new(Program::Leaf(0)));
    let case = joined_in_a_finally(sibling, cleaned_leaf(), vec![Action::Cancel(0)]);
    for joined in [Joined::Plainly, Joined::ByWakes] {
        conforms(joined, &case).unwrap();
    }
}

#[test]
fn a_later_cancel_counts_in_place_of_the_one_that_was_passed_on() {
    let child = Program::Task(0, Box::new(cleaned_leaf()));
    let program = Program::Catch(0, Box::new(child));
    let case = Case::new(program, vec![Action::Cancel(0), Action::Both(1, 0)]);
    conforms(Joined::Plainly, &case).unwrap();
}
