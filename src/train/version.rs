//! The version of a model, and the settings that it is told by.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Recipe;
use crate::artifact::DataSummary;
use crate::features::hex;

/// The last day of the data, and the beginning of a digest of all that a model is made of: the data and how they were read,
/// every setting, and the release of the program. Two that differ in any of it are two versions.
pub(super) fn version(recipe: &Recipe, data: &DataSummary) -> String {
    let made_of = serde_json::json!({
        "crate_version": env!("CARGO_PKG_VERSION"),
        "data": data,
        "feature_spec_digest": recipe.spec.digest(),
        "rates": recipe.rates,
        "thresholds": recipe.thresholds,
        "settings": recipe.settings(),
    });
    let digest = hex(&Sha256::digest(made_of.to_string()));
    format!("{}-{}", data.until_day(), &digest[..8])
}

impl Recipe {
    /// `[train]` of a configuration, but for the path of the feature spec: a path says nothing elsewhere, and a model holds
    /// the spec itself.
    pub(super) fn settings(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut settings)) = serde_json::to_value(self.config.get()) else {
            unreachable!("plain numbers and names are an object");
        };
        settings.remove("features");
        settings
    }
}
