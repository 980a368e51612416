//! Named lists that rules look things up in.

use std::collections::HashSet;

use super::PolicyError;
use super::file::{ListKind, ListSpec};
use crate::text::{normalized_address, normalized_name, normalized_phone};

/// A list, with its entries as they are compared.
#[derive(Clone, Debug)]
pub(super) struct NamedList {
    kind: ListKind,
    entries: HashSet<String>,
}

impl NamedList {
    /// Reads one entry a line; blank lines and lines that begin with `#` are none.
    pub(super) fn parse(spec: &ListSpec, text: &str) -> Result<Self, PolicyError> {
        let mut entries = HashSet::new();
        for (idx, line) in text.lines().enumerate() {
            let entry = line.trim();
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            let error = |what| PolicyError::ListEntry { name: spec.name.clone(), line: idx + 1, what };
            if spec.kind == ListKind::Hs && !(entry.bytes().all(|byte| byte.is_ascii_digit()) && entry.len() <= 10) {
                return Err(error("an HS code is 1 to 10 digits"));
            }
            entries.insert(comparable(spec.kind, entry).ok_or_else(|| error("nothing is left of it to compare"))?);
        }
        Ok(Self { kind: spec.kind, entries })
    }

    pub(super) fn has(&self, value: &str) -> bool {
        match self.kind {
            // Every beginning of a code stands for all codes below it.
            ListKind::Hs => (1..=value.len()).filter_map(|end| value.get(..end)).any(|it| self.entries.contains(it)),
            kind => comparable(kind, value).is_some_and(|it| self.entries.contains(&it)),
        }
    }
}

fn comparable(kind: ListKind, text: &str) -> Option<String> {
    match kind {
        ListKind::Code | ListKind::Hs => Some(text.trim().to_uppercase()).filter(|code| !code.is_empty()),
        ListKind::Name => normalized_name(text),
        ListKind::Phone => normalized_phone(text, None),
        ListKind::Address => {
            let mut parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
            normalized_address(parts.next(), parts.next(), parts.next(), parts.next())
        }
    }
}
