//! Features of many rows in less memory than as so many numbers.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::FeatureValues;

/// Features of rows, lossless: to the bit what was added, where no number is missing.
///
/// Rows lie in blocks. In each, a feature of one value takes no room, one of few values a byte a row, and any other four.
#[derive(Clone, Debug)]
pub struct PackedMatrix {
    n_features: usize,
    n_rows: usize,
    /// Full but for the last.
    blocks: Vec<Block>,
    /// Rows that do not fill a block yet, row by row.
    rest: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Block(Vec<Column>);

/// A feature in the rows of a block.
#[derive(Clone, Debug)]
enum Column {
    /// The same in all rows.
    One(f32),
    /// Which of the values each row has.
    Few { values: Box<[f32]>, codes: Box<[u8]> },
    /// Each row's own.
    Many(Box<[f32]>),
}

/// As many as a replay gives at a time.
const BLOCK_ROWS: usize = 4096;
/// Values that a byte can tell apart.
const MAX_FEW: usize = 256;

impl PackedMatrix {
    /// One without rows.
    pub fn new(n_features: usize) -> Self {
        Self { n_features, n_rows: 0, blocks: Vec::new(), rest: Vec::new() }
    }

    /// Rows in it.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Features of each.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Adds rows, by all threads.
    ///
    /// * `values`: shape `(n, n_features)` row by row, NaN where missing.
    pub fn extend(&mut self, values: &[f32]) {
        self.n_rows += values.len() / self.n_features.max(1);
        let a_block = BLOCK_ROWS * self.n_features;
        let mut values = values;
        while !values.is_empty() {
            if self.rest.is_empty() && values.len() >= a_block {
                let (block, later) = values.split_at(a_block);
                self.blocks.push(Block::new(block, self.n_features));
                values = later;
                continue;
            }
            let (more, later) = values.split_at(values.len().min(a_block - self.rest.len()));
            self.rest.extend_from_slice(more);
            values = later;
            if self.rest.len() == a_block {
                self.blocks.push(Block::new(&self.rest, self.n_features));
                self.rest = Vec::new();
            }
        }
    }

    /// A feature of a row.
    pub fn value(&self, row: usize, feature: usize) -> f32 {
        match self.blocks.get(row / BLOCK_ROWS) {
            Some(block) => block.0[feature].value(row % BLOCK_ROWS),
            None => self.rest[(row % BLOCK_ROWS) * self.n_features + feature],
        }
    }

    /// All features of a row, shape `(n_features,)`.
    pub fn row(&self, row: usize) -> Vec<f32> {
        (0..self.n_features).map(|feature| self.value(row, feature)).collect()
    }

    /// A feature of some rows, in their order, added to `out`.
    pub fn column(&self, feature: usize, rows: &[u32], out: &mut Vec<f32>) {
        out.reserve(rows.len());
        let within = |row: &u32| *row as usize % BLOCK_ROWS;
        for rows in rows.chunk_by(|one, other| *one as usize / BLOCK_ROWS == *other as usize / BLOCK_ROWS) {
            let Some(block) = self.blocks.get(rows[0] as usize / BLOCK_ROWS) else {
                out.extend(rows.iter().map(|row| self.rest[within(row) * self.n_features + feature]));
                continue;
            };
            match &block.0[feature] {
                Column::One(value) => out.resize(out.len() + rows.len(), *value),
                Column::Few { values, codes } => {
                    out.extend(rows.iter().map(|row| values[usize::from(codes[within(row)])]));
                }
                Column::Many(values) => out.extend(rows.iter().map(|row| values[within(row)])),
            }
        }
    }
}

impl Block {
    /// * `values`: shape `(BLOCK_ROWS, n_features)` row by row.
    fn new(values: &[f32], n_features: usize) -> Self {
        let rows = ArrayView2::from_shape((BLOCK_ROWS, n_features), values).expect("a block is full");
        let rows = FeatureValues::from(rows);
        let all: Vec<usize> = (0..n_features).collect();
        let columns = all.par_chunks(rows.n_together()).flat_map_iter(|features| rows.columns(features));
        Self(columns.map(Column::new).collect())
    }
}

impl Column {
    fn new(rows: Vec<f32>) -> Self {
        let first = rows.first().copied().unwrap_or(f32::NAN);
        let bits = |value: f32| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
        if rows.iter().all(|value| bits(*value) == bits(first)) {
            return Self::One(first);
        }
        let mut values: Vec<f32> = Vec::new();
        let mut codes = Vec::with_capacity(rows.len());
        // By a hash of the bits: the last value that had it, and its code. Two values of one hash take turns, and a code more.
        let mut known = [(0, 0_u8); 1024];
        let mut is_known = [false; 1024];
        for value in &rows {
            let bits = bits(*value);
            let place = (bits.wrapping_mul(0x9e37_79b1) >> 22) as usize;
            if !(is_known[place] && known[place].0 == bits) {
                if values.len() == MAX_FEW {
                    return Self::Many(rows.into_boxed_slice());
                }
                is_known[place] = true;
                known[place] = (bits, values.len() as u8);
                values.push(*value);
            }
            codes.push(known[place].1);
        }
        Self::Few { values: values.into_boxed_slice(), codes: codes.into_boxed_slice() }
    }

    fn value(&self, row: usize) -> f32 {
        match self {
            Self::One(value) => *value,
            Self::Few { values, codes } => values[usize::from(codes[row])],
            Self::Many(values) => values[row],
        }
    }
}
