//! Where a cancel went: the tasks that passed it on, and the one that it struck.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// A path keeps so many hops: a chain of tasks may have any length, and each of its ends has one.
const MOST_HOPS: usize = 32;

/// Which task is meant: what it was called when a cancel met it. It does not keep the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTag {
    id: u64,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
}

impl TaskTag {
    /// A task with this number, the name that it was given, and the place where it was spawned.
    #[must_use]
    pub fn new(id: u64, name: Option<Arc<str>>, location: &'static Location<'static>) -> Self {
        Self { id, name, location }
    }

    /// The number of the task.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its name: `Task-` and its number, unless another was set.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match &self.name {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("Task-{}", self.id)),
        }
    }

    /// Where it was spawned.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

/// Its name.
impl fmt::Display for TaskTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// What became of a cancel in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelStep {
    /// The task awaits another one, and passed the cancel on to that.
    Await,
    /// It passed the cancel on to the children of a `gather` or `try_gather`.
    Gather,
    /// It passed the cancel on to the children of a `task_group`.
    TaskGroup,
    /// It passed the cancel on to the runners of a `race`.
    Race,
    /// It passed the cancel on to the tasks of a `buffered`.
    Buffered,
    /// The cancel went into the body of a `timeout` or `wait_for`.
    Timeout,
    /// It struck: the task was to end here.
    Struck,
    /// The task ended because it awaited a task that had ended by this cancel.
    Raised,
}

impl fmt::Display for CancelStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Await => "await in",
            Self::Gather => "gather in",
            Self::TaskGroup => "task_group in",
            Self::Race => "race in",
            Self::Buffered => "buffered in",
            Self::Timeout => "timeout in",
            Self::Struck => "struck",
            Self::Raised => "raised in",
        })
    }
}

/// One step on the way of a cancel, and the task in which it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelHop {
    step: CancelStep,
    task: TaskTag,
}

impl CancelHop {
    /// What became of the cancel there.
    #[must_use]
    pub fn step(&self) -> CancelStep {
        self.step
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> &TaskTag {
        &self.task
    }
}

/// As `gather in Task-2`; `{:#}` adds where that was spawned.
impl fmt::Display for CancelHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.step, self.task)?;
        if f.alternate() {
            write!(f, ", spawned at {}", self.task.location)?;
        }
        Ok(())
    }
}

/// The hops of a cancel, the first one first.
#[derive(Clone, Default)]
pub(crate) struct Path {
    hops: Vec<CancelHop>,
    /// How many there are no more between the last two.
    left_out: usize,
}

impl Path {
    pub(crate) fn hops(&self) -> &[CancelHop] {
        &self.hops
    }

    pub(crate) fn struck(&self) -> Option<&TaskTag> {
        let struck = |hop: &&CancelHop| hop.step == CancelStep::Struck;
        // An await that waits for more than one task raises the cancel itself.
        let awaited = |hop: &&CancelHop| hop.step != CancelStep::Raised;
        let mut hops = self.hops.iter();
        let hop = hops.clone().rfind(struck).or_else(|| hops.rfind(awaited))?;
        Some(&hop.task)
    }

    /// The task passes the cancel on.
    pub(crate) fn passed_on(&self, step: CancelStep, task: TaskTag) -> Self {
        let arrival = |hop: &CancelHop| hop.task.id == task.id && hop.step == CancelStep::Struck;
        let mut path = self.clone();
        path.hops.pop_if(|hop| arrival(hop));
        path.push(step, task);
        path
    }

    /// The cancel is delivered to the task; perhaps again, after what it came to was dropped.
    pub(crate) fn struck_in(&self, task: TaskTag) -> Self {
        let mut path = self.clone();
        while path.hops.pop_if(|hop| hop.task.id == task.id).is_some() {}
        path.push(CancelStep::Struck, task);
        path
    }

    /// The task has ended by the cancel. None: nothing is to be added.
    pub(crate) fn ended_in(&self, task: TaskTag) -> Option<Self> {
        let step = match self.hops.last() {
            Some(hop) if hop.task.id == task.id => return None,
            Some(_) => CancelStep::Raised,
            None => CancelStep::Struck,
        };
        let mut path = self.clone();
        path.push(step, task);
        Some(path)
    }

    /// The newest takes the last place if there is no more; but what was struck stays.
    fn push(&mut self, step: CancelStep, task: TaskTag) {
        if self.hops.len() == MOST_HOPS {
            self.left_out += 1;
            let last = self.hops.last().map(CancelHop::step);
            if step == CancelStep::Raised && last == Some(CancelStep::Struck) {
                return;
            }
            self.hops.pop();
        }
        self.hops.push(CancelHop { step, task });
    }

    /// The hops with something between them, and a word for those that were left out.
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, between: &str) -> fmt::Result {
        for (number, hop) in self.hops.iter().enumerate() {
            if number > 0 {
                f.write_str(between)?;
            }
            if self.left_out > 0 && number + 1 == self.hops.len() {
                write!(f, "{} more{between}", self.left_out)?;
            }
            fmt::Display::fmt(hop, f)?;
        }
        Ok(())
    }
}
