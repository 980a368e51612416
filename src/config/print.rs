//! The effective configuration as a text that can be read back.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::layers::leaves;
use super::{Loaded, Origin};

impl Loaded {
    /// The configuration as TOML, each value with where it comes from.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut section = String::new();
        leaves("", &self.tree, &mut |key, value| {
            let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
            if table != section {
                let blank = if section.is_empty() { "" } else { "\n" };
                let _ = writeln!(text, "{blank}[{table}]");
                section = table.to_owned();
            }
            let origin = self.origins.get(key).unwrap_or(&Origin::Default).to_string();
            // A path may hold a line break, which would end the comment.
            let origin = origin.replace(char::is_control, "\u{fffd}");
            let _ = writeln!(text, "{name} = {} # {origin}", inline(value));
        });
        text
    }
}

/// A value on one line; `toml` writes tables over several.
fn inline(value: &Value) -> String {
    match value {
        Value::Table(table) => {
            let entries: Vec<String> = table.iter().map(|(name, value)| entry(name, value)).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        value => value.to_string(),
    }
}

/// One entry of an inline table. A file may hold keys that need quotes, and `toml` knows which.
fn entry(name: &str, value: &Value) -> String {
    Table::from_iter([(name.to_owned(), value.clone())]).to_string().trim_end().to_owned()
}
