//! Random programs against a plain model: a context is an array of values, copied where asyncio
//! copies it.

use crate::common::{On, Reports, Watchdog, scaled};
use proptest::prelude::*;
use std::pin::Pin;
use std::sync::Arc;
use weftwork::context::{Context, TaskLocal, Token, copy_context};
use weftwork::sync::oneshot;
use weftwork::{Handle, Runtime, Task, gather, spawn, spawn_blocking, task_local, yield_now};

task_local! {
    static A: u32;
    static B: u32 = 100;
    static C: u32;
}

const LOCALS: [&TaskLocal<u32>; 3] = [&A, &B, &C];

/// What each local is set to.
type Model = [Option<u32>; 3];

#[derive(Clone, Debug)]
enum Op {
    Set(usize, u32),
    /// Uses one of the tokens that are left.
    Reset(usize),
    Yield,
    /// In this task.
    Await(Program),
    Scope(usize, u32, Program),
    /// In tasks of their own.
    Spawn(Program),
    Eager(Program),
    Gather(Program, Program),
    Fresh(Program),
    /// In copies, without a task.
    Run(Program),
    Call(Program),
    Block(Program),
}

type Program = Arc<Vec<Op>>;

fn programs() -> impl Strategy<Value = Program> {
    let local = 0..LOCALS.len();
    let leaf = prop_oneof![
        4 => (local.clone(), 0_u32..50).prop_map(|(local, value)| Op::Set(local, value)),
        3 => any::<usize>().prop_map(Op::Reset),
        2 => Just(Op::Yield),
    ];
    let op = leaf.prop_recursive(4, 40, 5, move |op| {
        let program = prop::collection::vec(op, 0..5).prop_map(Arc::new);
        prop_oneof![
            program.clone().prop_map(Op::Await),
            (local.clone(), 0_u32..50, program.clone())
                .prop_map(|(local, value, program)| Op::Scope(local, value, program)),
            program.clone().prop_map(Op::Spawn),
            program.clone().prop_map(Op::Eager),
            (program.clone(), program.clone()).prop_map(|(one, two)| Op::Gather(one, two)),
            program.clone().prop_map(Op::Fresh),
            program.clone().prop_map(Op::Run),
            program.clone().prop_map(Op::Call),
            program.prop_map(Op::Block),
        ]
    });
    prop::collection::vec(op, 1..8).prop_map(Arc::new)
}

/// A context with its model, and the tokens that were got in it with what they should restore.
#[derive(Default)]
struct Frame {
    model: Model,
    tokens: Vec<(usize, Token<u32>, Option<u32>)>,
}

impl Frame {
    fn new(model: Model) -> Self {
        let tokens = Vec::new();
        Self { model, tokens }
    }

    fn check(&self) {
        let defaults = [None, Some(100), None];
        for (n, local) in LOCALS.iter().enumerate() {
            assert_eq!(
                local.get().ok(),
                self.model[n].or(defaults[n]),
                "{}",
                local.name()
            );
        }
    }

    fn set(&mut self, local: usize, value: u32) {
        let token = LOCALS[local].set(value);
        let old = self.model[local].replace(value);
        assert_eq!(token.old_value(), old.as_ref());
        self.tokens.push((local, token, old));
    }

    fn reset(&mut self, n: usize) {
        if self.tokens.is_empty() {
            return;
        }
        let (local, token, old) = self.tokens.swap_remove(n % self.tokens.len());
        LOCALS[local].reset(token).unwrap();
        self.model[local] = old;
    }
}

type Boxed<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs a program in the caller's context.
fn run(program: Program, frame: &mut Frame) -> Boxed<'_> {
    Box::pin(async move {
        for op in program.iter() {
            step(op, frame).await;
            frame.check();
        }
    })
}

/// Runs a program in a context of its own, of which `model` is the model.
async fn alone(program: Program, model: Model) {
    let mut frame = Frame::new(model);
    frame.check();
    run(program, &mut frame).await;
}

async fn step(op: &Op, frame: &mut Frame) {
    let model = frame.model;
    let alone_with = |program: &Program, model| alone(Arc::clone(program), model);
    let child = |program: &Program| alone_with(program, model);
    match op {
        Op::Set(local, value) => frame.set(*local, *value),
        Op::Reset(n) => frame.reset(*n),
        Op::Yield => yield_now().await,
        Op::Await(program) => run(Arc::clone(program), frame).await,
        Op::Scope(local, value, program) => {
            frame.model[*local] = Some(*value);
            let inner = run(Arc::clone(program), frame);
            LOCALS[*local].scope(*value, inner).await;
            frame.model[*local] = model[*local];
        }
        Op::Spawn(program) => spawn(child(program)).await,
        Op::Eager(program) => Task::builder().eager(true).spawn(child(program)).await,
        Op::Gather(one, two) => drop(gather([child(one), child(two)]).await),
        Op::Fresh(program) => {
            let fresh = Task::builder().context(Context::new());
            fresh.spawn(alone_with(program, Model::default())).await;
        }
        Op::Run(program) => copy_context().run(|| at_once(program, model)),
        Op::Call(program) => {
            let (program, (promise, called)) = (Arc::clone(program), oneshot::channel());
            Handle::current().call_soon(move || {
                at_once(&program, model);
                promise.send(()).unwrap();
            });
            called.await.unwrap();
        }
        Op::Block(program) => {
            let program = Arc::clone(program);
            spawn_blocking(move || at_once(&program, model)).await;
        }
    }
}

/// Runs what a program does without waiting, in the caller's context, of which `model` is the model.
fn at_once(program: &Program, model: Model) {
    let mut frame = Frame::new(model);
    frame.check();
    for op in program.iter() {
        match op {
            Op::Set(local, value) => frame.set(*local, *value),
            Op::Reset(n) => frame.reset(*n),
            Op::Scope(local, value, program) => {
                let mut inside = frame.model;
                inside[*local] = Some(*value);
                // What the inner program sets of other locals would stay: it has a copy.
                let mut copy = copy_context();
                copy.run(|| LOCALS[*local].sync_scope(*value, || at_once(program, inside)));
            }
            Op::Run(program) => copy_context().run(|| at_once(program, frame.model)),
            Op::Spawn(program) if Handle::try_current().is_ok() => {
                spawn(alone(Arc::clone(program), frame.model)).detach();
            }
            _ => {}
        }
        frame.check();
    }
}

fn check(program: &Program, kind: On) {
    let reports = Reports::default();
    let sink = reports.clone();
    let runtime =
        kind.runtime(Runtime::builder().exception_handler(move |report| sink.add(report)));
    runtime.block_on(alone(Arc::clone(program), Model::default()));
    runtime.close().unwrap();
    // Of tasks that nobody awaits.
    assert_eq!(reports.take(), []);
}

#[test]
fn contexts_are_as_the_model_says() {
    let _watchdog = Watchdog::start();
    let config = ProptestConfig {
        cases: u32::try_from(scaled(2_000)).unwrap(),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(program in programs())| {
        check(&program, On::Local);
        check(&program, On::Workers(2));
    });
}
