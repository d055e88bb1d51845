//! Runs a program on weftwork: each statement by the call that a user of weftwork would write.

mod blocks;
mod groups;
mod holding;
mod locals;
mod objects;
mod queues;
mod task_groups;
mod tasks;
mod world;

pub(crate) use world::{Event, Plan};

use crate::plant::Plant;
use crate::program::{Block, Call, Program, Stmt};
use futures::FutureExt;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use weftwork::{Task, TaskGroup, all_tasks, current_task, panic_message, sleep, spawn};
use world::World;

/// After this time whatever is left of a program is stuck.
const HORIZON: Duration = Duration::from_millis(1_000_000_000);

/// A running statement.
type Running<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
/// A running function; it gives the sum of what it saw.
type Called = Pin<Box<dyn Future<Output = i64> + Send>>;

/// What the programs raise.
#[derive(Clone, Debug, PartialEq)]
enum Raised {
    Boom(u32),
    Timeout,
    ShutDown,
    Broken,
    /// By a task group, in this order.
    Group(Vec<String>),
}

impl Raised {
    /// Raises it: a panic that no hook hears of.
    fn raise(self) -> ! {
        resume_unwind(Box::new(self))
    }

    fn text(payload: &(dyn std::any::Any + Send)) -> String {
        match payload.downcast_ref::<Self>() {
            Some(raised) => raised.to_string(),
            None => format!("panic: {}", panic_message(payload)),
        }
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boom(n) => write!(f, "Boom {n}"),
            Self::Timeout => f.write_str("TimeoutError"),
            Self::ShutDown => f.write_str("QueueShutDown"),
            Self::Broken => f.write_str("BrokenBarrierError"),
            Self::Group(errors) => write!(f, "ExceptionGroup [{}]", errors.join(", ")),
        }
    }
}

/// One call of a function of the program.
struct Frame {
    world: Arc<World>,
    name: String,
    kids: BTreeMap<usize, Kid>,
    /// The groups whose bodies it is in.
    groups: Vec<TaskGroup<Raised>>,
    /// The group in which it was spawned.
    home: Option<TaskGroup<Raised>>,
    acc: i64,
}

/// A task that this frame spawned.
struct Kid {
    task: Task<i64>,
    /// Its value, once somebody took it.
    value: Option<i64>,
}

/// The time of a program.
fn units(time: u32) -> Duration {
    Duration::from_millis(time.into())
}

/// The checksum of zlib.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    };
    !bytes.iter().fold(!0, step)
}

impl Frame {
    fn log(&self, what: impl Into<String>) {
        self.world.write(&self.name, what.into());
    }

    fn see(&mut self, value: i64) {
        self.acc = (self.acc * 31 + value) % 1_000_003;
        self.log(format!("got {value}"));
    }

    /// The value of a task that was spawned in this slot.
    fn see_of(&mut self, value: i64, slot: usize) {
        self.acc = (self.acc * 31 + value) % 1_000_003;
        self.log(format!("got {value} of {slot}"));
    }

    fn is(&self, plant: Plant) -> bool {
        self.world.is(plant)
    }

    /// The time of a limit, a bit different in each frame: no two strike at the same instant.
    fn limit(&self, time: u32) -> Duration {
        units(if time == 0 {
            0
        } else {
            time + crc32(self.name.as_bytes()) % 10_000
        })
    }

    fn call(&self, call: &Call) -> Called {
        self.call_in(None, call)
    }

    fn call_in(&self, home: Option<TaskGroup<Raised>>, call: &Call) -> Called {
        let name = format!("{}.{}", self.name, call.slot);
        called(Arc::clone(&self.world), call.function, name, home)
    }

    async fn block(&mut self, block: &Block) {
        for stmt in block {
            self.statement(stmt).await;
        }
    }

    fn statement<'a>(&'a mut self, stmt: &'a Stmt) -> Running<'a> {
        match stmt {
            Stmt::Timeout(..) | Stmt::Try(..) | Stmt::Finally(..) => {
                Box::pin(self.with_block(stmt))
            }
            Stmt::WithSemaphore(..) | Stmt::WithLock(..) | Stmt::Notify(..) => {
                Box::pin(self.holding(stmt))
            }
            Stmt::Group(body) => Box::pin(self.task_group(body)),
            Stmt::WithLocal(n, body) => Box::pin(self.with_local(*n, body)),
            Stmt::Gather(..)
            | Stmt::GatherKids(..)
            | Stmt::Wait(..)
            | Stmt::AsCompleted(_)
            | Stmt::WaitFor(..)
            | Stmt::WaitForKid(..) => Box::pin(self.group(stmt)),
            Stmt::Put(..)
            | Stmt::Get(_)
            | Stmt::JoinQueue(_)
            | Stmt::AwaitFuture(_)
            | Stmt::Acquire(_)
            | Stmt::AwaitEvent(_)
            | Stmt::AwaitCondition(_)
            | Stmt::AwaitBarrier(_) => Box::pin(self.object(stmt)),
            Stmt::Join(slot) => Box::pin(self.join(*slot)),
            Stmt::Shield(slot) => Box::pin(self.shield(*slot)),
            Stmt::Sleep(time) => Box::pin(self.sleep(*time)),
            _ => {
                self.at_once(stmt);
                Box::pin(std::future::ready(()))
            }
        }
    }

    async fn sleep(&mut self, time: u32) {
        let time = if self.is(Plant::LongSleep) && time == 5_000_000 {
            6_000_000
        } else {
            time
        };
        sleep(units(time)).await;
        self.log("slept");
    }
}

/// A call of a function, with its beginning and its end in the log. A cancelled call is dropped,
/// and its end is written by that.
fn called(
    world: Arc<World>,
    function: usize,
    name: String,
    home: Option<TaskGroup<Raised>>,
) -> Called {
    struct End<'a>(&'a World, &'a str, Option<String>);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            let end = self.2.take();
            self.0
                .write(self.1, end.unwrap_or_else(|| "end cancelled".to_owned()));
        }
    }
    Box::pin(async move {
        if let Some(me) = current_task() {
            world.know(&name, me);
        }
        if world.is(Plant::NoLocal) {
            locals::forget();
        }
        let mut frame = Frame {
            world: Arc::clone(&world),
            name: name.clone(),
            kids: BTreeMap::new(),
            groups: Vec::new(),
            home,
            // Its value is its own.
            acc: i64::from(crc32(name.as_bytes()) % 1000),
        };
        frame.log("start");
        let mut end = End(&world, &name, None);
        let ran = AssertUnwindSafe(frame.block(&world.program().0[function])).catch_unwind();
        if let Err(payload) = ran.await {
            end.2 = Some(format!("end {}", Raised::text(&*payload)));
            drop(end);
            resume_unwind(payload);
        }
        end.2 = Some(format!("end {}", frame.acc));
        drop(end);
        frame.acc
    })
}

/// Runs a whole program and gives its log.
pub(crate) async fn run(program: Arc<Program>, plan: Plan) -> Vec<Event> {
    let world = Arc::new(World::new(program, plan));
    let main = spawn(called(Arc::clone(&world), 0, "m".to_owned(), None));
    world.know("m", main.control());
    sleep(HORIZON).await;
    drop(main);
    let log = world.close();
    let me = current_task().map(|task| task.id());
    loop {
        let others = all_tasks().into_iter().filter(|task| Some(task.id()) != me);
        // Whatever caught a cancel is asked again: programs are finite.
        if others.inspect(|task| _ = task.cancel()).count() == 0 {
            return log;
        }
        sleep(HORIZON).await;
    }
}
