//! How a table is stored, by its file's ending.

use std::path::Path;

/// Whether a table of this name says of its rows what was found too: JSON lines are parcels alone.
pub fn holds_labels(path: &Path) -> bool {
    matches!(Format::of(path), Some(Format::Csv { .. } | Format::Parquet))
}

/// How a table is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv {
        gz: bool,
    },
    JsonLines,
    Parquet,
    /// JSON lines on standard input or output.
    StandardStream,
}

impl Format {
    /// `None` where the ending says nothing.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if path.as_os_str() == "-" {
            return Some(Self::StandardStream);
        }
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let endings = [
            (".csv", Self::Csv { gz: false }),
            (".csv.gz", Self::Csv { gz: true }),
            (".jsonl", Self::JsonLines),
            (".parquet", Self::Parquet),
        ];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }
}
