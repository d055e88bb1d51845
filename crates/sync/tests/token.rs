//! Cancellation tokens: case by case, large trees, and random trees against a plain model.

mod common;

use common::{Counter, Panics, Watched, cases, poll, poll_once};
use futures::executor::block_on;
use proptest::prelude::*;
use proptest::sample::Index;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_sync::CancellationToken;
use weftwork_sync::token::{DropGuard, UntilCancelled, UntilCancelledOwned};
use weftwork_task_context::{CancelSource, Cancelled, with_frame};

#[test]
fn cancel_flows_down_and_never_up() {
    let root = CancellationToken::new();
    let middle = root.child();
    let leaf = middle.child();
    let sibling = root.child();
    let mut waiting = Watched::new(leaf.cancelled());
    assert!(waiting.poll().is_pending());
    assert!(middle.cancel_with("enough"));
    assert_eq!(waiting.wakes(), 1);
    assert!(waiting.poll().is_ready());
    assert!(leaf.is_cancelled() && middle.is_cancelled());
    assert!(!root.is_cancelled() && !sibling.is_cancelled());
    let reason = leaf.reason().unwrap();
    assert_eq!(
        (reason.msg(), reason.source()),
        (Some("enough"), CancelSource::Token)
    );
    assert!(reason.location().file().ends_with("token.rs"));
    // The first reason stands, for a late child too.
    assert!(!middle.cancel_with("again"));
    assert!(root.cancel());
    assert_eq!(middle.child().reason().unwrap().msg(), Some("enough"));
    assert_eq!(sibling.reason().unwrap().msg(), None);
}

#[test]
fn a_dropped_token_in_between_does_not_cut_the_tree() {
    let root = CancellationToken::new();
    let middle = root.child();
    let leaves = [middle.child(), middle.child()];
    drop(middle);
    assert!(leaves.iter().all(|leaf| !leaf.is_cancelled()));
    root.cancel();
    assert!(leaves.iter().all(CancellationToken::is_cancelled));
}

#[test]
fn clones_are_one_token() {
    let token = CancellationToken::new();
    let child = token.child();
    let clone = child.clone();
    drop(child);
    let waiting = clone.clone().cancelled_owned();
    token.cancel();
    block_on(waiting);
    assert!(clone.is_cancelled());
}

#[test]
fn a_delivered_cancel_is_no_token() {
    let token = CancellationToken::new();
    let mut waiting = Watched::new(token.cancelled());
    token.cancel();
    assert!(waiting.poll_delivering().is_pending());
    assert!(waiting.poll().is_ready());
    // Nor does it start a future that the token forbids.
    let cause = Cancelled::new(None, CancelSource::Outside);
    let mut run = pin!(token.run_until_cancelled(async { panic!("started") }));
    let mut cx = Context::from_waker(Waker::noop());
    let polled = with_frame(Some(&cause), || run.as_mut().poll(&mut cx)).0;
    assert!(polled.is_pending());
    assert_eq!(run.as_mut().poll(&mut cx), Poll::Ready(None::<()>));
}

#[test]
fn run_until_cancelled_prefers_the_value() {
    let token = CancellationToken::new();
    let (sender, receiver) = weftwork_sync::oneshot::channel();
    let mut run = pin!(token.run_until_cancelled(receiver));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(run.as_mut().poll(&mut cx).is_pending());
    token.cancel();
    sender.send(1).unwrap();
    let Poll::Ready(Some(value)) = run.as_mut().poll(&mut cx) else {
        panic!("the value was lost")
    };
    assert_eq!(value.unwrap(), 1);

    let token = CancellationToken::new();
    let mut never = Watched::new(Box::pin(
        token.run_until_cancelled(std::future::pending::<()>()),
    ));
    assert!(never.poll().is_pending());
    token.cancel();
    assert_eq!(never.wakes(), 1);
    assert_eq!(never.poll(), Poll::Ready(None));
}

#[test]
fn a_guard_cancels_unless_disarmed() {
    let token = CancellationToken::new();
    let kept = token.clone().drop_guard().disarm();
    assert!(!kept.is_cancelled());
    let guard = token.child().drop_guard();
    let child = kept.child();
    drop(guard);
    assert!(!child.is_cancelled());
    let (line, guard) = (line!(), token.drop_guard());
    let _ = catch_unwind(AssertUnwindSafe(move || {
        let _guard = guard;
        std::panic::resume_unwind(Box::new(()));
    }));
    assert_eq!(child.reason().unwrap().location().line(), line);
}

#[test]
fn a_panicking_waker_leaves_the_others_woken() {
    let token = CancellationToken::new();
    let child = token.child();
    let mut bad = token.cancelled();
    let mut good = Watched::new(child.cancelled());
    assert!(poll(&mut bad, &Waker::from(Arc::new(Panics))).is_pending());
    assert!(good.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| token.cancel())).is_err());
    assert_eq!(good.wakes(), 1);
    assert!(poll_once(&mut bad).is_ready());
}

/// Runs `f` on a stack that a recursion of some thousand levels would overflow.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    thread.spawn(f).unwrap().join().unwrap();
}

/// So many that a recursion overflows any stack, and that quadratic time has no end.
const MANY: usize = 1_000_000;

fn chain() -> Vec<CancellationToken> {
    let root = CancellationToken::new();
    std::iter::successors(Some(root), |last| Some(last.child()))
        .take(MANY)
        .collect()
}

#[test]
fn a_long_chain_is_cancelled_and_dropped_without_recursion() {
    on_a_small_stack(|| {
        let tokens = chain();
        tokens[0].cancel();
        assert!(tokens[MANY - 1].is_cancelled());
    });
    on_a_small_stack(|| {
        // From the root on, so that every token is bridged; then only the last.
        let mut tokens = chain();
        let last = tokens.pop();
        drop(tokens);
        drop(last);
    });
    on_a_small_stack(|| {
        // From the leaf on, each cancelled before.
        let mut tokens = chain();
        while let Some(token) = tokens.pop() {
            token.cancel();
        }
    });
}

#[test]
fn many_children_take_linear_time() {
    on_a_small_stack(|| {
        let root = CancellationToken::new();
        let children: Vec<_> = (0..MANY).map(|_| root.child()).collect();
        // One by one from the front: unlinking must not search.
        for child in &children[..MANY / 2] {
            child.cancel();
        }
        // Dropped without a cancel: nor must that.
        let rest = &children[MANY / 2..];
        let middle = root.child();
        drop(middle.child());
        drop(middle);
        root.cancel();
        assert!(rest.iter().all(CancellationToken::is_cancelled));
    });
    on_a_small_stack(|| {
        let root = CancellationToken::new();
        drop((0..MANY).map(|_| root.child()).collect::<Vec<_>>());
        // A dropped parent of many, which cannot be bridged.
        let parent = root.child();
        let children: Vec<_> = (0..MANY).map(|_| parent.child()).collect();
        drop(parent);
        drop(children);
    });
}

/// A cancel at the root wakes everybody who waits below, each once.
#[test]
fn a_cancel_wakes_many_children() {
    on_a_small_stack(|| {
        let (root, counter) = (CancellationToken::new(), Counter::new());
        let waker = Waker::from(Arc::clone(&counter));
        let children = (0..MANY / 10).map(|_| root.child().cancelled_owned());
        let mut children: Vec<_> = children.collect();
        assert!(
            children
                .iter_mut()
                .all(|child| poll(child, &waker).is_pending())
        );
        root.cancel();
        assert_eq!(counter.count(), MANY / 10);
        assert!(
            children
                .iter_mut()
                .all(|child| poll(child, &waker).is_ready())
        );
    });
}

#[derive(Clone, Debug)]
enum Step {
    Child(Index),
    Clone(Index),
    Drop(Index),
    Wait(Index),
    PollWait(Index, bool),
    DropWait(Index),
    Cancel(Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<Index>().prop_map(Step::Child),
        2 => any::<Index>().prop_map(Step::Clone),
        6 => any::<Index>().prop_map(Step::Drop),
        3 => any::<Index>().prop_map(Step::Wait),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(i, d)| Step::PollWait(i, d)),
        2 => any::<Index>().prop_map(Step::DropWait),
        1 => any::<Index>().prop_map(Step::Cancel),
    ]
}

/// Parents and cancels of all nodes there ever were, the handles that are left, and who waits.
#[derive(Default)]
struct Model {
    parents: Vec<Option<usize>>,
    cancelled: Vec<bool>,
    handles: Vec<(usize, CancellationToken)>,
    waiting: Vec<(usize, Watched<UntilCancelledOwned>)>,
}

impl Model {
    fn add(&mut self, parent: Option<usize>, token: CancellationToken) {
        let cancelled = parent.is_some_and(|parent| self.cancelled[parent]);
        self.handles.push((self.parents.len(), token));
        self.parents.push(parent);
        self.cancelled.push(cancelled);
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::PollWait(which, _) | Step::DropWait(which) if !self.waiting.is_empty() => {
                self.run_on_waiting(step, which.index(self.waiting.len()));
            }
            Step::Child(which)
            | Step::Clone(which)
            | Step::Drop(which)
            | Step::Wait(which)
            | Step::Cancel(which)
                if !self.handles.is_empty() =>
            {
                self.run_on_token(step, which.index(self.handles.len()));
            }
            _ => {}
        }
    }

    fn run_on_waiting(&mut self, step: &Step, index: usize) {
        let (node, waiting) = &mut self.waiting[index];
        if let Step::PollWait(_, true) = step {
            return assert!(waiting.poll_delivering().is_pending());
        }
        if let Step::PollWait(..) = step {
            assert_eq!(waiting.poll().is_ready(), self.cancelled[*node]);
            if !self.cancelled[*node] {
                return;
            }
        }
        self.waiting.swap_remove(index);
    }

    fn run_on_token(&mut self, step: &Step, index: usize) {
        let (node, token) = (self.handles[index].0, self.handles[index].1.clone());
        match step {
            Step::Child(_) => self.add(Some(node), token.child()),
            Step::Clone(_) => self.handles.push((node, token)),
            Step::Drop(_) => drop(self.handles.swap_remove(index)),
            Step::Wait(_) => {
                let mut waiting = Watched::new(token.cancelled_owned());
                assert_eq!(waiting.poll().is_ready(), self.cancelled[node]);
                if !self.cancelled[node] {
                    self.waiting.push((node, waiting));
                }
            }
            Step::Cancel(_) => {
                assert_eq!(token.cancel(), !self.cancelled[node]);
                self.cancelled[node] = true;
                // Parents come before their children.
                for node in 0..self.parents.len() {
                    let from_above = self.parents[node].is_some_and(|above| self.cancelled[above]);
                    self.cancelled[node] |= from_above;
                }
            }
            Step::PollWait(..) | Step::DropWait(_) => unreachable!("it is about no token"),
        }
    }

    fn check(&self) {
        for (node, token) in &self.handles {
            assert_eq!(token.is_cancelled(), self.cancelled[*node]);
        }
        for (node, waiting) in &self.waiting {
            assert_eq!(waiting.wakes(), usize::from(self.cancelled[*node]));
        }
    }
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(steps in prop::collection::vec(step(), 1..80)) {
        let mut model = Model::default();
        model.add(None, CancellationToken::new());
        for step in &steps {
            model.run(step);
            model.check();
        }
    }
}

#[test]
fn thread_safety_is_as_promised() {
    fn shared<T: Send + Sync + Unpin>() {}
    shared::<CancellationToken>();
    shared::<DropGuard>();
    shared::<UntilCancelled<'static>>();
    shared::<UntilCancelledOwned>();
}
