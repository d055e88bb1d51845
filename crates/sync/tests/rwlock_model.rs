//! The reader-writer lock against a plain model, in random programs of several tasks.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, TASKS, Waits, check, program};
use common::names::{as_task, know_tasks, named, sorted};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use weftwork_sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, Who};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Read,
    Write,
}

#[derive(Clone, Debug)]
enum Op {
    Try(usize, Call),
    /// Gives back what the task has had for longest.
    End(usize),
    /// The same, if it writes, and goes on reading.
    Downgrade(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    /// With how often it had been written.
    Has(usize),
    Would,
    Nothing,
}

#[derive(Default)]
struct Model {
    held: [Vec<Call>; TASKS],
    readers: usize,
    writing: bool,
    written: usize,
}

impl Model {
    fn allows(&self, call: Call) -> bool {
        match call {
            Call::Read => !self.writing,
            Call::Write => !self.writing && self.readers == 0,
        }
    }

    fn count(&mut self, call: Call) {
        match call {
            Call::Read => self.readers += 1,
            Call::Write => self.writing = true,
        }
    }

    fn newcomer(&mut self, line: &LineOf<Self>, task: usize, call: Call) -> Option<Answer> {
        if line.first(|_| true).is_some() || !self.allows(call) {
            return None;
        }
        self.count(call);
        Some(self.has(task, call))
    }

    fn has(&mut self, task: usize, call: Call) -> Answer {
        self.held[task].push(call);
        self.written += usize::from(call == Call::Write);
        Answer::Has(self.written)
    }

    fn end(&mut self, line: &mut LineOf<Self>, call: Call) {
        match call {
            Call::Read => self.readers -= 1,
            Call::Write => self.writing = false,
        }
        self.hand_out(line);
    }

    fn hand_out(&mut self, line: &mut LineOf<Self>) {
        while let Some(first) = line.first(|_| true)
            && self.allows(line.call(first))
        {
            self.count(line.call(first));
            line.settle(first, Answer::Nothing);
        }
    }
}

impl Rules for Model {
    type Setup = ();
    type Call = Call;
    type Op = Op;
    type Answer = Answer;
    type View = (String, Vec<Who>, Vec<Who>);

    fn new((): &()) -> Self {
        Self::default()
    }

    fn arrive(&mut self, line: &mut LineOf<Self>, task: usize) -> Option<Answer> {
        self.newcomer(line, task, line.call(task))
    }

    fn fetch(
        &mut self,
        _: &mut LineOf<Self>,
        task: usize,
        call: Call,
        _: Answer,
    ) -> Option<Answer> {
        Some(self.has(task, call))
    }

    fn leave(&mut self, line: &mut LineOf<Self>, call: Call, settled: Option<Answer>) {
        match settled {
            Some(_) => self.end(line, call),
            None => self.hand_out(line),
        }
    }

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) -> Answer {
        match *op {
            Op::Try(task, call) => {
                return self.newcomer(line, task, call).unwrap_or(Answer::Would);
            }
            Op::End(task) if !self.held[task].is_empty() => {
                let call = self.held[task].remove(0);
                self.end(line, call);
            }
            Op::Downgrade(task) if self.held[task].first() == Some(&Call::Write) => {
                self.held[task][0] = Call::Read;
                self.readers += 1;
                self.end(line, Call::Write);
            }
            Op::End(_) | Op::Downgrade(_) => {}
        }
        Answer::Nothing
    }

    fn view(&self, line: &LineOf<Self>) -> (String, Vec<Who>, Vec<Who>) {
        let (readers, writing) = (self.readers, self.writing);
        let shown = format!("RwLock {{ readers: {readers}, writing: {writing}, ");
        let held = self.held.iter().enumerate();
        let holders = held.flat_map(|(task, held)| vec![task; held.len()]);
        let holders: Vec<_> = holders.collect();
        (shown, named(&holders), named(&line.waiting()))
    }
}

struct Locks {
    lock: Arc<RwLock<usize>>,
    held: Held,
}

type Held = Rc<RefCell<[Vec<Guard>; TASKS]>>;

enum Guard {
    Read(OwnedRwLockReadGuard<usize>),
    Write(OwnedRwLockWriteGuard<usize>),
}

impl Guard {
    fn written(mut write: OwnedRwLockWriteGuard<usize>) -> Self {
        *write += 1;
        Self::Write(write)
    }

    fn keep(self, held: &Held, task: usize) -> Answer {
        let times = match &self {
            Self::Read(read) => **read,
            Self::Write(write) => **write,
        };
        held.borrow_mut()[task].push(self);
        Answer::Has(times)
    }
}

impl Locks {
    fn oldest(&self, task: usize) -> Option<Guard> {
        let held = &mut self.held.borrow_mut()[task];
        (!held.is_empty()).then(|| held.remove(0))
    }
}

impl Real for Locks {
    type Rules = Model;

    fn new((): &()) -> Self {
        know_tasks();
        let lock = Arc::new(RwLock::tracked(0));
        let held = Held::default();
        Self { lock, held }
    }

    fn call(&self, task: usize, call: Call) -> Waits<Answer> {
        let held = Rc::clone(&self.held);
        let (read, write) = (self.lock.read_owned(), self.lock.write_owned());
        match call {
            Call::Read => Box::pin(async move { Guard::Read(read.await).keep(&held, task) }),
            Call::Write => Box::pin(async move { Guard::written(write.await).keep(&held, task) }),
        }
    }

    fn apply(&self, op: &Op) -> Answer {
        match *op {
            Op::Try(task, call) => {
                let guard = as_task(task, || match call {
                    Call::Read => self.lock.try_read_owned().map(Guard::Read),
                    Call::Write => self.lock.try_write_owned().map(Guard::written),
                });
                return guard.map_or(Answer::Would, |guard| guard.keep(&self.held, task));
            }
            Op::End(task) => drop(self.oldest(task)),
            Op::Downgrade(task) => {
                let guard = match self.oldest(task) {
                    Some(Guard::Write(write)) => OwnedRwLockWriteGuard::downgrade(write),
                    Some(Guard::Read(read)) => read,
                    None => return Answer::Nothing,
                };
                self.held.borrow_mut()[task].insert(0, Guard::Read(guard));
            }
        }
        Answer::Nothing
    }

    fn view(&self) -> (String, Vec<Who>, Vec<Who>) {
        let lock = &self.lock;
        // The rest names who is in the lists.
        let mut shown = format!("{lock:?}");
        let rest = shown.find("holders").or_else(|| shown.find("waiters"));
        shown.truncate(rest.expect("it shows who waits"));
        (shown, sorted(lock.holders()), lock.waiters())
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let calls = || prop_oneof![3 => Just(Call::Read), 2 => Just(Call::Write)];
    let ops = prop_oneof![
        1 => (0..TASKS, calls()).prop_map(|(task, call)| Op::Try(task, call)),
        6 => (0..TASKS).prop_map(Op::End),
        2 => (0..TASKS).prop_map(Op::Downgrade),
    ];
    program(Just(()), calls(), (7, ops))
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Locks>(&program);
    }
}
