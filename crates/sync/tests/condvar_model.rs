//! The condition variable and its mutex against a plain model, in random programs of several
//! tasks.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, TASKS, Waits, check, program};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use weftwork_sync::{Condvar, Mutex, OwnedMutexGuard};

#[derive(Clone, Debug, PartialEq)]
enum Call {
    Lock,
    /// With the lock; a task that has not got it calls `Lock` instead.
    Wait,
    /// Was notified and waits for the lock. Never called.
    Relock(Told),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    One,
    All,
}

#[derive(Clone, Debug)]
enum Op {
    Notify(usize),
    NotifyAll,
    /// Gives the lock back if the task has it.
    Unlock(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Locked,
    Told(Told),
    Nothing,
}

#[derive(Default)]
struct Model {
    holder: Option<usize>,
    promised: bool,
}

impl Model {
    fn is_locked(&self) -> bool {
        self.promised || self.holder.is_some()
    }

    fn unlock(&mut self, line: &mut LineOf<Self>) {
        self.holder = None;
        self.promised = false;
        if let Some(first) = line.first(|call| *call != Call::Wait) {
            self.promised = true;
            line.settle(first, Answer::Locked);
        }
    }

    fn lock(&mut self, task: usize) -> Option<Answer> {
        if self.is_locked() {
            return None;
        }
        self.holder = Some(task);
        Some(Answer::Locked)
    }

    fn notify(&mut self, line: &mut LineOf<Self>, n: usize, told: Told) {
        for _ in 0..n {
            if let Some(first) = line.first(|call| *call == Call::Wait) {
                line.settle(first, Answer::Told(told));
            }
        }
    }
}

impl Rules for Model {
    type Setup = ();
    type Call = Call;
    type Op = Op;
    type Answer = Answer;
    type View = bool;

    fn new((): &()) -> Self {
        Self::default()
    }

    fn begin(&mut self, line: &mut LineOf<Self>, task: usize, call: Call) {
        // A wait takes the guard along; it has the lock until it is polled.
        let has_it = self.holder == Some(task);
        line.begin(task, if has_it { call } else { Call::Lock });
        if has_it && line.call(task) == Call::Wait {
            self.holder = Some(usize::MAX);
        }
    }

    fn arrive(&mut self, line: &mut LineOf<Self>, task: usize) -> Option<Answer> {
        if line.call(task) == Call::Wait {
            self.unlock(line);
            return None;
        }
        self.lock(task)
    }

    fn fetch(
        &mut self,
        line: &mut LineOf<Self>,
        task: usize,
        _: Call,
        answer: Answer,
    ) -> Option<Answer> {
        match answer {
            Answer::Told(told) => {
                let locked = self.lock(task);
                if locked.is_none() {
                    line.wait(task, Call::Relock(told));
                }
                locked
            }
            _ => {
                self.promised = false;
                self.lock(task)
            }
        }
    }

    fn abandon(&mut self, line: &mut LineOf<Self>, call: Call) {
        if call == Call::Wait {
            self.unlock(line);
        }
    }

    fn leave(&mut self, line: &mut LineOf<Self>, call: Call, settled: Option<Answer>) {
        let told_one = call == Call::Relock(Told::One) || settled == Some(Answer::Told(Told::One));
        if told_one {
            self.notify(line, 1, Told::One);
        }
        if settled == Some(Answer::Locked) {
            self.unlock(line);
        }
    }

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) -> Answer {
        match *op {
            Op::Notify(n) => self.notify(line, n, Told::One),
            Op::NotifyAll => self.notify(line, TASKS, Told::All),
            Op::Unlock(task) => {
                if self.holder == Some(task) {
                    self.unlock(line);
                }
            }
        }
        Answer::Nothing
    }

    fn view(&self, _: &LineOf<Self>) -> bool {
        self.is_locked()
    }
}

#[derive(Default)]
struct Waiters {
    mutex: Arc<Mutex<()>>,
    condvar: Arc<Condvar>,
    held: Rc<RefCell<[Option<OwnedMutexGuard<()>>; TASKS]>>,
}

impl Real for Waiters {
    type Rules = Model;

    fn new((): &()) -> Self {
        Self::default()
    }

    fn call(&self, task: usize, call: Call) -> Waits<Answer> {
        let held = Rc::clone(&self.held);
        let keep = move |guard| {
            assert!(held.borrow_mut()[task].replace(guard).is_none());
            Answer::Locked
        };
        if call == Call::Wait
            && let Some(guard) = self.held.borrow_mut()[task].take()
        {
            let condvar = Arc::clone(&self.condvar);
            return Box::pin(async move { keep(condvar.wait(guard).await) });
        }
        let lock = self.mutex.lock_owned();
        Box::pin(async move { keep(lock.await) })
    }

    fn apply(&self, op: &Op) -> Answer {
        match *op {
            Op::Notify(n) => self.condvar.notify(n),
            Op::NotifyAll => self.condvar.notify_all(),
            Op::Unlock(task) => {
                let guard = self.held.borrow_mut()[task].take();
                drop(guard);
            }
        }
        Answer::Nothing
    }

    fn view(&self) -> bool {
        self.mutex.is_locked()
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let calls = prop_oneof![1 => Just(Call::Lock), 4 => Just(Call::Wait)];
    let ops = prop_oneof![
        3 => (1usize..3).prop_map(Op::Notify),
        1 => Just(Op::NotifyAll),
        5 => (0..TASKS).prop_map(Op::Unlock),
    ];
    program(Just(()), calls, ops)
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Waiters>(&program);
    }
}
