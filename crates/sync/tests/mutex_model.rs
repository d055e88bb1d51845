//! The mutex against a plain model, in random programs of several tasks.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, TASKS, Waits, check, program};
use common::names::{as_task, know_tasks, named};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use weftwork_sync::{Mutex, OwnedMutexGuard, Who};

#[derive(Clone, Debug)]
enum Op {
    Try(usize),
    /// Gives the lock back if the task has it.
    Unlock(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    /// With how often it had been locked before.
    Locked(usize),
    Would,
    Nothing,
}

#[derive(Default)]
struct Model {
    holder: Option<usize>,
    promised: bool,
    times: usize,
}

impl Model {
    fn is_locked(&self) -> bool {
        self.promised || self.holder.is_some()
    }

    fn lock(&mut self, task: usize) -> Answer {
        self.promised = false;
        self.holder = Some(task);
        self.times += 1;
        Answer::Locked(self.times - 1)
    }

    fn unlock(&mut self, line: &mut LineOf<Self>) {
        self.holder = None;
        self.promised = false;
        if let Some(first) = line.first(|()| true) {
            self.promised = true;
            line.settle(first, Answer::Nothing);
        }
    }
}

impl Rules for Model {
    type Setup = ();
    type Call = ();
    type Op = Op;
    type Answer = Answer;
    type View = (bool, Option<Who>, Vec<Who>);

    fn new((): &()) -> Self {
        Self::default()
    }

    fn arrive(&mut self, _: &mut LineOf<Self>, task: usize) -> Option<Answer> {
        (!self.is_locked()).then(|| self.lock(task))
    }

    fn fetch(&mut self, _: &mut LineOf<Self>, task: usize, (): (), _: Answer) -> Option<Answer> {
        Some(self.lock(task))
    }

    fn leave(&mut self, line: &mut LineOf<Self>, (): (), settled: Option<Answer>) {
        if settled.is_some() {
            self.unlock(line);
        }
    }

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) -> Answer {
        match *op {
            Op::Try(_) if self.is_locked() => Answer::Would,
            Op::Try(task) => self.lock(task),
            Op::Unlock(task) => {
                if self.holder == Some(task) {
                    self.unlock(line);
                }
                Answer::Nothing
            }
        }
    }

    fn view(&self, line: &LineOf<Self>) -> (bool, Option<Who>, Vec<Who>) {
        let holder = self.holder.map(|task| Who::Task(task as u64));
        (self.is_locked(), holder, named(&line.waiting()))
    }
}

struct Locks {
    mutex: Arc<Mutex<usize>>,
    held: Held,
}

type Held = Rc<RefCell<[Option<OwnedMutexGuard<usize>>; TASKS]>>;

fn locked(held: &Held, task: usize, mut guard: OwnedMutexGuard<usize>) -> Answer {
    *guard += 1;
    let times = *guard - 1;
    assert!(held.borrow_mut()[task].replace(guard).is_none());
    Answer::Locked(times)
}

impl Real for Locks {
    type Rules = Model;

    fn new((): &()) -> Self {
        know_tasks();
        let mutex = Arc::new(Mutex::tracked(0));
        let held = Held::default();
        Self { mutex, held }
    }

    fn call(&self, task: usize, (): ()) -> Waits<Answer> {
        let (lock, held) = (self.mutex.lock_owned(), Rc::clone(&self.held));
        Box::pin(async move { locked(&held, task, lock.await) })
    }

    fn apply(&self, op: &Op) -> Answer {
        match *op {
            Op::Try(task) => match as_task(task, || self.mutex.try_lock_owned()) {
                Ok(guard) => locked(&self.held, task, guard),
                Err(_) => Answer::Would,
            },
            Op::Unlock(task) => {
                let guard = self.held.borrow_mut()[task].take();
                drop(guard);
                Answer::Nothing
            }
        }
    }

    fn view(&self) -> (bool, Option<Who>, Vec<Who>) {
        let mutex = &self.mutex;
        (mutex.is_locked(), mutex.holder(), mutex.waiters())
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let ops = prop_oneof![
        1 => (0..TASKS).prop_map(Op::Try),
        6 => (0..TASKS).prop_map(Op::Unlock),
    ];
    program(Just(()), Just(()), (7, ops))
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Locks>(&program);
    }
}
