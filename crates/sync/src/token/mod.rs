//! A tree of tokens by which code asks other code to stop.

mod tree;
mod until;

pub use until::{UntilCancelled, UntilCancelledOwned};

use crate::poll::Wakes;
use crate::wait_list::{Status, WaitList};
use crate::who::{Crowd, Who};
use std::fmt;
use std::sync::Arc;
use tree::Tree;
use weftwork_std_or_loom::Lock;
use weftwork_std_or_loom::atomic::{AtomicUsize, Ordering::Relaxed};
use weftwork_task_context::{CancelSource, Cancelled};

/// Says to everybody who holds it, or one of its descendants, that they should stop.
///
/// Clones are the same token. A [`child`](Self::child) is cancelled with its parent, also when
/// the tokens in between have been dropped; a cancelled child does nothing to its parent.
/// Cancelling is final, and dropping a token cancels nothing (a [`DropGuard`] does).
///
/// It takes 1e6 children, or a chain of 1e6 generations, without recursion. Whoever makes or drops a
/// token of the same tree waits while a cancel cuts off what is below: some 50 ms for 1e6 tokens.
///
/// ```
/// use weftwork_sync::CancellationToken;
/// # futures::executor::block_on(async {
/// let server = CancellationToken::new();
/// let request = server.child();
/// server.cancel_with("shutting down");
/// request.cancelled().await;
/// assert_eq!(request.reason().unwrap().msg(), Some("shutting down"));
/// # });
/// ```
#[doc(alias = "CancelScope")]
pub struct CancellationToken {
    node: Arc<Node>,
}

/// What the clones of a token share, and the tree knows until it is cancelled or the last clone is
/// dropped.
struct Node {
    /// The tree that it stands in. Its lock comes before those of its nodes.
    tree: Arc<Lock<Tree<Arc<Node>>>>,
    /// Its branch, which is there until it is cancelled.
    branch: usize,
    /// How many clones there are. It orders nothing: whoever drops the last one takes the tree's
    /// lock, which all that was done by the others has taken before.
    clones: AtomicUsize,
    state: Lock<NodeState>,
}

/// What a node's lock guards.
struct NodeState {
    /// Some once cancelled; set only while the tree is locked, together with taking the branch
    /// out of it.
    cause: Option<Cancelled>,
    /// Nobody is in the line once it is cancelled.
    waiters: WaitList<()>,
}

/// Cancels a token when it is dropped; made by [`CancellationToken::drop_guard`].
#[derive(Debug)]
#[must_use = "the token is cancelled when this is dropped"]
pub struct DropGuard {
    token: Option<CancellationToken>,
    /// It names the place where the guard was made: a drop has no better one.
    cause: Cancelled,
}

impl CancellationToken {
    /// A token without a parent.
    #[must_use]
    pub fn new() -> Self {
        let tree = Arc::new(Lock::new(Tree::new()));
        let node = {
            let mut branches = tree.lock();
            let node = Node::new(&tree, branches.next_branch(), None);
            branches.add_root(Arc::clone(&node));
            node
        };
        Self { node }
    }

    /// A token that is cancelled when this one is. The child of a cancelled token is cancelled
    /// from the start, with the same reason.
    #[must_use]
    #[doc(alias = "child_token")]
    pub fn child(&self) -> Self {
        let Node { tree, branch, .. } = &*self.node;
        let mut branches = tree.lock();
        let cause = self.node.cause();
        let is_cancelled = cause.is_some();
        let node = Node::new(tree, branches.next_branch(), cause);
        if !is_cancelled {
            branches.add_child(*branch, Arc::clone(&node));
        }
        drop(branches);
        Self { node }
    }

    /// Cancels it and everything below it, and wakes those who wait for that. False if it had
    /// been cancelled before.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.node.cancel(&Cancelled::new(None, CancelSource::Token))
    }

    /// As [`cancel`](Self::cancel), with a message for [`reason`](Self::reason). The first
    /// reason stands.
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<String>) -> bool {
        let reason = Some(reason.into());
        self.node
            .cancel(&Cancelled::new(reason, CancelSource::Token))
    }

    /// True once it or a token above it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.node.state.lock().cause.is_some()
    }

    /// Where and with what message it was cancelled; `None` if it was not.
    #[must_use]
    pub fn reason(&self) -> Option<Cancelled> {
        self.node.cause()
    }

    /// Who waits for the cancel of this very token at this moment; not of those below it.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.node.state.lock().waiters.who()
    }

    /// Waits until it is cancelled.
    ///
    /// # Cancel safety
    /// The future can be dropped at any time.
    pub fn cancelled(&self) -> UntilCancelled<'_> {
        UntilCancelled::new(self)
    }

    /// As [`cancelled`](Self::cancelled), with a future that owns the token.
    pub fn cancelled_owned(self) -> UntilCancelledOwned {
        UntilCancelledOwned::new(self)
    }

    /// Runs `future` until it ends, or drops it when the token is cancelled: `None`.
    ///
    /// If the token was cancelled before, `future` is never polled. If both happen at once, the
    /// value of the future wins.
    ///
    /// ```
    /// # use weftwork_sync::CancellationToken;
    /// # futures::executor::block_on(async {
    /// let token = CancellationToken::new();
    /// assert_eq!(token.run_until_cancelled(async { 1 }).await, Some(1));
    /// token.cancel();
    /// assert_eq!(token.run_until_cancelled(async { 1 }).await, None);
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// As safe as `future`.
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        until::run_until(self.cancelled(), future).await
    }

    /// Cancels the token when the guard is dropped; the place that [`reason`](Self::reason)
    /// names is that of this call.
    ///
    /// ```
    /// # use weftwork_sync::CancellationToken;
    /// let token = CancellationToken::new();
    /// drop(token.clone().drop_guard());
    /// assert!(token.is_cancelled());
    /// ```
    #[track_caller]
    pub fn drop_guard(self) -> DropGuard {
        DropGuard {
            token: Some(self),
            cause: Cancelled::new(None, CancelSource::Token),
        }
    }
}

impl DropGuard {
    /// Gives the token back without cancelling it.
    #[must_use]
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("it is taken only once")
    }
}

impl Node {
    fn new(
        tree: &Arc<Lock<Tree<Arc<Self>>>>,
        branch: usize,
        cause: Option<Cancelled>,
    ) -> Arc<Self> {
        let waiters = WaitList::new();
        Arc::new(Self {
            tree: Arc::clone(tree),
            branch,
            clones: AtomicUsize::new(1),
            state: Lock::new(NodeState { cause, waiters }),
        })
    }

    fn cause(&self) -> Option<Cancelled> {
        self.state.lock().cause.clone()
    }

    fn cancel(&self, cause: &Cancelled) -> bool {
        let mut wakes = Wakes::default();
        let cut = {
            let mut tree = self.tree.lock();
            if self.cause().is_some() {
                return false;
            }
            let cut = tree.cut(self.branch);
            for node in &cut {
                let mut state = node.state.lock();
                state.cause = Some(cause.clone());
                state.waiters.settle_waiting(Status::Granted, &mut wakes);
            }
            cut
        };
        wakes.wake();
        drop(cut);
        true
    }
}

impl Clone for CancellationToken {
    fn clone(&self) -> Self {
        self.node.clones.fetch_add(1, Relaxed);
        let node = Arc::clone(&self.node);
        Self { node }
    }
}

impl Drop for CancellationToken {
    fn drop(&mut self) {
        let Node {
            tree,
            branch,
            clones,
            state,
        } = &*self.node;
        let is_last = clones.fetch_sub(1, Relaxed) == 1;
        // Once cancelled, always cancelled: the tree knows it no more.
        if !is_last || state.lock().cause.is_some() {
            return;
        }
        let token = {
            let mut tree = tree.lock();
            if state.lock().cause.is_some() {
                return;
            }
            tree.drop_token(*branch)
        };
        drop(token);
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.node.cancel(&self.cause);
        }
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken")
            .field("cancelled", &self.reason())
            .field("waiters", &Crowd(self.waiters()))
            .finish_non_exhaustive()
    }
}
