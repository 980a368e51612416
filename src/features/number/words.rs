//! Words: how the goods are described.

use super::{NumberFeature, flag, log1p};
use crate::reasons::ReasonCode;
use crate::text::Words;

pub(super) const FEATURES: &[NumberFeature] = &[
    NumberFeature {
        name: "log_description_chars",
        unit: "ln(1 + characters)",
        meaning: "Length of the principal line's description. Missing where there is none.",
        reason: ReasonCode::Description,
        compute: |i| Some(log1p(i.characters()?.n as f64)),
    },
    NumberFeature {
        name: "n_description_words",
        unit: "words",
        meaning: "Words of the principal line's description; a Chinese character is one. Missing where there is none.",
        reason: ReasonCode::Description,
        compute: |i| Some(i.words()?.len() as f64),
    },
    NumberFeature {
        name: "log_all_description_words",
        unit: "ln(1 + words)",
        meaning: "Words of the descriptions of all lines. Missing where no line has one.",
        reason: ReasonCode::Description,
        compute: |i| {
            // The principal line's words are there already, and most parcels have no other line.
            let others = i.parcel.contents.iter().filter(|line| !i.line.is_some_and(|it| std::ptr::eq(it, *line)));
            let others = others.filter_map(|line| Some(Words::new(line.description.as_deref()?).len()));
            let all = i.words().map(Words::len).into_iter().chain(others).reduce(|a, b| a + b);
            Some(log1p(all? as f64))
        },
    },
    NumberFeature {
        name: "description_generic_share",
        unit: "share",
        meaning: "Part of the words of the principal line's description that are generic terms, such as \"gift\" or \
                  \"spare parts\". Missing where it has no words.",
        reason: ReasonCode::Description,
        compute: |i| Some(i.generic()?.share),
    },
    NumberFeature {
        name: "description_is_generic",
        unit: "0 or 1",
        meaning: "Whether the principal line's description has nothing but generic terms, numbers and particles. Missing \
                  where it has no words.",
        reason: ReasonCode::Description,
        compute: |i| flag(i.generic()?.is_standalone),
    },
    NumberFeature {
        name: "description_not_of_chapter",
        unit: "0 or 1",
        meaning: "Whether the principal line's description names goods of other HS chapters than its code. Missing where \
                  no word of it is known or no HS code is stated.",
        reason: ReasonCode::Description,
        compute: |i| {
            let chapter = i.line?.hs_code.as_ref()?.chapter();
            let hinted = i.words()?.chapters_hinted();
            flag(!hinted.contains(chapter)).filter(|_| !hinted.is_empty())
        },
    },
    NumberFeature {
        name: "n_mixed_script_words",
        unit: "words",
        meaning: "Words of the principal line's description that mix scripts whose letters look alike. Missing where \
                  there is none.",
        reason: ReasonCode::Description,
        compute: |i| Some(i.characters()?.n_mixed_words as f64),
    },
    NumberFeature {
        name: "n_invisible_chars",
        unit: "characters",
        meaning: "Characters of the principal line's description that nobody sees. Missing where there is none.",
        reason: ReasonCode::Description,
        compute: |i| Some(i.characters()?.n_invisible as f64),
    },
    NumberFeature {
        name: "description_non_letters_share",
        unit: "share",
        meaning: "Part of the principal line's description, blanks aside, that are no letters. Missing where there is \
                  none.",
        reason: ReasonCode::Description,
        compute: |i| i.characters()?.share_of_non_letters(),
    },
];
