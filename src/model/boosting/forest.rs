//! The same margins, of several models over the same features, from one pass over the features.
//!
//! At most splits most rows go the same way, which the weights of the training rows tell. So a tree is laid out as a byte that
//! says how a usual row goes at each of its splits, and a row turns the bits of those at which it goes another way. The splits of
//! all trees are sorted by feature and threshold, those at which rows usually go left apart from the others, so that for
//! each value only what it turns is gone through. What a tree's byte leads to stands in a table, one for all trees of
//! a shape. Nothing is guessed, and memory is read in order; walked one after another, the trees take several times as long.
//!
//! A tree of more than eight leaves is cut into several such [blocks](super::block).
//!
//! After Lucchese et al. (2015), "QuickScorer", SIGIR, which strikes leaves off for every split that a row goes right at;
//! missing values and turning from what is usual are our addition.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use super::CompiledTrees;
use super::block::Block;
use super::compiled::CompiledNode;

/// Trees of one or more models, laid out to be scored together. Made when a model is loaded, never stored.
#[derive(Clone, Debug)]
pub struct Forest {
    features: Vec<OfFeature>,
    /// Splits at which rows usually go left, by feature, then threshold, the lowest first.
    usually_left: Vec<Turn>,
    /// Splits at which rows usually go right, by feature, then threshold, the highest first.
    usually_right: Vec<Turn>,
    /// By feature: the splits at which a row without a value goes another way than most.
    if_missing: Vec<Turn>,
    /// How a usual row goes in each block; first those that trees begin with, in the order of the trees.
    usual: Vec<u8>,
    leaves: Vec<Leaves>,
    /// The block that comes after each end, 0 after a leaf; empty where each tree is one block.
    after: Vec<[u16; 8]>,
    /// Where a row leaves a block: the tables of all shapes, one after the other.
    ends: Box<[u8; TABLES]>,
    models: Vec<Margin>,
}

/// How a row goes in each block: there is a place for any number of a block, so that none is asked for whether there is.
type Ways = [u8; 1 << u16::BITS];

thread_local! {
    static WAYS: RefCell<Box<Ways>> = RefCell::new(Box::new([0; 1 << u16::BITS]));
}

/// Trees of the first model for one of another: about as many more as it has.
const BESIDE: usize = 2;

/// Bytes of all tables: trees of up to seven splits have 626 shapes, and a table has 128 bytes.
const TABLES: usize = 1 << 17;

/// The splits on one feature, as places among all of each kind.
#[derive(Clone, Debug)]
struct OfFeature {
    feature: usize,
    usually_left: Range<usize>,
    usually_right: Range<usize>,
    if_missing: Range<usize>,
}

/// A split, as the bit that a row turns.
#[derive(Clone, Copy, Debug)]
struct Turn {
    threshold: f32,
    block: u16,
    bit: u8,
}

/// What a block ends in.
#[derive(Clone, Copy, Debug)]
struct Leaves {
    /// Where the table of the block's shape begins.
    table: u32,
    /// Value of each leaf; 0 where another block comes after.
    values: [f32; 8],
}

/// What a model's margin is summed from.
#[derive(Clone, Copy, Debug)]
struct Margin {
    base_score: f64,
    /// Where its trees end; they begin where those of the model before ended.
    end: usize,
}

/// A split with what it is sorted by.
struct Placed {
    feature: u16,
    missing_right: bool,
    usually_right: bool,
    turn: Turn,
}

impl Forest {
    /// Lays out models that have been [checked](CompiledTrees::check); `None` where there are more splits than anybody fits.
    pub fn new<'a>(models: impl IntoIterator<Item = &'a CompiledTrees>) -> Option<Self> {
        let models: Vec<_> = models.into_iter().collect();
        let mut forest = Self {
            features: Vec::new(),
            usually_left: Vec::new(),
            usually_right: Vec::new(),
            if_missing: Vec::new(),
            usual: Vec::new(),
            leaves: Vec::new(),
            after: Vec::new(),
            ends: Box::new([0; TABLES]),
            models: Vec::new(),
        };
        let n_splits = models.iter().map(|trees| trees.pairs.len()).sum();
        let mut tops = Vec::new();
        for trees in models {
            tops.extend(trees.roots.iter().map(|root| (trees, root)));
            forest.models.push(Margin { base_score: trees.base_score, end: tops.len() });
        }
        let n_trees = tops.len();
        let placed = forest.place(tops, n_splits)?;
        if forest.leaves.len() == n_trees {
            forest.after.clear();
        }
        forest.sort(placed);
        Some(forest)
    }

    /// Cuts trees into blocks.
    fn place<'a>(
        &mut self,
        mut tops: Vec<(&'a CompiledTrees, &'a CompiledNode)>,
        n_splits: usize,
    ) -> Option<Vec<Placed>> {
        let mut placed = Vec::with_capacity(n_splits);
        let mut shapes = HashMap::new();
        let mut at = 0;
        while let Some(&(trees, top)) = tops.get(at) {
            let block = Block::new(trees, top);
            let place = u16::try_from(at).ok()?;
            let mut usual = 0;
            for (number, split) in block.splits.iter().enumerate() {
                let usually_right = Block::usually_right(trees, split);
                let bit = 1 << number;
                usual |= if usually_right { bit } else { 0 };
                let turn = Turn { threshold: split.number, block: place, bit };
                let (feature, missing_right) = (split.feature, split.missing_right);
                placed.push(Placed { feature, missing_right, usually_right, turn });
            }
            let (mut values, mut after) = ([0.0; 8], [0; 8]);
            for ((value, after), node) in values.iter_mut().zip(&mut after).zip(block.below) {
                if node.is_leaf() {
                    *value = node.number;
                } else {
                    *after = u16::try_from(tops.len()).ok()?;
                    tops.push((trees, node));
                }
            }
            let table = shapes.len() * block.ends.len();
            let table = *shapes.entry(block.ends).or_insert(table);
            self.ends.get_mut(table..table + block.ends.len())?.copy_from_slice(&block.ends);
            self.usual.push(usual);
            self.leaves.push(Leaves { table: u32::try_from(table).ok()?, values });
            self.after.push(after);
            at += 1;
        }
        Some(placed)
    }

    fn sort(&mut self, mut placed: Vec<Placed>) {
        placed.sort_by(|a, b| a.feature.cmp(&b.feature).then(a.turn.threshold.total_cmp(&b.turn.threshold)));
        for of_feature in placed.chunk_by(|a, b| a.feature == b.feature) {
            let Some(first) = of_feature.first() else { continue };
            let of = |usually_right| of_feature.iter().filter(move |placed| placed.usually_right == usually_right);
            let if_missing = of_feature.iter().filter(|placed| placed.usually_right != placed.missing_right);
            self.features.push(OfFeature {
                feature: usize::from(first.feature),
                usually_left: extended(&mut self.usually_left, of(false)),
                usually_right: extended(&mut self.usually_right, of(true).rev()),
                if_missing: extended(&mut self.if_missing, if_missing),
            });
        }
    }

    /// The margin of each model, in log-odds, as [`CompiledTrees::margin`] gives it, to the bit.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    ///
    /// # Panics
    /// If the row is shorter than the features that the trees ask for.
    pub fn margins(&self, values: &[f32]) -> Vec<f64> {
        WAYS.with_borrow_mut(|ways| {
            self.turn_all(values, ways);
            if self.after.is_empty() { self.sums_of_blocks(ways) } else { self.sums(ways) }
        })
    }

    /// How a row goes in each block, in the first of `ways`.
    fn turn_all(&self, values: &[f32], ways: &mut Ways) {
        if let Some(ways) = ways.get_mut(..self.usual.len()) {
            ways.copy_from_slice(&self.usual);
        }
        for of in &self.features {
            let value = values[of.feature];
            if value.is_nan() {
                self.if_missing[of.if_missing.clone()].iter().for_each(|split| turn(ways, split));
            } else {
                turn_while(ways, &self.usually_left[of.usually_left.clone()], |threshold| value > threshold);
                turn_while(ways, &self.usually_right[of.usually_right.clone()], |threshold| value <= threshold);
            }
        }
    }

    /// Sums the leaves of each model in the order of the trees, which a sum of floats depends on.
    fn sums(&self, ways: &Ways) -> Vec<f64> {
        let mut begin = 0;
        let sum = |model: &Margin| {
            let trees = begin..model.end;
            begin = model.end;
            trees.fold(model.base_score, |margin, tree| margin + f64::from(self.value(ways, tree)))
        };
        self.models.iter().map(sum).collect()
    }

    /// As [`Forest::sums`], where each tree is one block. An addition waits for the one before it, and the first model has more
    /// trees than the others: so its sum goes on beside theirs.
    fn sums_of_blocks(&self, ways: &Ways) -> Vec<f64> {
        let mut sums = Vec::with_capacity(self.models.len());
        let Some((first, others)) = self.models.split_first() else { return sums };
        let value = |leaves: &Leaves, way: u8| f64::from(leaves.values[self.end(leaves, way)]);
        let sum = |sum: f64, trees: Range<usize>| {
            let tops = self.leaves[trees.clone()].iter().zip(&ways[trees]);
            tops.fold(sum, |sum, (leaves, way)| sum + value(leaves, *way))
        };
        let (mut of_first, mut next, mut begin) = (first.base_score, 0, first.end);
        sums.push(of_first);
        for model in others {
            let n = (model.end - begin).min((first.end - next) / BESIDE);
            let (own, beside) = (begin..begin + n, next..next + n * BESIDE);
            let own_tops = self.leaves[own.clone()].iter().zip(&ways[own]);
            let leaves = self.leaves[beside.clone()].as_chunks::<BESIDE>().0;
            let beside_tops = leaves.iter().zip(ways[beside].as_chunks::<BESIDE>().0);
            let mut of_model = model.base_score;
            for ((leaves, way), (leaves_beside, ways_beside)) in own_tops.zip(beside_tops) {
                of_model += value(leaves, *way);
                for (leaves, way) in leaves_beside.iter().zip(ways_beside) {
                    of_first += value(leaves, *way);
                }
            }
            sums.push(sum(of_model, begin + n..model.end));
            (begin, next) = (model.end, next + n * BESIDE);
        }
        sums[0] = sum(of_first, next..first.end);
        sums
    }

    /// By which end a row leaves a block that it goes through by `way`.
    fn end(&self, leaves: &Leaves, way: u8) -> usize {
        // Tables begin at multiples of their size, and none has another end.
        usize::from(self.ends[(leaves.table | u32::from(way)) as usize % TABLES] % 8)
    }

    /// Value of the leaf that a row comes to from the top of a block, where blocks may come after it.
    fn value(&self, ways: &Ways, mut block: usize) -> f32 {
        loop {
            let end = self.end(&self.leaves[block], ways[block]);
            match self.after[block][end] {
                0 => return self.leaves[block].values[end],
                after => block = usize::from(after),
            }
        }
    }
}

fn turn(ways: &mut Ways, split: &Turn) {
    ways[usize::from(split.block)] ^= split.bit;
}

/// Turns splits until the value does not lie beyond a threshold; it lies beyond no later one then.
fn turn_while(ways: &mut Ways, mut splits: &[Turn], is_beyond: impl Fn(f32) -> bool) {
    // Beyond the last of some is beyond them all.
    while let Some((several, others)) = splits.split_first_chunk::<8>()
        && is_beyond(several[7].threshold)
    {
        several.iter().for_each(|split| turn(ways, split));
        splits = others;
    }
    splits.iter().take_while(|split| is_beyond(split.threshold)).for_each(|split| turn(ways, split));
}

/// Where the turns of some splits stand, once they are put behind `all`.
fn extended<'a>(all: &mut Vec<Turn>, of: impl Iterator<Item = &'a Placed>) -> Range<usize> {
    let begin = all.len();
    all.extend(of.map(|placed| placed.turn));
    begin..all.len()
}
