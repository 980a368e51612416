//! Up to seven splits of one tree, and a table that says where a row leaves them.

use super::CompiledTrees;
use super::compiled::CompiledNode;

/// Most splits of a block: one bit each, so that a table of all their outcomes stays small.
const MAX_SPLITS: usize = 7;

/// Where a row leaves a block, for each way that it may go at its splits: bit `n` is set where it goes right at split `n`.
///
/// Splits are numbered from the top, left before right, and so are the ends. So trees of one shape have one table.
pub(super) type Ends = [u8; 1 << MAX_SPLITS];

/// A part of a tree that hangs together.
pub(super) struct Block<'a> {
    /// Its splits, by their numbers.
    pub(super) splits: Vec<&'a CompiledNode>,
    /// What is below it, from left to right: leaves, and splits that belong to other blocks. One more than its splits.
    pub(super) below: Vec<&'a CompiledNode>,
    pub(super) ends: Ends,
}

/// What a row comes to after a split: another of the block, or one of its ends.
#[derive(Clone, Copy)]
enum Next {
    Split(usize),
    End(u8),
}

impl<'a> Block<'a> {
    /// The block that begins with a node: the splits from there on that most rows come to.
    pub(super) fn new(trees: &'a CompiledTrees, top: &'a CompiledNode) -> Self {
        let mut inside = Vec::with_capacity(MAX_SPLITS);
        let mut open = vec![top];
        while inside.len() < MAX_SPLITS {
            let splits = open.iter().enumerate().filter(|(_, node)| !node.is_leaf());
            let Some((busiest, _)) = splits.max_by(|(_, a), (_, b)| a.cover.total_cmp(&b.cover)) else { break };
            let split = open.swap_remove(busiest);
            inside.push(split.children);
            open.extend(trees.children(split));
        }
        let mut block = Self { splits: Vec::new(), below: Vec::new(), ends: [0; 1 << MAX_SPLITS] };
        let mut ways = Vec::with_capacity(inside.len());
        let first = block.place(trees, top, &inside, &mut ways);
        for (turns, end) in block.ends.iter_mut().enumerate() {
            let mut next = first;
            while let Next::Split(split) = next {
                next = ways[split][turns >> split & 1];
            }
            if let Next::End(reached) = next {
                *end = reached;
            }
        }
        block
    }

    /// Whether most rows go right at a split.
    pub(super) fn usually_right(trees: &CompiledTrees, split: &CompiledNode) -> bool {
        let [left, right] = trees.children(split);
        right.cover > left.cover
    }

    /// Numbers a node and all below it; `ways` takes what comes after each split.
    fn place(
        &mut self,
        trees: &'a CompiledTrees,
        node: &'a CompiledNode,
        inside: &[u32],
        ways: &mut Vec<[Next; 2]>,
    ) -> Next {
        // A pair has one parent, so it names its split.
        if node.is_leaf() || !inside.contains(&node.children) {
            self.below.push(node);
            return Next::End((self.below.len() - 1) as u8);
        }
        let split = self.splits.len();
        self.splits.push(node);
        ways.push([Next::End(0); 2]);
        for (side, child) in trees.children(node).iter().enumerate() {
            ways[split][side] = self.place(trees, child, inside, ways);
        }
        Next::Split(split)
    }
}
