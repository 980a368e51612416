//! One layer over the other, each value with where it comes from.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{fs, io};

use toml::{Table, Value};

use super::{Config, Origin};

/// The effective configuration, and where each value comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    pub(super) tree: Table,
    pub(super) origins: BTreeMap<String, Origin>,
}

/// Why layers do not make a configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("reading the configuration {path}", path = path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("the configuration {path}", path = path.display())]
    Toml {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },
    /// Keys that do not exist, and values that their keys cannot have; never empty.
    #[error("{}", .0.join("\n"))]
    Keys(Vec<String>),
}

const ENVIRONMENT_PREFIX: &str = "PARCEL_RISK_";
/// Variables with the prefix that are no keys: the file's path, the log's level for a quick look,
/// the interpreter that a test runs, and the server that a command asks.
const OTHER_VARIABLES: &[&str] = &["PARCEL_RISK_CONFIG", "PARCEL_RISK_LOG", "PARCEL_RISK_PYTHON", "PARCEL_RISK_SERVER"];
/// A table whose keys are data. A file that sets it replaces it whole, so that rates of two dates
/// never mix.
const FREE_TABLE: &str = "currency.per_base";

impl Loaded {
    /// Layers the defaults, a file, the environment and flags.
    ///
    /// `environment` gives all variables; those without the prefix are not looked at, and so may hold
    /// any bytes. `flags` are keys with their values.
    ///
    /// # Errors
    /// [`LoadError`]; every unknown key and every value that its key cannot have is named, not only the first.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (impl AsRef<OsStr>, impl Into<OsString>)>,
        flags: Vec<(&'static str, Value)>,
    ) -> Result<Self, LoadError> {
        let tree = Table::try_from(Config::default()).expect("the defaults are plain numbers, texts and tables");
        let mut layers = Layers { config: Config::default(), tree, origins: BTreeMap::new(), problems: Vec::new() };
        for key in layers.keys() {
            layers.origins.insert(key, Origin::Default);
        }
        if let Some(path) = file {
            let io = |source| LoadError::Io { path: path.to_owned(), source };
            let text = fs::read_to_string(path).map_err(io)?;
            let table: Table =
                toml::from_str(&text).map_err(|source| LoadError::Toml { path: path.to_owned(), source })?;
            layers.set_from_file(table, &Origin::File(path.to_owned()));
        }
        let by_variable: BTreeMap<String, String> =
            layers.keys().into_iter().map(|key| (variable_of(&key), key)).collect();
        for (name, text) in environment {
            // A name that is no text may still be a misspelt one of ours.
            let name = name.as_ref().to_string_lossy();
            if !name.starts_with(ENVIRONMENT_PREFIX) || OTHER_VARIABLES.contains(&&*name) {
                continue;
            }
            match by_variable.get(&*name) {
                Some(key) => layers.set_from_text(key, text.into(), name.into_owned()),
                None => {
                    let near = nearest(&name, by_variable.keys().map(String::as_str));
                    layers.problems.push(format!("environment {name}: there is no such setting{near}"));
                }
            }
        }
        for (key, value) in flags {
            layers.set(key, value, &Origin::Flag);
        }
        let Layers { config, tree, origins, problems } = layers;
        if problems.is_empty() { Ok(Self { config, tree, origins }) } else { Err(LoadError::Keys(problems)) }
    }

    /// Where the value of a key comes from.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }
}

/// What is layered so far: `config` is always `tree` as read.
struct Layers {
    config: Config,
    tree: Table,
    origins: BTreeMap<String, Origin>,
    problems: Vec<String>,
}

impl Layers {
    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        leaves("", &self.tree, &mut |key, _| keys.push(key.to_owned()));
        keys
    }

    /// A file's sections are walked by name: joined with dots, a quoted `"serve.listen"` would pass for a setting.
    fn set_from_file(&mut self, file: Table, origin: &Origin) {
        for (section, value) in file {
            let known = self.tree.contains_key(&section);
            match value {
                Value::Table(settings) if known || !settings.is_empty() => {
                    for (name, value) in settings {
                        self.set(&format!("{section}.{name}"), value, origin);
                    }
                }
                value if known => {
                    self.problems.push(format!("{origin}: {section} must be of type table, got {}", value.type_str()));
                }
                _ => {
                    let near = nearest(&section, self.tree.keys().map(String::as_str));
                    self.problems.push(format!("{origin}: there is no section {section:?}{near}"));
                }
            }
        }
    }

    fn set(&mut self, key: &str, value: Value, origin: &Origin) {
        let Some(slot) = slot(&mut self.tree, key) else {
            let keys = self.keys();
            let near = nearest(key, keys.iter().map(String::as_str));
            self.problems.push(format!("{origin}: there is no setting {key:?}{near}"));
            return;
        };
        // A whole number may stand for a real one.
        let value = match (&*slot, value) {
            (Value::Float(_), Value::Integer(whole)) => Value::Float(whole as f64),
            (_, value) => value,
        };
        if slot.type_str() != value.type_str() {
            let problem = format!("{origin}: {key} must be of type {}, got {}", slot.type_str(), value.type_str());
            self.problems.push(problem);
            return;
        }
        // Read at once, while it is known where the value comes from.
        let before = std::mem::replace(slot, value);
        match self.tree.clone().try_into() {
            Ok(config) => {
                self.config = config;
                self.origins.insert(key.to_owned(), origin.clone());
            }
            Err(error) => {
                self.restore(key, before);
                // It names the key, in a rate table down to the currency, on a line of its own.
                let error = error.to_string().trim_end().replace('\n', ", ");
                self.problems.push(format!("{origin}: {error}"));
            }
        }
    }

    fn restore(&mut self, key: &str, before: Value) {
        if let Some(slot) = slot(&mut self.tree, key) {
            *slot = before;
        }
    }

    /// Reads a variable's text as a value of the type that the key has.
    fn set_from_text(&mut self, key: &str, text: OsString, variable: String) {
        let Ok(text) = text.into_string() else {
            self.problems.push(format!("environment {variable}: {key} must be text in UTF-8"));
            return;
        };
        let is_text = matches!(slot(&mut self.tree, key), Some(Value::String(_)));
        // What is no TOML stays the text it is, and is refused as one where another type belongs.
        let parsed = if is_text { None } else { text.trim().parse().ok() };
        self.set(key, parsed.unwrap_or(Value::String(text)), &Origin::Environment(variable));
    }
}

/// Visits every setting of a table with its dotted key; the free table is one setting.
pub(super) fn leaves(prefix: &str, table: &Table, visit: &mut impl FnMut(&str, &Value)) {
    // Settings before sections, so that printing gives valid TOML.
    let (sections, settings): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_table());
    for (name, value) in settings.into_iter().chain(sections) {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if key != FREE_TABLE => leaves(&key, inner, visit),
            value => visit(&key, value),
        }
    }
}

/// The place of a setting; none for a section and for what does not exist.
fn slot<'a>(tree: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    let (section, name) = key.split_once('.')?;
    let value = tree.get_mut(section)?.as_table_mut()?.get_mut(name)?;
    (!value.is_table() || key == FREE_TABLE).then_some(value)
}

fn variable_of(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    near.map(|near| format!("; the nearest is {near}")).unwrap_or_default()
}
