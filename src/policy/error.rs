//! Why a policy is refused, as a whole.

/// What is wrong with a policy; nothing of it is used then.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// It does not read as TOML, or has a key that there is none of.
    #[error("{0}")]
    Toml(String),
    /// A value is out of range.
    #[error("{key}: must be {expected}")]
    Value {
        /// The key, such as `random_control.share`.
        key: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Two things have one name.
    #[error("{what} \"{name}\": there are two of this name")]
    Twice {
        /// A stream, a list or a rule.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Something is drawn, and there is no key.
    #[error(
        "{what}: draws need a key, so that nobody can foretell them: set key_file to a file of at least 32 random bytes"
    )]
    NoKey {
        /// What is drawn, such as `random_control`.
        what: String,
    },
    /// A list was not given.
    #[error("list \"{name}\": its file was not read")]
    NoList {
        /// The list.
        name: String,
    },
    /// A list has an entry that could never match.
    #[error("list \"{name}\", line {line}: {what}")]
    ListEntry {
        /// The list.
        name: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A rule does not compile.
    #[error("rule \"{rule}\", line {line}, column {column}: {what}")]
    Rule {
        /// The rule.
        rule: String,
        /// Line of its expression, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
}
