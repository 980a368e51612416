//! How far a number of the parcel is from what is usual for its kind.

use super::error::unknown;
use super::key::{back_off, reason};
use super::number::Inputs;
use super::part::PartList;
use super::{FeatureInfo, InvalidSpec, NUMBER_FEATURES, NormSpec, NumberFeature};
use crate::history::{EntityKey, KeyKind, KeyParts, Usual};
use crate::reasons::ReasonCode;

/// A norm of a spec, ready to hash and to read.
#[derive(Clone, Debug)]
pub(super) struct PlannedNorm {
    /// Places among the parts of the plan.
    parts: Vec<usize>,
    number: &'static NumberFeature,
    /// The norm that stands in where too little is known of this one, by its place in the spec.
    parent: Option<usize>,
    kind: KeyKind,
}

/// Parcels behind a norm, decayed, below which the coarser one stands in.
const MIN_N: f64 = 5.0;
/// A parcel further off says no more.
const MAX_DEVIATIONS: f64 = 10.0;

impl PlannedNorm {
    pub(super) fn compile(
        norm: &NormSpec,
        above: &[NormSpec],
        all: &mut PartList,
    ) -> Result<(Self, ReasonCode), InvalidSpec> {
        let path = |key: &str| format!("norms.{}.{key}", norm.name);
        let number = NUMBER_FEATURES
            .iter()
            .find(|number| number.name == norm.number)
            .ok_or_else(|| unknown(&path("number"), &norm.number, NUMBER_FEATURES.iter().map(|number| number.name)))?;
        let names = above.iter().map(|candidate| candidate.name.as_str());
        let planned = Self {
            parts: all.places(&path("parts"), &norm.parts)?,
            number,
            parent: back_off(&format!("norms.{}", norm.name), norm.back_off.as_deref(), names)?,
            kind: KeyKind::new(&norm.name),
        };
        Ok((planned, reason(&path("reason"), &norm.reason)?))
    }

    pub(super) fn info(&self, norm: &NormSpec, reason: ReasonCode) -> FeatureInfo {
        FeatureInfo {
            name: format!("usual.{}.deviations", norm.name).into(),
            unit: "standard deviations",
            meaning: format!(
                "How far {} is above what is usual for the same {}, at most {MAX_DEVIATIONS}. Missing where the parcel \
                 states no such number, or nothing is known.",
                norm.number,
                norm.parts.join(", ")
            ),
            reason,
            key: None,
        }
    }

    /// The kind that the parcel is of, and its number.
    pub(super) fn entry(&self, stated: &mut KeyParts, inputs: &Inputs<'_>) -> Option<(EntityKey, f64)> {
        let number = (self.number.compute)(inputs).filter(|number| number.is_finite())?;
        Some((stated.key(&self.kind, &self.parts)?, number))
    }

    /// Deviations of each of the parcel's numbers from its norm, into `values`.
    ///
    /// * `usual`: what is known to be usual for each of `entries`.
    pub(super) fn fill(
        norms: &[Self],
        entries: &[Option<(EntityKey, f64)>],
        usual: &[Option<Usual>],
        values: &mut Vec<f32>,
    ) {
        for (idx, entry) in entries.iter().enumerate() {
            let mut known = usual[idx];
            let mut norm = &norms[idx];
            // A parent stands above its child, so this ends.
            while known.is_none_or(|known| known.n < MIN_N)
                && let Some(parent) = norm.parent
            {
                known = usual[parent];
                norm = &norms[parent];
            }
            let deviations = entry.zip(known).map(|((_, number), known)| (number - known.mean) / known.deviation);
            values.push(deviations.map_or(f32::NAN, |far| far.clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS) as f32));
        }
    }
}
