//! One layer over the other, each value with where it comes from.

use std::collections::BTreeMap;
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
    /// Keys that do not exist, or values of another type.
    #[error("{}", .0.join("\n"))]
    Keys(Vec<String>),
    /// The values together.
    #[error("the configuration")]
    Values(#[source] toml::de::Error),
}

const ENVIRONMENT_PREFIX: &str = "PARCEL_RISK_";
/// Variables with the prefix that are no keys: the file's path, the log's level for a quick look,
/// and the interpreter that a test runs.
const OTHER_VARIABLES: &[&str] = &["PARCEL_RISK_CONFIG", "PARCEL_RISK_LOG", "PARCEL_RISK_PYTHON"];
/// A table whose keys are data. A file that sets it replaces it whole, so that rates of two dates
/// never mix.
const FREE_TABLE: &str = "currency.per_base";

impl Loaded {
    /// Layers the defaults, a file, the environment and flags.
    ///
    /// `environment` gives all variables; those without the prefix are not looked at. `flags` are
    /// keys with their values.
    ///
    /// # Errors
    /// [`LoadError`]; every unknown key and every wrong type of a layer is named, not only the first.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: Vec<(&'static str, Value)>,
    ) -> Result<Self, LoadError> {
        let tree = Table::try_from(Config::default()).expect("the defaults are plain numbers, texts and tables");
        let mut layers = Layers { tree, origins: BTreeMap::new(), problems: Vec::new() };
        for key in layers.keys() {
            layers.origins.insert(key, Origin::Default);
        }
        if let Some(path) = file {
            let io = |source| LoadError::Io { path: path.to_owned(), source };
            let text = fs::read_to_string(path).map_err(io)?;
            let table: Table =
                toml::from_str(&text).map_err(|source| LoadError::Toml { path: path.to_owned(), source })?;
            let origin = Origin::File(path.to_owned());
            leaves("", &table, &mut |key, value| layers.set(key, value.clone(), &origin));
        }
        let by_variable: BTreeMap<String, String> =
            layers.keys().into_iter().map(|key| (variable_of(&key), key)).collect();
        for (name, text) in environment.filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)) {
            match by_variable.get(&name) {
                Some(key) => layers.set_from_text(key, &text, name),
                None if OTHER_VARIABLES.contains(&name.as_str()) => {}
                None => {
                    let near = nearest(&name, by_variable.keys().map(String::as_str));
                    layers.problems.push(format!("environment {name}: there is no such setting{near}"));
                }
            }
        }
        for (key, value) in flags {
            layers.set(key, value, &Origin::Flag);
        }
        layers.finish()
    }

    /// Where the value of a key comes from.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }
}

struct Layers {
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
        *slot = value;
        self.origins.insert(key.to_owned(), origin.clone());
    }

    /// Reads a variable's text as a value of the type that the key has.
    fn set_from_text(&mut self, key: &str, text: &str, variable: String) {
        let is_text = matches!(slot(&mut self.tree, key), Some(Value::String(_)));
        let parsed = if is_text { Some(Value::String(text.to_owned())) } else { parse_value(text) };
        match parsed {
            Some(value) => self.set(key, value, &Origin::Environment(variable)),
            None => self.problems.push(format!("environment {variable}: is no value of {key}")),
        }
    }

    fn finish(self) -> Result<Loaded, LoadError> {
        let Self { tree, origins, problems } = self;
        if !problems.is_empty() {
            return Err(LoadError::Keys(problems));
        }
        let config = Config::deserialize_from(tree.clone()).map_err(LoadError::Values)?;
        Ok(Loaded { config, tree, origins })
    }
}

impl Config {
    fn deserialize_from(tree: Table) -> Result<Self, toml::de::Error> {
        tree.try_into()
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

fn parse_value(text: &str) -> Option<Value> {
    toml::from_str::<Table>(&format!("value = {text}")).ok()?.remove("value")
}

fn variable_of(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    near.map(|near| format!("; the nearest is {near}")).unwrap_or_default()
}
