//! What all tasks of a program share: queues, semaphores, futures, names, and the log.

use super::units;
use crate::plant::Plant;
use crate::program::Program;
use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Instant;
use weftwork::sync::{
    Barrier, BoundedSemaphore, Condvar, Event as Flag, LifoQueue, Mutex as Lock, PriorityQueue,
    Queue, Semaphore, oneshot,
};
use weftwork::{TaskControl, time::now};
use weftwork_std_or_loom::Mutex;

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    pub(crate) time: u64,
    pub(crate) who: String,
    pub(crate) what: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} {:<10} {}", self.time, self.who, self.what)
    }
}

/// How a program is run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// The bug that is planted into the interpreter.
    pub(crate) plant: Option<Plant>,
}

type Ends = (oneshot::Sender<i64>, Option<oneshot::Receiver<i64>>);

/// What all tasks share.
pub(super) struct World {
    program: Arc<Program>,
    plan: Plan,
    start: Instant,
    /// None once the program is over.
    log: Mutex<Option<Vec<Event>>>,
    tasks: Mutex<HashMap<String, TaskControl>>,
    pub(super) queues: [Queue<i64>; 2],
    pub(super) lifo: LifoQueue<i64>,
    pub(super) priority: PriorityQueue<i64>,
    pub(super) semaphores: [Semaphore; 2],
    pub(super) bounded: BoundedSemaphore,
    pub(super) locks: [Lock<()>; 2],
    pub(super) events: [Flag; 2],
    pub(super) conditions: [(Lock<()>, Condvar); 2],
    pub(super) barriers: [Barrier; 2],
    pub(super) futures: Mutex<[Ends; 2]>,
}

impl World {
    pub(super) fn new(program: Arc<Program>, plan: Plan) -> Self {
        let is = |plant| plan.plant == Some(plant);
        let future = || {
            let (sender, receiver) = oneshot::channel();
            (sender, Some(receiver))
        };
        Self {
            program,
            plan,
            start: now(),
            log: Mutex::new(Some(Vec::new())),
            tasks: Mutex::default(),
            queues: [
                Queue::new(if is(Plant::RoomyQueue) { 2 } else { 1 }),
                Queue::new(0),
            ],
            lifo: LifoQueue::new(2),
            priority: PriorityQueue::new(0),
            semaphores: [
                Semaphore::new(if is(Plant::SparePermit) { 2 } else { 1 }),
                Semaphore::new(2),
            ],
            bounded: BoundedSemaphore::new(1),
            locks: [Lock::new(()), Lock::new(())],
            events: [Flag::new(), Flag::new()],
            conditions: [0, 1].map(|_| (Lock::new(()), Condvar::new())),
            barriers: [Barrier::new(2), Barrier::new(3)],
            futures: Mutex::new([future(), future()]),
        }
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    pub(super) fn is(&self, plant: Plant) -> bool {
        self.plan.plant == Some(plant)
    }

    pub(super) fn write(&self, who: &str, what: String) {
        if let Some(log) = &mut *self.log.lock() {
            let elapsed = (now() - self.start).as_nanos();
            log.push(Event {
                time: u64::try_from(elapsed / units(1).as_nanos()).unwrap_or(u64::MAX),
                who: who.to_owned(),
                what,
            });
        }
    }

    /// Ends the log.
    pub(super) fn close(&self) -> Vec<Event> {
        mem::take(&mut *self.log.lock()).unwrap_or_default()
    }

    /// Says which task a frame runs in.
    pub(super) fn know(&self, name: &str, task: TaskControl) {
        self.tasks.lock().insert(name.to_owned(), task);
    }

    pub(super) fn task(&self, name: &str) -> Option<TaskControl> {
        self.tasks.lock().get(name).cloned()
    }
}
