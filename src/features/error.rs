//! What can be wrong with a feature spec.

/// Why a spec cannot be compiled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidSpec {
    /// A name that the catalogue does not have.
    #[error("{path}: {name:?} is not known{}", nearest.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default())]
    UnknownName {
        /// Where in the spec.
        path: String,
        /// What stands there.
        name: String,
        /// The most similar known name.
        nearest: Option<&'static str>,
    },
    /// Two of the same name.
    #[error("{path}: {name:?} stands twice")]
    Twice {
        /// Where in the spec.
        path: String,
        /// Which name.
        name: String,
    },
    /// A key or a norm that backs off to one that does not stand above it.
    #[error("{path}.back_off: {back_off:?} does not stand above it")]
    BackOff {
        /// What backs off.
        path: String,
        /// What it backs off to.
        back_off: String,
    },
    /// Counterparts counted without saying who they are.
    #[error("keys.{key}.counterpart: must name the parts that make a counterpart, since counterparts are counted")]
    NoCounterpart {
        /// Which key.
        key: String,
    },
    /// A fingerprint that is no key.
    #[error("fingerprint: {name:?} is no key of this spec")]
    Fingerprint {
        /// What stands there.
        name: String,
    },
    /// A number that must be positive.
    #[error("{path}: must be a positive number, got {got}")]
    NotPositive {
        /// Where in the spec.
        path: String,
        /// What stands there.
        got: f64,
    },
}

pub(super) fn positive(path: &str, got: f64) -> Result<(), InvalidSpec> {
    if got.is_finite() && got > 0.0 { Ok(()) } else { Err(InvalidSpec::NotPositive { path: path.to_owned(), got }) }
}

pub(super) fn unknown(path: &str, name: &str, known: impl Iterator<Item = &'static str>) -> InvalidSpec {
    let nearest = known
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known);
    InvalidSpec::UnknownName { path: path.to_owned(), name: name.to_owned(), nearest }
}
