//! The tree of cancellation tokens as pure data: branches in a slab, linked by index, nothing
//! recursive.
//!
//! A branch whose token was dropped goes when it has no children, and is bridged when it has
//! one, so that there are at most twice as many branches as tokens, and a chain that grows at
//! one end while it is dropped at the other stays short. With more children it stays, so that
//! dropping a token never costs more than a step per branch that goes.

use slab::Slab;

const NIL: usize = usize::MAX;

/// A tree whose tokens are `N`s.
pub(super) struct Tree<N> {
    branches: Slab<Branch<N>>,
}

struct Branch<N> {
    parent: usize,
    first_child: usize,
    last_child: usize,
    prev: usize,
    next: usize,
    /// `None` once the token was dropped.
    token: Option<N>,
}

impl<N> Tree<N> {
    pub(super) const fn new() -> Self {
        Self {
            branches: Slab::new(),
        }
    }

    /// The branch of the token that is planted or added next.
    pub(super) fn next_branch(&self) -> usize {
        self.branches.vacant_key()
    }

    /// Plants a token without a parent.
    pub(super) fn add_root(&mut self, token: N) -> usize {
        self.branches.insert(Branch {
            parent: NIL,
            first_child: NIL,
            last_child: NIL,
            prev: NIL,
            next: NIL,
            token: Some(token),
        })
    }

    /// Adds a token as the last child of `parent`.
    pub(super) fn add_child(&mut self, parent: usize, token: N) -> usize {
        let index = self.add_root(token);
        let last = self.branches[parent].last_child;
        self.branches[index].parent = parent;
        self.branches[index].prev = last;
        match self.branches.get_mut(last) {
            Some(last) => last.next = index,
            None => self.branches[parent].first_child = index,
        }
        self.branches[parent].last_child = index;
        index
    }

    /// The token of this branch was dropped: takes it out.
    pub(super) fn drop_token(&mut self, index: usize) -> Option<N> {
        let token = self.branches[index].token.take();
        self.tidy(index);
        token
    }

    /// Takes a branch out with everything below it: parents before children, children in the
    /// order of their creation.
    pub(super) fn cut(&mut self, index: usize) -> Vec<N> {
        let parent = self.branches[index].parent;
        self.unlink(index);
        let mut found = vec![index];
        let mut looked_at = 0;
        while let Some(&next) = found.get(looked_at) {
            looked_at += 1;
            let mut child = self.branches[next].first_child;
            while let Some(branch) = self.branches.get(child) {
                found.push(child);
                child = branch.next;
            }
        }
        let tokens = found
            .into_iter()
            .filter_map(|index| self.branches.remove(index).token)
            .collect();
        self.tidy(parent);
        tokens
    }

    /// Removes or bridges a branch without a token, and then its parent, if that has become
    /// superfluous by it, and so on.
    fn tidy(&mut self, mut index: usize) {
        while let Some(branch) = self.branches.get(index) {
            if branch.token.is_some() || branch.first_child != branch.last_child {
                return;
            }
            let parent = branch.parent;
            match branch.first_child {
                NIL => self.unlink(index),
                child => self.bridge(index, child),
            }
            self.branches.remove(index);
            index = parent;
        }
    }

    /// Puts the only child in its parent's place.
    fn bridge(&mut self, index: usize, child: usize) {
        let Branch {
            parent, prev, next, ..
        } = self.branches[index];
        let only = &mut self.branches[child];
        (only.parent, only.prev, only.next) = (parent, prev, next);
        self.link_neighbours(parent, prev, next, child, child);
    }

    /// Takes a branch out of its parent's children.
    fn unlink(&mut self, index: usize) {
        let Branch {
            parent, prev, next, ..
        } = self.branches[index];
        self.link_neighbours(parent, prev, next, next, prev);
    }

    /// Lets what stood before a place point to `first`, and what stood after it to `last`.
    fn link_neighbours(
        &mut self,
        parent: usize,
        prev: usize,
        next: usize,
        first: usize,
        last: usize,
    ) {
        if parent == NIL {
            return;
        }
        match self.branches.get_mut(prev) {
            Some(before) => before.next = first,
            None => self.branches[parent].first_child = first,
        }
        match self.branches.get_mut(next) {
            Some(after) => after.prev = last,
            None => self.branches[parent].last_child = last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NIL, Tree};
    use proptest::prelude::*;

    /// The same tree as a list of parents, from which nothing is ever taken out.
    #[derive(Default)]
    struct Model {
        parents: Vec<Option<usize>>,
        alive: Vec<bool>,
        cut: Vec<bool>,
    }

    impl Model {
        fn add(&mut self, parent: Option<usize>) -> usize {
            self.parents.push(parent);
            self.alive.push(true);
            self.cut.push(false);
            self.parents.len() - 1
        }

        fn below(&self, mut node: usize, top: usize) -> bool {
            loop {
                if node == top {
                    return true;
                }
                let Some(parent) = self.parents[node] else {
                    return false;
                };
                node = parent;
            }
        }

        /// The tokens that `cut(top)` has to give.
        fn cut(&mut self, top: usize) -> Vec<usize> {
            let nodes = (0..self.parents.len()).filter(|&node| self.below(node, top));
            let given: Vec<_> = nodes.filter(|&node| !self.cut[node]).collect();
            given.iter().for_each(|&node| self.cut[node] = true);
            given.into_iter().filter(|&node| self.alive[node]).collect()
        }
    }

    /// Checks every link, and that there are no superfluous branches.
    fn check_shape(tree: &Tree<usize>) {
        let tokens = tree.branches.iter().filter(|(_, b)| b.token.is_some());
        assert!(tree.branches.len() <= 2 * tokens.count());
        for (index, branch) in &tree.branches {
            let mut children = 0;
            let mut before = NIL;
            let mut child = branch.first_child;
            while child != NIL {
                assert_eq!(tree.branches[child].parent, index);
                assert_eq!(tree.branches[child].prev, before);
                before = child;
                child = tree.branches[child].next;
                children += 1;
            }
            assert_eq!(branch.last_child, before);
            assert!(branch.token.is_some() || children >= 2, "superfluous");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn agrees_with_a_list_of_parents(
            steps in prop::collection::vec((0u8..8, any::<prop::sample::Index>()), 1..60),
        ) {
            let mut tree = Tree::new();
            let mut model = Model::default();
            let mut indices = vec![tree.add_root(model.add(None))];
            for (what, which) in steps {
                let live: Vec<_> = (0..indices.len())
                    .filter(|&node| model.alive[node] && !model.cut[node])
                    .collect();
                if live.is_empty() {
                    break;
                }
                let node = live[which.index(live.len())];
                match what {
                    0..4 => {
                        let child = model.add(Some(node));
                        indices.push(tree.add_child(indices[node], child));
                    }
                    4..7 => {
                        model.alive[node] = false;
                        prop_assert_eq!(tree.drop_token(indices[node]), Some(node));
                    }
                    _ => {
                        let mut given = tree.cut(indices[node]);
                        prop_assert_eq!(given[0], node);
                        given.sort_unstable();
                        prop_assert_eq!(given, model.cut(node));
                    }
                }
                check_shape(&tree);
            }
        }
    }

    #[test]
    fn a_chain_that_is_dropped_behind_stays_short() {
        let mut tree = Tree::new();
        let mut last = tree.add_root(0);
        for n in 1..1000 {
            let next = tree.add_child(last, n);
            assert_eq!(tree.drop_token(last), Some(n - 1));
            last = next;
            assert_eq!(tree.branches.len(), 1);
        }
    }

    #[test]
    fn cut_gives_parents_first_and_children_in_order() {
        let mut tree = Tree::new();
        let root = tree.add_root("root");
        let a = tree.add_child(root, "a");
        let b = tree.add_child(root, "b");
        tree.add_child(b, "b1");
        tree.add_child(a, "a1");
        // A bridged branch leaves its child in its own place.
        tree.drop_token(a);
        assert_eq!(tree.cut(root), ["root", "a1", "b", "b1"]);
        assert!(tree.branches.is_empty());
    }
}
