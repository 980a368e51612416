//! Text: what words, names, addresses and numbers say, whatever their script, spelling and language.
//!
//! Pure functions of a `&str`, without I/O, clock or regular expressions. Whatever is stored (history under a
//! [`normalized_name`], weights for [`hashed_ngrams`]) rests on their exact output, so the tables of Unicode are those of
//! the crates' exact versions in `Cargo.toml`.

mod address;
mod email;
mod learner;
mod letter;
mod lexicon;
mod memo;
mod model;
mod name;
mod ngrams;
mod phone;
mod romanized;
mod scratch;
mod script;
mod tokens;
mod weights;
mod word_bag;
mod word_map;

pub use address::{normalized_address, write_normalized_address};
pub use email::{has_free_domain, normalized_email};
pub use learner::{TextLearner, TextLearnerParams};
pub use lexicon::{Chapters, Generic, Words};
pub use model::{InvalidTextModel, TextModel};
pub use name::{Name, normalized_name};
pub use ngrams::{N_SLOTS, hashed_ngrams, hashed_ngrams_of_kept};
pub use phone::{Phone, normalized_phone};
pub use scratch::Scratch;
pub use script::Characters;
pub use tokens::{Han, Tokens};
pub use weights::TextWeights;
