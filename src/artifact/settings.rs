//! What an artifact was trained with, as a configuration that trains it again.

use serde_json::{Value, json};

use super::Artifact;

impl Artifact {
    /// The tables of a configuration that decided what the model became: `[currency]`, `[limits]`, `[policy]`, `[train]`.
    /// `None` where it was trained by a release that recorded none.
    pub fn settings(&self) -> Option<Value> {
        let manifest = self.manifest();
        if manifest.settings.is_empty() {
            return None;
        }
        Some(json!({
            "currency": self.model().body().rates,
            "limits": manifest.data.reading.limits,
            "policy": manifest.golden_policy,
            "train": manifest.settings,
        }))
    }
}
