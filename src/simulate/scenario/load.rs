//! A scenario file: overlay on its base, every key known, every figure with its ground.

use toml::{Table, Value};

use super::Scenario;

/// The scenarios that come with the program, by name.
pub const SHIPPED: &[(&str, &str)] = &[
    ("kazakhstan", include_str!("../../../config/scenarios/kazakhstan.toml")),
    ("large-hub", include_str!("../../../config/scenarios/large-hub.toml")),
    ("drift", include_str!("../../../config/scenarios/drift.toml")),
    ("adversary", include_str!("../../../config/scenarios/adversary.toml")),
];

/// Why a scenario can't be used. Keys are paths such as `lanes.CN.share`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// No scenario of this name comes with the program.
    #[error("no scenario is called {name:?}; there are {}", SHIPPED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))]
    UnknownName {
        /// As it was asked for.
        name: String,
    },
    /// The file is no TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key that means nothing.
    #[error("`{key}` is no key of a scenario{}", nearest.as_ref().map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?")))]
    UnknownKey {
        /// The key.
        key: String,
        /// The key that was probably meant.
        nearest: Option<String>,
    },
    /// A figure without a ground.
    #[error("`{key}` has no ground: say in a `ground` of its table where the figure is from, or \"assumed\"")]
    NoGround {
        /// The key.
        key: String,
    },
    /// A key is missing, or its value is of the wrong type.
    #[error("{0}")]
    Shape(String),
    /// A value that makes no world.
    #[error("`{key}` must be {expected}")]
    Range {
        /// The key.
        key: String,
        /// What would be right.
        expected: String,
    },
}

impl Scenario {
    /// A scenario that comes with the program.
    ///
    /// # Errors
    /// [`ScenarioError::UnknownName`], with the names that exist.
    pub fn shipped(name: &str) -> Result<Self, ScenarioError> {
        Self::parse(shipped(name)?)
    }

    /// Reads a scenario: a whole one, or an overlay on the one that its `base` names.
    ///
    /// # Errors
    /// [`ScenarioError`] with the first key that is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let whole = whole(text)?;
        let scenario: Self =
            Value::Table(whole).try_into().map_err(|error: toml::de::Error| ScenarioError::Shape(one_line(&error)))?;
        scenario.check()?;
        Ok(scenario)
    }
}

fn shipped(name: &str) -> Result<&'static str, ScenarioError> {
    let found = SHIPPED.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text).ok_or_else(|| ScenarioError::UnknownName { name: name.to_owned() })
}

/// The tables of a scenario over those of its base, without grounds.
fn whole(text: &str) -> Result<Table, ScenarioError> {
    let read = |text: &str| text.parse::<Table>().map_err(|error| ScenarioError::Syntax(error.to_string()));
    let mut own = read(text)?;
    let reference = read(SHIPPED[0].1)?;
    let base = own.remove("base");
    known("", &own, &reference)?;
    grounded("", &own, false)?;
    strip(&mut own);
    let Some(base) = base else { return Ok(own) };
    let name = base.as_str().ok_or_else(|| ScenarioError::Shape("`base` must be the name of a scenario".to_owned()))?;
    let mut merged = whole(shipped(name)?)?;
    overlay(&mut merged, own);
    Ok(merged)
}

/// Puts `over` on `under`, table by table. Tables of weights are replaced whole: a weight that the
/// overlay leaves out is one that it does not want.
fn overlay(under: &mut Table, over: Table) {
    const WEIGHTS: [&str; 4] = ["goods", "lanes", "services", "languages"];
    for (key, value) in over {
        let is_weights = |table: &Table| WEIGHTS.contains(&key.as_str()) && table.values().all(|v| !v.is_table());
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) if !is_weights(under) => overlay(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Tables whose keys are anybody's names; each holds what those of the reference hold.
const NAMED: [&str; 5] = ["lanes", "goods", "typologies", "drift", "calendar.waves"];

fn is_open(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or_default();
    NAMED.contains(&path) || ["goods", "lanes", "services", "languages"].contains(&last)
}

fn known(path: &str, own: &Table, reference: &Table) -> Result<(), ScenarioError> {
    for (key, value) in own.iter().filter(|(key, _)| *key != "ground") {
        let here = join(path, key);
        let template = if is_open(path) { reference.values().find(|v| v.is_table()) } else { reference.get(key) };
        match (template, value) {
            (Some(Value::Table(reference)), Value::Table(own)) => known(&here, own, reference)?,
            (None, _) if !is_open(path) => return Err(unknown(path, key, reference)),
            _ => {}
        }
    }
    Ok(())
}

fn unknown(path: &str, key: &str, reference: &Table) -> ScenarioError {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(known, key);
    let known = reference.keys().filter(|known| *known != "ground");
    let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|known| likeness(known) > 0.4);
    ScenarioError::UnknownKey { key: join(path, key), nearest: nearest.map(|known| join(path, known)) }
}

/// What names the scenario or its parts, and is no figure.
const NO_FIGURES: [&str; 5] = ["format", "name", "version", "title", "kind"];

fn grounded(path: &str, table: &Table, covered: bool) -> Result<(), ScenarioError> {
    let ground = table.get("ground");
    for (key, value) in table.iter().filter(|(key, _)| *key != "ground" && !NO_FIGURES.contains(&key.as_str())) {
        let covered = covered
            || match ground {
                Some(Value::String(text)) => !text.is_empty(),
                Some(Value::Table(grounds)) => grounds.contains_key(key) || grounds.contains_key("others"),
                _ => false,
            };
        match value {
            Value::Table(inner) => grounded(&join(path, key), inner, covered)?,
            _ if covered => {}
            _ => return Err(ScenarioError::NoGround { key: join(path, key) }),
        }
    }
    Ok(())
}

fn strip(table: &mut Table) {
    table.remove("ground");
    table.iter_mut().filter_map(|(_, value)| value.as_table_mut()).for_each(strip);
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().lines().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Scenario::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_shipped_scenario_is_whole() {
        for (name, _) in SHIPPED {
            let scenario = Scenario::shipped(name).unwrap();
            assert_eq!((scenario.name.as_str(), scenario.typologies.len()), (*name, 15));
        }
    }

    #[test]
    fn a_wrong_key_a_figure_without_ground_and_a_wild_value_are_named() {
        let head = "base = \"kazakhstan\"\nname = \"mine\"\n";
        let of = |rest: &str| message(&format!("{head}{rest}"));
        expect_test::expect![[r#"`noise.insurd` is no key of a scenario; did you mean `noise.insured`?"#]]
            .assert_eq(&of("[noise]\nground = \"assumed\"\ninsurd = 0.1"));
        expect_test::expect![[r#"`lanes.FR.shop` is no key of a scenario; did you mean `lanes.FR.shops`?"#]]
            .assert_eq(&of("[lanes.FR]\nground = \"assumed\"\nshop = 0.1"));
        expect_test::expect![[
            r#"`noise.insured` has no ground: say in a `ground` of its table where the figure is from, or "assumed""#
        ]]
        .assert_eq(&of("[noise]\ninsured = 0.1"));
        expect_test::expect![[r#"`noise.insured` must be from 0 to 1"#]]
            .assert_eq(&of("[noise]\nground = \"assumed\"\ninsured = 1.5"));
        expect_test::expect![[r#"`typologies.T01.goods.rockets` must be a key of `goods`"#]]
            .assert_eq(&of("[typologies.T01]\nground = \"assumed\"\ngoods = { rockets = 1.0 }"));
    }

    #[test]
    fn an_overlay_changes_what_it_states_and_nothing_else() {
        let text = "base = \"kazakhstan\"\nname = \"mine\"\n[noise]\nground = \"assumed\"\ninsured = 0.5\n\
            [typologies.T01]\nground = \"assumed\"\nlanes = { NL = 1.0 }";
        let (mine, base) = (Scenario::parse(text).unwrap(), Scenario::shipped("kazakhstan").unwrap());
        assert_eq!(mine.noise.insured, 0.5);
        assert_eq!(mine.typologies["T01"].lanes.len(), 1, "weights are replaced whole");
        assert_eq!((&mine.signs, mine.noise.documents), (&base.signs, base.noise.documents));
    }
}
