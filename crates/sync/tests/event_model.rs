//! The event against a plain model, in random programs of several tasks.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, Waits, check, program};
use proptest::prelude::*;
use std::sync::Arc;
use weftwork_sync::Event;

#[derive(Clone, Debug)]
enum Op {
    Set,
    Clear,
}

struct Model {
    set: bool,
}

impl Rules for Model {
    type Setup = ();
    type Call = ();
    type Op = Op;
    type Answer = ();
    type View = bool;

    fn new((): &()) -> Self {
        Self { set: false }
    }

    fn arrive(&mut self, _: &mut LineOf<Self>, _: usize) -> Option<()> {
        self.set.then_some(())
    }

    fn leave(&mut self, _: &mut LineOf<Self>, (): (), _: Option<()>) {}

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) {
        self.set = matches!(op, Op::Set);
        if self.set {
            for task in line.waiting() {
                line.settle(task, ());
            }
        }
    }

    fn view(&self, _: &LineOf<Self>) -> bool {
        self.set
    }
}

struct Shared(Arc<Event>);

impl Real for Shared {
    type Rules = Model;

    fn new((): &()) -> Self {
        Self(Arc::default())
    }

    fn call(&self, _: usize, (): ()) -> Waits<()> {
        let event = Arc::clone(&self.0);
        Box::pin(async move { event.wait().await })
    }

    fn apply(&self, op: &Op) {
        match op {
            Op::Set => self.0.set(),
            Op::Clear => self.0.clear(),
        }
    }

    fn view(&self) -> bool {
        self.0.is_set()
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let ops = prop_oneof![2 => Just(Op::Set), 3 => Just(Op::Clear)];
    program(Just(()), Just(()), ops)
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Shared>(&program);
    }
}
