//! Small task programs, what is done to them from outside, and what is seen of them.

use proptest::prelude::*;

/// A future. Every number in a program names one place.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// Waits for its value.
    Leaf(usize),
    /// Spawns the body as a task and awaits it.
    Task(usize, Box<Program>),
    /// Spawns the body as a task and awaits it through `shield`.
    Shield(usize, Box<Program>),
    /// `try: .. except`.
    Catch(usize, Box<Program>),
    /// `try: .. finally`.
    Finally(usize, Box<Program>, Box<Program>),
    /// Spawns all as tasks and awaits them together.
    Gather(Vec<(usize, Program)>),
    /// Two branches in one task.
    Join(Box<Program>, Box<Program>),
    /// One after the other.
    Seq(Vec<Program>),
}

/// What is done from outside; the number selects among the leaves or the tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// The leaf gets its value.
    Ready(usize),
    /// `task.cancel()`.
    Cancel(usize),
    /// Both at once, in this order: the task sees them together.
    Both(usize, usize),
}

/// Something that is seen, with the number of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A leaf gave its value.
    Got(usize),
    /// A `catch` caught a cancel.
    Caught(usize),
    /// A clean-up has begun.
    CleanUp(usize),
    /// A clean-up has ended.
    Cleaned(usize),
    /// A task has ended with a value.
    Returned(usize),
    /// A task has ended cancelled.
    Cancelled(usize),
}

/// For each action what it led to: events of one task in order, tasks sorted by number.
pub(crate) type Trace = Vec<Vec<(usize, Event)>>;

/// A program in the task number 0, and the actions, each followed by a pause until all is idle.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) program: Program,
    pub(crate) actions: Vec<Action>,
}

impl Case {
    /// Numbers the places and makes the actions name them.
    pub(crate) fn new(mut program: Program, mut actions: Vec<Action>) -> Self {
        let (mut leaves, mut tasks, mut next) = (Vec::new(), vec![0], 1);
        program.number(&mut next, &mut leaves, &mut tasks);
        for action in &mut actions {
            match action {
                Action::Ready(leaf) => *leaf = leaves[*leaf % leaves.len()],
                Action::Cancel(task) => *task = tasks[*task % tasks.len()],
                Action::Both(leaf, task) => {
                    *leaf = leaves[*leaf % leaves.len()];
                    *task = tasks[*task % tasks.len()];
                }
            }
        }
        Self { program, actions }
    }
}

impl Program {
    fn number(&mut self, next: &mut usize, leaves: &mut Vec<usize>, tasks: &mut Vec<usize>) {
        let mut take = || {
            *next += 1;
            *next - 1
        };
        match self {
            Self::Leaf(id) => {
                *id = take();
                leaves.push(*id);
            }
            Self::Task(id, body) | Self::Shield(id, body) => {
                *id = take();
                tasks.push(*id);
                body.number(next, leaves, tasks);
            }
            Self::Catch(id, body) => {
                *id = take();
                body.number(next, leaves, tasks);
            }
            Self::Finally(id, body, cleanup) => {
                *id = take();
                body.number(next, leaves, tasks);
                cleanup.number(next, leaves, tasks);
            }
            Self::Gather(children) => {
                for (id, body) in children {
                    *id = *next;
                    *next += 1;
                    tasks.push(*id);
                    body.number(next, leaves, tasks);
                }
            }
            Self::Join(a, b) => {
                a.number(next, leaves, tasks);
                b.number(next, leaves, tasks);
            }
            Self::Seq(parts) => parts
                .iter_mut()
                .for_each(|part| part.number(next, leaves, tasks)),
        }
    }
}

/// Sorts what one action led to: the order among tasks is not compared.
pub(crate) fn by_task(mut events: Vec<(usize, Event)>) -> Vec<(usize, Event)> {
    events.sort_by_key(|(task, _)| *task);
    events
}

/// Programs without a branch in a clean-up, with up to eight actions.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let leaf = Just(Program::Leaf(0));
    let cleanup = prop_oneof![
        Just(Program::Leaf(0)),
        Just(Program::Task(0, Box::new(Program::Leaf(0)))),
        Just(Program::Catch(
            0,
            Box::new(Program::Task(0, Box::new(Program::Leaf(0))))
        )),
    ];
    let program = leaf.prop_recursive(5, 16, 3, move |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let second = inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed.clone().prop_map(|body| Program::Task(0, body)),
            boxed.clone().prop_map(|body| Program::Shield(0, body)),
            boxed.clone().prop_map(|body| Program::Catch(0, body)),
            (boxed.clone(), cleanup.clone()).prop_map(|(body, cleanup)| Program::Finally(
                0,
                body,
                Box::new(cleanup)
            )),
            (boxed, second).prop_map(|(a, b)| Program::Join(a, b)),
            prop::collection::vec(inner.clone().prop_map(|body| (0, body)), 1..3)
                .prop_map(Program::Gather),
            prop::collection::vec(inner, 2..4).prop_map(Program::Seq),
        ]
    });
    let action = prop_oneof![
        (0..16_usize).prop_map(Action::Ready),
        (0..16_usize).prop_map(Action::Cancel),
        (0..16_usize, 0..16_usize).prop_map(|(leaf, task)| Action::Both(leaf, task)),
        Just(Action::Cancel(0)),
    ];
    (program, prop::collection::vec(action, 1..9))
        .prop_map(|(program, actions)| Case::new(program, actions))
}
