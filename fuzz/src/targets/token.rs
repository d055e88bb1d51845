//! A tree of cancellation tokens, whose handles go in any order, against a plain list of parents.

use crate::bytes::Bytes;
use crate::poll::ByHand;
use weftwork_sync::CancellationToken;

struct Node {
    token: Option<CancellationToken>,
    parent: Option<usize>,
    cancelled: bool,
}

#[derive(Default)]
struct Tree(Vec<Node>);

pub(crate) fn run(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let mut tree = Tree::default();
    tree.add(Some(CancellationToken::new()), None);
    let mut waiting = Vec::new();
    while !bytes.is_empty() {
        let (what, at) = (bytes.byte() % 8, bytes.below(tree.0.len()));
        let token = tree.0[at].token.clone();
        match (what, token) {
            (0..=2, Some(token)) => tree.add(Some(token.child()), Some(at)),
            (3, Some(token)) => {
                assert_eq!(token.cancel(), !tree.0[at].cancelled);
                tree.cancel(at);
            }
            (4, _) => tree.0[at].token = None,
            (5 | 6, Some(token)) => {
                let mut wait = ByHand::new(token.cancelled_owned());
                assert_eq!(wait.poll().is_some(), tree.0[at].cancelled);
                if !tree.0[at].cancelled {
                    waiting.push((at, wait));
                }
            }
            (7, _) if !waiting.is_empty() => drop(waiting.swap_remove(at % waiting.len())),
            _ => {}
        }
        for node in &tree.0 {
            let token = node.token.as_ref();
            assert!(token.is_none_or(|token| token.is_cancelled() == node.cancelled));
        }
        for (at, wait) in &waiting {
            assert_eq!(wait.is_woken(), tree.0[*at].cancelled, "who waits at {at}");
        }
    }
}

impl Tree {
    fn add(&mut self, token: Option<CancellationToken>, parent: Option<usize>) {
        let cancelled = parent.is_some_and(|parent| self.0[parent].cancelled);
        self.0.push(Node {
            token,
            parent,
            cancelled,
        });
    }

    /// Children come after their parents.
    fn cancel(&mut self, at: usize) {
        self.0[at].cancelled = true;
        for child in at + 1..self.0.len() {
            let parent = self.0[child].parent;
            self.0[child].cancelled |= parent.is_some_and(|parent| self.0[parent].cancelled);
        }
    }
}
