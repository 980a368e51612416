//! Composition: lines, pieces and documents, and how alike the lines are.

use super::{NumberFeature, log1p, ratio};
use crate::reasons::ReasonCode;

pub(super) const FEATURES: &[NumberFeature] = &[
    NumberFeature {
        name: "log_pieces",
        unit: "ln(1 + pieces)",
        meaning: "Number of pieces. Missing where none is stated.",
        reason: ReasonCode::Composition,
        compute: |i| i.n_pieces.map(log1p),
    },
    NumberFeature {
        name: "n_lines",
        unit: "lines",
        meaning: "Number of content lines.",
        reason: ReasonCode::Composition,
        compute: |i| Some(i.parcel.contents.len() as f64),
    },
    NumberFeature {
        name: "n_documents",
        unit: "documents",
        meaning: "Number of licences, certificates and invoices.",
        reason: ReasonCode::Composition,
        compute: |i| Some(i.parcel.documents.len() as f64),
    },
    NumberFeature {
        name: "n_hs_chapters",
        unit: "chapters",
        meaning: "Different HS chapters among the lines. Missing where no line states an HS code.",
        reason: ReasonCode::Composition,
        compute: |i| n_different(i.parcel.contents.iter().map(|line| Some(line.hs_code.as_ref()?.chapter()))),
    },
    NumberFeature {
        name: "n_goods_origins",
        unit: "countries",
        meaning: "Different countries of origin among the lines. Missing where no line states one.",
        reason: ReasonCode::Composition,
        compute: |i| n_different(i.parcel.contents.iter().map(|line| line.origin_country)),
    },
    NumberFeature {
        name: "principal_value_share",
        unit: "share",
        meaning: "The principal line's part of the declared value. Missing without a value, or where the value is zero.",
        reason: ReasonCode::Composition,
        compute: |i| ratio(i.in_base(i.line?.value), i.value),
    },
];

/// How many different values are stated; `None` where none is. Lines are few, so pairs are compared.
fn n_different<T: PartialEq + Clone>(stated: impl Iterator<Item = Option<T>> + Clone) -> Option<f64> {
    let stated = stated.flatten();
    let is_new = |(idx, value): &(usize, T)| !stated.clone().take(*idx).any(|before| before == *value);
    let n = stated.clone().enumerate().filter(is_new).count();
    (n > 0).then_some(n as f64)
}
