//! Room to read in.

use super::memo::Memo;
use super::tokens::Tokens;
use super::word_bag::WordBag;

/// Room to read texts in, one after another, so that only the first of them ask for memory. What was read before changes
/// nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) tokens: Tokens,
    pub(super) words: WordBag,
    /// Words of towns.
    pub(super) towns: Memo,
}
