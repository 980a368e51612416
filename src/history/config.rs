//! How much a history may hold.

use serde::{Deserialize, Serialize};

use crate::parcel::{Problem, Violation};

/// The bounds of history while serving, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConfig {
    /// Most senders, goods, routes and others that are known; where there are more, the stalest are forgotten.
    pub max_entities: u32,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { max_entities: 20_000_000 }
    }
}

impl HistoryConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// A [`Violation`] that names the key.
    pub fn check(&self) -> Result<(), Violation> {
        let (min, max) = (1000, 1_000_000_000);
        if (min..=max).contains(&self.max_entities) {
            return Ok(());
        }
        let problem = Problem::OutOfRange { got: self.max_entities.into(), min: min.into(), max: max.into() };
        Err(Violation::new("history.max_entities", problem))
    }
}
