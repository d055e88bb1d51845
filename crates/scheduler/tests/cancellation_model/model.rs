//! The interpreter: futures as a tree, tasks in one queue, cancels by delivery.
//!
//! [`Rules::SPECIFICATION`] looks at everything at every turn. [`Rules::MECHANISM`] looks at a
//! branch of a join only if it was woken, as `FuturesUnordered` does, and so depends on every
//! wake and every registered scope. The other rules are planted flaws.

use crate::program::{Action, Case, Event, Program, Trace, by_task};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the interpreter does; a flaw is one field that differs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Branches are polled only if they were woken.
    pub(crate) by_wakes: bool,
    /// A delivery wakes every scope and child await that registered.
    pub(crate) wakes_all_probes: bool,
    /// Leaves decline a value while a cancel is delivered.
    pub(crate) leaves_decline: bool,
    /// A raised cancel is delivered to everything else in its scope first.
    pub(crate) tells_siblings: bool,
    /// A scope waits for what is still handling a cancel.
    pub(crate) waits_for_busy: bool,
    /// A clean-up holds a second cancel back.
    pub(crate) shields_clean_up: bool,
    /// An await passes a cancel on to its child.
    pub(crate) passes_on: bool,
}

impl Rules {
    pub(crate) const SPECIFICATION: Self = Self {
        by_wakes: false,
        wakes_all_probes: true,
        leaves_decline: true,
        tells_siblings: true,
        waits_for_busy: true,
        shields_clean_up: true,
        passes_on: true,
    };
    pub(crate) const MECHANISM: Self = Self {
        by_wakes: true,
        ..Self::SPECIFICATION
    };
}

/// A future that runs.
enum Node {
    Leaf(usize),
    Await {
        id: usize,
        body: Option<Program>,
        shield: bool,
        passed: bool,
    },
    Catch(usize, Scope),
    Finally {
        id: usize,
        body: Option<Scope>,
        cleanup: Scope,
        raises: bool,
        ended: bool,
    },
    Gather {
        unborn: Vec<(usize, Program)>,
        ids: Vec<usize>,
        passed: bool,
        raised: bool,
    },
    Join([(usize, Option<Box<Node>>); 2]),
    Seq(VecDeque<Node>),
}

/// A body whose cancels end here.
struct Scope {
    body: Box<Node>,
    /// It took a cancel, and acts at its next poll.
    armed: bool,
    /// A raised cancel was delivered to everything in it.
    told: bool,
}

/// What a poll says besides its value.
#[derive(Default)]
struct Heard {
    taken: bool,
    busy: bool,
    raised: bool,
}

/// Who polls: the task, and the branches on the way down.
#[derive(Clone)]
struct Cx {
    task: usize,
    path: Vec<usize>,
    delivering: bool,
}

struct TaskState {
    scope: Option<Scope>,
    started: bool,
    cancel: bool,
    /// Some once it has ended: was it cancelled?
    end: Option<bool>,
    awaiter: Option<(usize, Vec<usize>)>,
    probes: BTreeSet<Vec<usize>>,
}

/// Everything that runs.
pub(crate) struct World {
    rules: Rules,
    tasks: BTreeMap<usize, TaskState>,
    queue: VecDeque<usize>,
    ready: BTreeSet<usize>,
    waiting: BTreeMap<usize, (usize, Vec<usize>)>,
    woken: BTreeSet<usize>,
    branches: usize,
    events: Vec<(usize, Event)>,
}

impl World {
    /// Runs a case; the first entry is what happens before the first action.
    pub(crate) fn run(rules: Rules, case: &Case) -> Trace {
        let mut world = Self {
            rules,
            tasks: BTreeMap::new(),
            queue: VecDeque::new(),
            ready: BTreeSet::new(),
            waiting: BTreeMap::new(),
            woken: BTreeSet::new(),
            branches: 0,
            events: Vec::new(),
        };
        world.spawn(0, case.program.clone());
        let mut trace = vec![world.settle()];
        for action in &case.actions {
            let (leaf, task) = match *action {
                Action::Ready(leaf) => (Some(leaf), None),
                Action::Cancel(task) => (None, Some(task)),
                Action::Both(leaf, task) => (Some(leaf), Some(task)),
            };
            if let Some(leaf) = leaf {
                world.make_ready(leaf);
            }
            if let Some(task) = task {
                world.cancel(task);
            }
            trace.push(world.settle());
        }
        trace
    }

    fn settle(&mut self) -> Vec<(usize, Event)> {
        while let Some(task) = self.queue.pop_front() {
            self.turn(task);
        }
        by_task(std::mem::take(&mut self.events))
    }

    fn make_ready(&mut self, leaf: usize) {
        self.ready.insert(leaf);
        if let Some(waker) = self.waiting.remove(&leaf) {
            self.wake(waker);
        }
    }

    fn spawn(&mut self, id: usize, program: Program) {
        let scope = Some(Scope::new(self.build(program)));
        let task = TaskState {
            scope,
            started: false,
            cancel: false,
            end: None,
            awaiter: None,
            probes: BTreeSet::new(),
        };
        self.tasks.insert(id, task);
        self.queue.push_back(id);
    }

    /// False if it has ended, or was never spawned.
    fn cancel(&mut self, id: usize) -> bool {
        let Some(task) = self.tasks.get_mut(&id).filter(|task| task.end.is_none()) else {
            return false;
        };
        task.cancel = true;
        self.wake((id, Vec::new()));
        true
    }

    fn wake(&mut self, (task, path): (usize, Vec<usize>)) {
        self.woken.extend(path);
        if self.tasks[&task].end.is_none() && !self.queue.contains(&task) {
            self.queue.push_back(task);
        }
    }

    /// Wakes every scope and child await of a task.
    fn wake_probes(&mut self, task: usize) {
        let count = if self.rules.wakes_all_probes {
            usize::MAX
        } else {
            1
        };
        for path in self.tasks[&task].probes.iter().take(count) {
            self.woken.extend(path);
        }
    }

    /// One turn: a cancel that waits is delivered, then the future is polled.
    fn turn(&mut self, id: usize) {
        let Some(task) = self.tasks.get_mut(&id).filter(|task| task.end.is_none()) else {
            return;
        };
        let cancel = std::mem::take(&mut task.cancel);
        if cancel && !task.started {
            return self.end(id, true);
        }
        task.started = true;
        let mut scope = task.scope.take().expect("it has not ended");
        for delivering in [true, false] {
            if delivering && !cancel {
                continue;
            }
            if delivering {
                self.wake_probes(id);
            }
            let cx = Cx {
                task: id,
                path: Vec::new(),
                delivering,
            };
            if let Some(end) = self.poll_scope(&mut scope, &cx, &mut Heard::default()) {
                // A value that comes in the very poll of the delivery does not count.
                return self.end(id, end.is_err() || (delivering && !scope.armed));
            }
            self.wake_probes(id);
            if scope.armed {
                return self.end(id, true);
            }
        }
        self.tasks.get_mut(&id).expect("it runs").scope = Some(scope);
    }

    fn end(&mut self, id: usize, cancelled: bool) {
        let task = self.tasks.get_mut(&id).expect("it runs");
        task.scope = None;
        task.end = Some(cancelled);
        let awaiter = task.awaiter.take();
        let event = if cancelled {
            Event::Cancelled(id)
        } else {
            Event::Returned(id)
        };
        self.events.push((id, event));
        if let Some(awaiter) = awaiter {
            self.wake(awaiter);
        }
    }

    fn build(&mut self, program: Program) -> Node {
        match program {
            Program::Leaf(id) => Node::Leaf(id),
            Program::Task(id, body) => Node::awaiting(id, *body, false),
            Program::Shield(id, body) => Node::awaiting(id, *body, true),
            Program::Catch(id, body) => Node::Catch(id, Scope::new(self.build(*body))),
            Program::Finally(id, body, cleanup) => Node::Finally {
                id,
                body: Some(Scope::new(self.build(*body))),
                cleanup: Scope::new(self.build(*cleanup)),
                raises: false,
                ended: false,
            },
            Program::Gather(children) => Node::Gather {
                ids: children.iter().map(|(id, _)| *id).collect(),
                unborn: children,
                passed: false,
                raised: false,
            },
            Program::Join(a, b) => Node::Join([self.branch(*a), self.branch(*b)]),
            Program::Seq(parts) => {
                Node::Seq(parts.into_iter().map(|part| self.build(part)).collect())
            }
        }
    }

    fn branch(&mut self, program: Program) -> (usize, Option<Box<Node>>) {
        self.branches += 1;
        let number = self.branches;
        self.woken.insert(number);
        (number, Some(Box::new(self.build(program))))
    }

    /// Some: the scope has to end with this.
    fn poll_scope(
        &mut self,
        scope: &mut Scope,
        cx: &Cx,
        outer: &mut Heard,
    ) -> Option<Result<(), ()>> {
        if scope.armed {
            return Some(Err(()));
        }
        let mut heard = Heard::default();
        if self.poll(&mut scope.body, cx, &mut heard) {
            return Some(Ok(()));
        }
        outer.busy |= heard.busy;
        if heard.raised {
            return self.raised_in(scope, cx, outer);
        }
        if cx.delivering {
            outer.taken = true;
            scope.armed = !heard.taken;
        }
        None
    }

    /// A cancel was raised in the scope: everything else in it is told, and waited for.
    fn raised_in(
        &mut self,
        scope: &mut Scope,
        cx: &Cx,
        outer: &mut Heard,
    ) -> Option<Result<(), ()>> {
        if !scope.told && self.rules.tells_siblings {
            scope.told = true;
            self.wake_probes(cx.task);
            if self.poll(&mut scope.body, &cx.with(true), &mut Heard::default()) {
                return Some(Ok(()));
            }
        }
        self.wake_probes(cx.task);
        let mut heard = Heard::default();
        if self.poll(&mut scope.body, &cx.with(false), &mut heard) {
            return Some(Ok(()));
        }
        if heard.busy && self.rules.waits_for_busy {
            outer.busy = true;
            outer.taken |= cx.delivering;
            return None;
        }
        Some(Err(()))
    }

    /// True: it has given its value.
    fn poll(&mut self, node: &mut Node, cx: &Cx, heard: &mut Heard) -> bool {
        match node {
            Node::Leaf(id) => self.poll_leaf(*id, cx),
            Node::Await { .. } => self.poll_await(node, cx, heard),
            Node::Gather { .. } => self.poll_gather(node, cx, heard),
            Node::Finally { .. } => self.poll_finally(node, cx, heard),
            Node::Catch(id, scope) => match self.poll_scope(scope, cx, heard) {
                None => self.probe(cx),
                Some(end) => {
                    if end.is_err() {
                        self.events.push((cx.task, Event::Caught(*id)));
                    }
                    true
                }
            },
            Node::Join(branches) => {
                for (number, branch) in branches.iter_mut() {
                    let wanted = self.woken.remove(number) || !self.rules.by_wakes;
                    if let Some(node) = branch
                        && wanted
                        && self.poll(node, &cx.below(*number), heard)
                    {
                        *branch = None;
                    }
                }
                branches.iter().all(|(_, branch)| branch.is_none())
            }
            Node::Seq(parts) => {
                while let Some(part) = parts.front_mut() {
                    if !self.poll(part, cx, heard) {
                        return false;
                    }
                    parts.pop_front();
                }
                true
            }
        }
    }

    fn poll_leaf(&mut self, id: usize, cx: &Cx) -> bool {
        let declines = cx.delivering && self.rules.leaves_decline;
        if self.ready.contains(&id) && !declines {
            self.events.push((cx.task, Event::Got(id)));
            return true;
        }
        if self.ready.contains(&id) {
            // Declined: it wants to be polled again, and nobody else will wake it.
            self.wake((cx.task, cx.path.clone()));
        }
        self.waiting.insert(id, (cx.task, cx.path.clone()));
        false
    }

    fn poll_await(&mut self, node: &mut Node, cx: &Cx, heard: &mut Heard) -> bool {
        let Node::Await {
            id,
            body,
            shield,
            passed,
        } = node
        else {
            unreachable!("called for an await");
        };
        if let Some(body) = body.take() {
            self.spawn(*id, body);
        }
        if cx.delivering && !*shield && self.rules.passes_on && self.cancel(*id) {
            *passed = true;
            heard.taken = true;
        }
        let child = self.tasks.get_mut(id).expect("it was spawned");
        match child.end {
            Some(false) if !cx.delivering => return true,
            Some(true) if !cx.delivering => heard.raised = true,
            Some(_) => {}
            None => {
                child.awaiter = Some((cx.task, cx.path.clone()));
                heard.busy |= *passed;
            }
        }
        self.probe(cx)
    }

    fn poll_gather(&mut self, node: &mut Node, cx: &Cx, heard: &mut Heard) -> bool {
        let Node::Gather {
            unborn,
            ids,
            passed,
            raised,
        } = node
        else {
            unreachable!("called for a gather");
        };
        for (id, body) in unborn.drain(..) {
            self.spawn(id, body);
        }
        if cx.delivering && !*raised {
            let told = ids.iter().filter(|id| self.cancel(**id)).count();
            *passed |= told > 0;
            heard.taken |= told > 0;
        }
        let ends: Vec<_> = ids.iter().map(|id| self.tasks[id].end).collect();
        let left = ends.contains(&None);
        for id in ids.iter() {
            let child = self.tasks.get_mut(id).expect("it was spawned");
            child.awaiter = Some((cx.task, cx.path.clone()));
        }
        if !cx.delivering {
            let failed = ends.contains(&Some(true));
            *raised |= if *passed { !left } else { failed };
            if !*raised && !left {
                return true;
            }
            heard.raised |= *raised;
            heard.busy |= *passed && left;
        }
        self.probe(cx)
    }

    fn poll_finally(&mut self, node: &mut Node, cx: &Cx, heard: &mut Heard) -> bool {
        let Node::Finally {
            id,
            body,
            cleanup,
            raises,
            ended,
        } = node
        else {
            unreachable!("called for a finally");
        };
        if let Some(scope) = body {
            let Some(end) = self.poll_scope(scope, cx, heard) else {
                return self.probe(cx);
            };
            *raises = end.is_err();
            *body = None;
            self.events.push((cx.task, Event::CleanUp(*id)));
        }
        if !*ended {
            let shields = self.rules.shields_clean_up;
            if cx.delivering {
                *raises = true;
                heard.taken = true;
            }
            let inner = cx.with(cx.delivering && !shields);
            let Some(end) = self.poll_scope(cleanup, &inner, &mut Heard::default()) else {
                heard.busy = true;
                return self.probe(cx);
            };
            *raises |= end.is_err();
            *ended = true;
            if end.is_ok() {
                self.events.push((cx.task, Event::Cleaned(*id)));
            }
        }
        heard.raised |= *raises;
        if *raises { self.probe(cx) } else { true }
    }

    /// Registers with the task, so that a delivery comes here.
    fn probe(&mut self, cx: &Cx) -> bool {
        let task = self.tasks.get_mut(&cx.task).expect("it runs");
        task.probes.insert(cx.path.clone());
        false
    }
}

impl Scope {
    fn new(body: Node) -> Self {
        Self {
            body: Box::new(body),
            armed: false,
            told: false,
        }
    }
}

impl Node {
    fn awaiting(id: usize, body: Program, shield: bool) -> Self {
        Self::Await {
            id,
            body: Some(body),
            shield,
            passed: false,
        }
    }
}

impl Cx {
    fn with(&self, delivering: bool) -> Self {
        Self {
            delivering,
            ..self.clone()
        }
    }

    fn below(&self, branch: usize) -> Self {
        let mut below = self.clone();
        below.path.push(branch);
        below
    }
}
