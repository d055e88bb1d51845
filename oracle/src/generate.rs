//! Random programs.

use crate::judge::Version;
use crate::program::{Block, Call, Except, Program, Stmt, When, Who};
use fastrand::Rng;

/// One of so many programs has context variables.
const WITH_LOCALS: u64 = 8;
/// Blocks inside of blocks, at most.
const DEPTH: usize = 3;

/// What a program is about: objects that meet only if there are enough of a kind.
#[derive(Clone, Copy, Debug)]
enum Theme {
    Queues,
    Locks,
    Conditions,
    Barriers,
    Groups,
}

/// Half of the programs have everything.
const THEMES: [Option<Theme>; 10] = [
    None,
    None,
    None,
    None,
    None,
    Some(Theme::Queues),
    Some(Theme::Locks),
    Some(Theme::Conditions),
    Some(Theme::Barriers),
    Some(Theme::Groups),
];

/// The constructs that a version of Python cannot judge: they came, or got their present meaning,
/// later.
pub(crate) fn unjudged(version: Version) -> Vec<&'static str> {
    let mut unjudged = Vec::new();
    if version < (3, 12, 0) {
        unjudged.extend(["wait_for of a coroutine", "wait_for of a task"]);
    }
    if version < (3, 13, 0) {
        // Before, a cancel that was taken back and not delivered struck all the same.
        unjudged.push("uncancel");
        unjudged.extend(["queue's shutdown", "queue's shutdown at once"]);
    }
    unjudged
}

/// A program whose log does not depend on who runs first, with this number: every function is called
/// once, and every one sleeps first, for a time of its own. So nothing happens at the same instant but
/// what has one cause, and nobody shares anything.
pub(crate) fn tree(seed: u64, number: u64, judged: &dyn Fn(&Stmt) -> bool) -> Program {
    let mut rng = Rng::with_seed(mixed(seed, number));
    let functions = rng.usize(2..9);
    let (mut limits, mut called) = (0, 1);
    let bodies = (0..functions).map(|function| {
        let mut writer = Writer {
            rng: &mut rng,
            judged,
            function,
            functions,
            slots: 0,
            limits: &mut limits,
            kids: Vec::new(),
            groups: 0,
            theme: None,
            locals: number.is_multiple_of(WITH_LOCALS),
            called: Some(&mut called),
        };
        let mut body = vec![Stmt::Sleep(writer.time())];
        body.extend(writer.block(0));
        body
    });
    Program(bodies.collect())
}

fn mixed(seed: u64, number: u64) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03)
}

/// The program with this number; `judged` says which constructs may stand in it.
pub(crate) fn program(seed: u64, number: u64, judged: &dyn Fn(&Stmt) -> bool) -> Program {
    let mut rng = Rng::with_seed(mixed(seed, number));
    let functions = rng.usize(2..6);
    let theme = THEMES[rng.usize(..THEMES.len())];
    let mut limits = 0;
    let bodies = (0..functions).map(|function| {
        let mut writer = Writer {
            rng: &mut rng,
            judged,
            function,
            functions,
            slots: 0,
            limits: &mut limits,
            kids: Vec::new(),
            groups: 0,
            theme,
            locals: number.is_multiple_of(WITH_LOCALS),
            called: None,
        };
        let mut body = writer.company();
        body.extend(writer.block(0));
        body
    });
    Program(bodies.collect())
}

/// Writes the body of one function.
struct Writer<'a> {
    rng: &'a mut Rng,
    judged: &'a dyn Fn(&Stmt) -> bool,
    function: usize,
    functions: usize,
    slots: usize,
    /// How many limits there are in the program.
    limits: &'a mut u32,
    /// The slots of spawned tasks.
    kids: Vec<usize>,
    /// The groups around what is written.
    groups: usize,
    /// What the program is about, if it is about one thing.
    theme: Option<Theme>,
    /// It has context variables.
    locals: bool,
    /// In a tree: the functions up to here have a caller.
    called: Option<&'a mut usize>,
}

impl Writer<'_> {
    /// Tasks for what takes several of them.
    fn company(&mut self) -> Block {
        let most = match self.theme {
            Some(_) if self.function == 0 => 4,
            Some(_) if self.rng.bool() => 2,
            _ => 1,
        };
        let mut block = Vec::new();
        for _ in 0..self.rng.usize(0..most) {
            if self.may_call() {
                block.push(Stmt::Spawn(self.kid_call()));
            }
        }
        block
    }

    fn block(&mut self, depth: usize) -> Block {
        let most = if depth == 0 { 6 } else { 3 };
        let least = usize::from(depth == 0);
        let mut block = Vec::new();
        for _ in 0..self.rng.usize(least..=most) {
            let stmt = self.statement(depth);
            if !(self.judged)(&stmt) {
                continue;
            }
            let spawned = match stmt {
                Stmt::Spawn(call) if self.called.is_none() && self.rng.u8(0..6) == 0 => {
                    Some(call.slot)
                }
                _ => None,
            };
            block.push(stmt);
            // Nobody else waits for that task: whoever does is woken after its callbacks.
            if let Some(slot) = spawned {
                block.push(Stmt::OnDone(slot, self.number()));
                self.kids.retain(|kid| *kid != slot);
            }
        }
        block
    }

    /// The time of a sleep.
    fn time(&mut self) -> u32 {
        if self.called.is_some() {
            return self.rng.u32(1..8_000_000);
        }
        1_000_000 * self.rng.u32(0..8)
    }

    /// The time of a limit or a callback. Each has its own last digits, so that no two things
    /// happen at the same instant by chance: their order is not what is compared.
    fn limit(&mut self) -> u32 {
        *self.limits += 1;
        if self.called.is_some() {
            return self.time();
        }
        if self.rng.u8(0..8) == 0 {
            return 0;
        }
        1_000_000 * self.rng.u32(0..8) + 10_000 * *self.limits
    }

    /// As `limit`, and not zero.
    fn some_limit(&mut self) -> u32 {
        match self.limit() {
            0 => 10_000 * *self.limits,
            limit => limit,
        }
    }

    fn number(&mut self) -> u32 {
        self.rng.u32(0..100)
    }

    /// True if there is a function that this one may start.
    fn may_call(&self) -> bool {
        let called = self.called.as_deref().copied().unwrap_or_default();
        self.function.max(called.saturating_sub(1)) + 1 < self.functions
    }

    fn call(&mut self) -> Call {
        self.slots += 1;
        let function = match self.called.as_deref_mut() {
            Some(called) => {
                *called = (*called).max(self.function + 1) + 1;
                *called - 1
            }
            None => self.rng.usize(self.function + 1..self.functions),
        };
        Call {
            slot: self.slots - 1,
            function,
        }
    }

    fn calls(&mut self) -> Vec<Call> {
        let mut calls = vec![self.call()];
        for _ in 0..self.rng.usize(0..3) {
            if self.may_call() {
                calls.push(self.call());
            }
        }
        calls
    }

    /// The slot of some spawned task, or, rarely, of none.
    fn kid(&mut self) -> usize {
        if self.kids.is_empty() {
            return 0;
        }
        self.kids[self.rng.usize(..self.kids.len())]
    }

    fn some_kids(&mut self) -> Vec<usize> {
        let mut kids = self.kids.clone();
        self.rng.shuffle(&mut kids);
        kids.truncate(self.rng.usize(1..4));
        kids
    }

    fn who(&mut self) -> Who {
        if self.called.is_some() {
            return Who::Kid(self.kid());
        }
        match self.rng.u8(0..6) {
            0 => Who::Me,
            1 => Who::Parent,
            2 => Who::Sibling(self.rng.usize(0..3)),
            _ => Who::Kid(self.kid()),
        }
    }

    fn statement(&mut self, depth: usize) -> Stmt {
        if self.locals && self.rng.u8(0..4) == 0 {
            return self.with_local(depth);
        }
        if let Some(theme) = self.theme
            && self.rng.u8(0..5) < 2
        {
            return match self.rng.u8(0..6) {
                0 => self.about_tasks(),
                1 => Stmt::Sleep(self.time()),
                _ => self.about(theme, depth),
            };
        }
        match self.rng.u8(0..20) {
            0..5 if self.may_call() => self.starting(),
            5..9 if !self.kids.is_empty() => self.waiting(),
            9..12 if depth < DEPTH => self.with_blocks(depth),
            12..14 if self.called.is_none() => self.about_tasks(),
            14..16 if self.called.is_none() => self.with_objects(depth),
            16 => self.calling_back(),
            17 => match self.rng.u8(0..3) {
                0 => Stmt::Raise(self.number()),
                _ => Stmt::Note(self.number()),
            },
            _ => Stmt::Sleep(self.time()),
        }
    }

    fn starting(&mut self) -> Stmt {
        match self.rng.u8(0..10) {
            _ if self.groups > 0 && self.rng.bool() => Stmt::SpawnIn(self.kid_call()),
            0 => Stmt::Gather(self.calls(), false),
            1 => Stmt::Gather(self.calls(), true),
            2 => Stmt::AsCompleted(self.calls()),
            3 => Stmt::WaitFor(self.call(), self.limit()),
            4 if self.called.is_none() => Stmt::SpawnBeside(self.kid_call()),
            _ => Stmt::Spawn(self.kid_call()),
        }
    }

    /// A call whose task can be named later.
    fn kid_call(&mut self) -> Call {
        let call = self.call();
        self.kids.push(call.slot);
        call
    }

    fn waiting(&mut self) -> Stmt {
        match self.rng.u8(0..9) {
            0..3 => Stmt::Join(self.kid()),
            3 => Stmt::Shield(self.kid()),
            4 => Stmt::GatherKids(self.some_kids(), self.rng.bool()),
            5 => Stmt::WaitForKid(self.kid(), self.limit()),
            _ => {
                let when = [When::First, When::Exception, When::All][self.rng.usize(0..3)];
                let timeout = self.rng.bool().then(|| self.limit());
                Stmt::Wait(self.some_kids(), when, timeout)
            }
        }
    }

    fn with_blocks(&mut self, depth: usize) -> Stmt {
        if self.rng.u8(0..5) == 0 {
            return self.group(depth);
        }
        let body = self.block(depth + 1);
        match self.rng.u8(0..8) {
            0..2 => Stmt::Timeout(self.some_limit(), body),
            2..4 => Stmt::Finally(body, self.block(depth + 1)),
            _ => {
                let all = [Except::Cancelled, Except::Exception, Except::Both];
                let except = all[self.rng.usize(0..3)];
                Stmt::Try(body, except, self.block(depth + 1), self.rng.bool())
            }
        }
    }

    fn about_tasks(&mut self) -> Stmt {
        let who = self.who();
        match self.rng.u8(0..8) {
            0 => Stmt::Uncancel(who),
            1 => Stmt::Cancelling(who),
            2 => Stmt::State(who),
            _ => {
                let message = self.rng.bool().then(|| self.number());
                Stmt::Cancel(who, message)
            }
        }
    }

    fn with_local(&mut self, depth: usize) -> Stmt {
        match self.rng.u8(0..6) {
            0 if depth < DEPTH => Stmt::WithLocal(self.number(), self.block(depth + 1)),
            0..3 => Stmt::SetLocal(self.number()),
            _ => Stmt::SeeLocal,
        }
    }

    fn group(&mut self, depth: usize) -> Stmt {
        self.groups += 1;
        let body = self.block(depth + 1);
        self.groups -= 1;
        Stmt::Group(body)
    }

    /// A statement of which there are many in a program about this.
    fn about(&mut self, theme: Theme, depth: usize) -> Stmt {
        match theme {
            Theme::Queues => self.with_queue(),
            Theme::Locks => self.with_lock(depth),
            Theme::Conditions => self.with_condition(depth),
            Theme::Barriers => self.with_barrier(),
            Theme::Groups if depth < DEPTH && (self.groups == 0 || !self.may_call()) => {
                self.group(depth)
            }
            Theme::Groups if self.rng.u8(0..6) == 0 => Stmt::Raise(self.number()),
            Theme::Groups if self.may_call() && self.rng.u8(0..4) == 0 => {
                Stmt::SpawnBeside(self.kid_call())
            }
            Theme::Groups if self.may_call() => Stmt::SpawnIn(self.kid_call()),
            Theme::Groups if self.rng.bool() => Stmt::Raise(self.number()),
            Theme::Groups => Stmt::Sleep(self.time()),
        }
    }

    fn with_objects(&mut self, depth: usize) -> Stmt {
        match self.rng.u8(0..20) {
            0..6 => self.with_queue(),
            6..8 => self.with_future(),
            8..14 => self.with_lock(depth),
            14..17 => self.with_condition(depth),
            _ => self.with_barrier(),
        }
    }

    fn with_future(&mut self) -> Stmt {
        let n = self.rng.usize(0..2);
        match self.rng.u8(0..2) {
            0 => Stmt::SetFuture(n, self.number()),
            _ => Stmt::AwaitFuture(n),
        }
    }

    fn with_lock(&mut self, depth: usize) -> Stmt {
        let n = self.rng.usize(0..2);
        let inner = depth.max(1) + 1;
        match self.rng.u8(0..6) {
            0 => Stmt::Acquire(self.rng.usize(0..3)),
            1 => Stmt::Release(self.rng.usize(0..3)),
            2..4 => Stmt::WithSemaphore(n, self.block(inner)),
            _ => Stmt::WithLock(n, self.block(inner)),
        }
    }

    /// Conditions, and events.
    fn with_condition(&mut self, depth: usize) -> Stmt {
        let n = self.rng.usize(0..2);
        match self.rng.u8(0..9) {
            0..4 => Stmt::AwaitCondition(n),
            4..6 => {
                let count = self.rng.bool().then(|| self.rng.usize(0..3));
                Stmt::Notify(n, count, self.block(depth.max(1) + 1))
            }
            6 => Stmt::SetEvent(n),
            7 => Stmt::ClearEvent(n),
            _ => Stmt::AwaitEvent(n),
        }
    }

    fn with_barrier(&mut self) -> Stmt {
        let n = self.rng.usize(0..2);
        match self.rng.u8(0..12) {
            0 => Stmt::ResetBarrier(n),
            1 if self.rng.bool() => Stmt::AbortBarrier(n),
            _ => Stmt::AwaitBarrier(n),
        }
    }

    fn with_queue(&mut self) -> Stmt {
        let n = self.rng.usize(0..4);
        match self.rng.u8(0..12) {
            0..3 => Stmt::Put(n, self.number()),
            3..6 => Stmt::Get(n),
            6 => Stmt::TryPut(n, self.number()),
            7 => Stmt::TryGet(n),
            8 | 9 => Stmt::TaskDone(n),
            10 => Stmt::JoinQueue(n),
            _ if self.rng.bool() => Stmt::JoinQueue(n),
            _ => Stmt::ShutDown(n, self.rng.bool()),
        }
    }

    fn calling_back(&mut self) -> Stmt {
        match self.rng.u8(0..3) {
            0 if self.called.is_none() => Stmt::CallSoon(self.number()),
            1 => Stmt::CallLater(self.some_limit(), self.number()),
            _ => Stmt::CancelLater(self.some_limit(), self.who()),
        }
    }
}
