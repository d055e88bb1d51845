//! The programs that are compared: functions of statements, over a few shared objects.
//!
//! Function 0 is the main task. A function starts only those with higher numbers, and there is no
//! loop, so every program is finite. A *slot* names a task, or a called function, within the
//! function that starts it; no two statements of a function share one.

/// A program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program(pub(crate) Vec<Block>);

/// Statements, one after another.
pub(crate) type Block = Vec<Stmt>;

/// A function that is started, and the slot for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) slot: usize,
    pub(crate) function: usize,
}

/// Whom a cancel or a question is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Who {
    Me,
    Parent,
    Kid(usize),
    /// What the caller's parent started in this slot.
    Sibling(usize),
}

/// When a wait returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    First,
    Exception,
    All,
}

/// What an `except` is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Except {
    Cancelled,
    Exception,
    Both,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stmt {
    Note(u32),
    Sleep(u32),
    Spawn(Call),
    Join(usize),
    Shield(usize),
    /// New tasks, with or without `return_exceptions`.
    Gather(Vec<Call>, bool),
    /// Tasks that were spawned before.
    GatherKids(Vec<usize>, bool),
    Wait(Vec<usize>, When, Option<u32>),
    AsCompleted(Vec<Call>),
    /// A plain call, with a limit.
    WaitFor(Call, u32),
    WaitForKid(usize, u32),
    Timeout(u32, Block),
    Cancel(Who, Option<u32>),
    Uncancel(Who),
    Cancelling(Who),
    State(Who),
    Raise(u32),
    /// The last one: the handler ends with `raise`.
    Try(Block, Except, Block, bool),
    Finally(Block, Block),
    CallSoon(u32),
    CallLater(u32, u32),
    CancelLater(u32, Who),
    OnDone(usize, u32),
    Put(usize, u32),
    Get(usize),
    TryPut(usize, u32),
    TryGet(usize),
    SetFuture(usize, u32),
    AwaitFuture(usize),
    TaskDone(usize),
    JoinQueue(usize),
    /// At once, or once it is empty.
    ShutDown(usize, bool),
    WithSemaphore(usize, Block),
    /// For good.
    Acquire(usize),
    Release(usize),
    WithLock(usize, Block),
    SetEvent(usize),
    ClearEvent(usize),
    AwaitEvent(usize),
    /// With the lock of the condition, which is given back while it waits.
    AwaitCondition(usize),
    /// So many, or all; with the lock, which is kept for the block.
    Notify(usize, Option<usize>, Block),
    AwaitBarrier(usize),
    ResetBarrier(usize),
    AbortBarrier(usize),
    /// A task group around a block.
    Group(Block),
    /// In the innermost group of the function.
    SpawnIn(Call),
    /// In the group in which the function itself was spawned.
    SpawnBeside(Call),
    SetLocal(u32),
    SeeLocal,
    /// Another value, for the block.
    WithLocal(u32, Block),
}

impl Stmt {
    /// The blocks inside.
    pub(crate) fn blocks(&self) -> Vec<&Block> {
        match self {
            Self::Timeout(_, body)
            | Self::WithSemaphore(_, body)
            | Self::WithLock(_, body)
            | Self::Notify(_, _, body)
            | Self::WithLocal(_, body)
            | Self::Group(body) => vec![body],
            Self::Try(body, _, more, _) | Self::Finally(body, more) => vec![body, more],
            _ => Vec::new(),
        }
    }

    /// The blocks inside, to change them.
    pub(crate) fn blocks_mut(&mut self) -> Vec<&mut Block> {
        match self {
            Self::Timeout(_, body)
            | Self::WithSemaphore(_, body)
            | Self::WithLock(_, body)
            | Self::Notify(_, _, body)
            | Self::WithLocal(_, body)
            | Self::Group(body) => vec![body],
            Self::Try(body, _, more, _) | Self::Finally(body, more) => vec![body, more],
            _ => Vec::new(),
        }
    }

    /// The functions that it starts.
    pub(crate) fn calls(&self) -> &[Call] {
        match self {
            Self::Spawn(call)
            | Self::SpawnIn(call)
            | Self::SpawnBeside(call)
            | Self::WaitFor(call, _) => std::slice::from_ref(call),
            Self::Gather(calls, _) | Self::AsCompleted(calls) => calls,
            _ => &[],
        }
    }

    /// The name of what it is about, for the list of what a version of Python cannot judge.
    pub(crate) fn construct(&self) -> &'static str {
        match self {
            Self::Note(_) => "note",
            Self::Sleep(_) => "sleep",
            Self::Spawn(_) => "create_task",
            Self::Join(_) => "await",
            Self::Shield(_) => "shield",
            Self::Gather(_, false) | Self::GatherKids(_, false) => "gather",
            Self::Gather(_, true) | Self::GatherKids(_, true) => "gather of outcomes",
            Self::Wait(_, _, None) => "wait",
            Self::Wait(..) => "wait with a limit",
            Self::AsCompleted(_) => "as_completed",
            Self::WaitFor(..) => "wait_for of a coroutine",
            Self::WaitForKid(..) => "wait_for of a task",
            Self::Timeout(..) => "timeout",
            Self::Cancel(_, None) => "cancel",
            Self::Cancel(..) => "cancel with a message",
            Self::Uncancel(_) => "uncancel",
            Self::Cancelling(_) => "cancelling",
            Self::State(_) => "done and cancelled",
            Self::Raise(_) => "raise",
            Self::Try(..) => "try except",
            Self::Finally(..) => "try finally",
            Self::CallSoon(_) => "call_soon",
            Self::CallLater(..) => "call_later",
            Self::CancelLater(..) => "cancel by a callback",
            Self::OnDone(..) => "add_done_callback",
            Self::SetFuture(..) | Self::AwaitFuture(_) => "future",
            Self::SpawnIn(_) => "task group's create_task",
            Self::SpawnBeside(_) => "create_task beside",
            Self::Group(_) => "task group",
            Self::SetLocal(_) | Self::SeeLocal => "context variable",
            Self::WithLocal(..) => "context variable's reset",
            _ => self.object(),
        }
    }

    /// Of those about an object that is waited on.
    fn object(&self) -> &'static str {
        match self {
            Self::Put(2, _) | Self::Get(2) => "LIFO queue",
            Self::Put(3, _) | Self::Get(3) => "priority queue",
            Self::Put(..) | Self::Get(_) => "queue",
            Self::TryPut(..) | Self::TryGet(_) => "queue without waiting",
            Self::TaskDone(_) => "task_done",
            Self::JoinQueue(_) => "queue's join",
            Self::ShutDown(_, false) => "queue's shutdown",
            Self::ShutDown(_, true) => "queue's shutdown at once",
            Self::WithSemaphore(..) => "with semaphore",
            Self::Acquire(2) | Self::Release(2) => "bounded semaphore",
            Self::Acquire(_) | Self::Release(_) => "semaphore",
            Self::WithLock(..) => "lock",
            Self::SetEvent(_) | Self::ClearEvent(_) => "event",
            Self::AwaitEvent(_) => "event's wait",
            Self::AwaitCondition(_) => "condition",
            Self::Notify(..) => "notify",
            Self::AwaitBarrier(_) => "barrier",
            Self::ResetBarrier(_) => "barrier's reset",
            Self::AbortBarrier(_) => "barrier's abort",
            _ => unreachable!("not about an object"),
        }
    }
}

impl Program {
    /// All statements, those inside of others too.
    pub(crate) fn statements(&self) -> Vec<&Stmt> {
        let mut all = Vec::new();
        let mut blocks: Vec<_> = self.0.iter().collect();
        while let Some(block) = blocks.pop() {
            for stmt in block {
                all.push(stmt);
                blocks.extend(stmt.blocks());
            }
        }
        all
    }

    /// True if some statement is like that.
    pub(crate) fn has(&self, is: impl Fn(&Stmt) -> bool) -> bool {
        self.statements().into_iter().any(is)
    }
}
