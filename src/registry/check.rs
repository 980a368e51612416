//! What a model must pass before it may score a parcel, and what came of it.

use serde::{Deserialize, Serialize};

use crate::artifact::{ArtifactError, SignatureError};
use crate::model::ModelError;

macro_rules! checks {
    ($($id:ident $name:literal $help:literal;)+) => {
        /// One thing that is looked at. Its name stands in rejections, metrics and the ledger.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Check {
            $(#[doc = $help] $id,)+
        }

        impl Check {
            /// All of them, in the order in which they are made.
            pub const ALL: &[Self] = &[$(Self::$id),+];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$id => $name,)+
                }
            }

            /// What it looks at.
            pub fn help(self) -> &'static str {
                match self {
                    $(Self::$id => $help,)+
                }
            }
        }
    };
}

checks! {
    Files "files" "Every file is there, is a plain one, and all together are no larger than they may be.";
    Signature "signature" "A trusted key signed the manifest.";
    Manifest "manifest" "The manifest parses.";
    Format "format" "The layout is one that this release reads.";
    Digest "digest" "Every file is the one that the manifest names.";
    Identity "identity" "The manifest has the name and the version of its directory, and no other artifact had them before.";
    Model "model" "The model decodes and is consistent.";
    Finite "finite" "Every number of the model is finite.";
    FeatureSchema "feature_schema" "The feature spec compiles in this release, and is the one that the manifest names.";
    History "history" "The history decodes, holds possible counts, and ages as the features do.";
    Golden "golden" "The golden decisions come out again, to the bit.";
    Configuration "configuration" "The model can decide under the rates, the policy and the buckets that serve.";
    Reference "reference" "On the reference set it ranks no worse than the champion, within the margins.";
    Calibration "calibration" "On the reference set its probabilities are no farther off than the champion's, within the margin.";
    RandomControl "random_control" "On inspected parcels, each by its chance of being inspected, its probabilities are no farther off than the champion's, within the margin.";
    ScoreShift "score_shift" "Its scores are distributed as the champion's are, on the same parcels.";
    RouteShift "route_shift" "It sends about as many parcels each way as the champion, under the policy that serves.";
    Latency "latency" "It takes no longer than the champion, within the ratio, on the same parcels.";
    Hostile "hostile" "On parcels at the ends of what can be stated, and on features there, every answer is a finite number.";
    WarmUp "warm_up" "It has scored parcels before it is asked to.";
    Outcomes "outcomes" "Outcomes of parcels that both scored speak for it: asked in the shadow, before it is promoted by itself.";
}

impl Check {
    /// The check that an artifact did not pass.
    pub fn failed_by(error: &ArtifactError) -> Self {
        match error {
            ArtifactError::Io { .. }
            | ArtifactError::Missing { .. }
            | ArtifactError::NotPlain { .. }
            | ArtifactError::TooLarge { .. } => Self::Files,
            ArtifactError::Encoding | ArtifactError::Manifest(_) => Self::Manifest,
            ArtifactError::Format { .. } => Self::Format,
            ArtifactError::Digest { .. } => Self::Digest,
            // The room of models says in words what is wrong with a number.
            ArtifactError::Model(ModelError::Inconsistent(why)) if why.contains("not finite") => Self::Finite,
            ArtifactError::Model(ModelError::Spec(_)) | ArtifactError::FeatureSpec { .. } => Self::FeatureSchema,
            ArtifactError::Model(_) => Self::Model,
            ArtifactError::History(_) | ArtifactError::Decay => Self::History,
            ArtifactError::Golden(_) => Self::Golden,
        }
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It could not be made here, for the reason given.
    Skipped,
}

/// A number that a check came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// One check with what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which one.
    pub check: Check,
    /// What came of it.
    pub verdict: Verdict,
    /// Why it failed or was skipped; else empty.
    pub why: String,
    /// The numbers behind it.
    pub figures: Vec<Figure>,
}

impl Finding {
    /// Whether it was made, and holds.
    pub fn holds(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// It holds.
    pub fn passed(check: Check) -> Self {
        Self { check, verdict: Verdict::Passed, why: String::new(), figures: Vec::new() }
    }

    /// It does not hold.
    pub fn failed(check: Check, why: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Failed, why: why.into(), figures: Vec::new() }
    }

    /// It could not be made.
    pub fn skipped(check: Check, why: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Skipped, why: why.into(), figures: Vec::new() }
    }

    /// Holds where `holds`; else fails for this reason.
    pub(super) fn of(check: Check, holds: bool, why: impl FnOnce() -> String) -> Self {
        if holds { Self::passed(check) } else { Self::failed(check, why()) }
    }

    /// With a number behind it.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: f64) -> Self {
        // What is not finite has no place in JSON; the check's words tell of it.
        if value.is_finite() {
            self.figures.push(Figure { name: name.to_owned(), value });
        }
        self
    }

    /// That an artifact does not prove itself.
    pub fn unproved(error: &ArtifactError) -> Self {
        let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
        let why = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        Self::failed(Check::failed_by(error), why)
    }

    /// That nobody vouches for it.
    pub fn unsigned(error: SignatureError) -> Self {
        Self::failed(Check::Signature, error.to_string())
    }
}

/// All checks of one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// In the order in which they were made.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The first that it did not pass.
    pub fn failure(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.verdict == Verdict::Failed)
    }

    /// A line for each.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for Finding { check, verdict, why, figures } in &self.findings {
            let verdict = match verdict {
                Verdict::Passed => "passed",
                Verdict::Failed => "FAILED",
                Verdict::Skipped => "skipped",
            };
            let figures: String =
                figures.iter().map(|figure| format!(" {}={:.4}", figure.name, figure.value)).collect();
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            text += &format!("{verdict:8}{}{figures}{why}\n", check.as_str());
        }
        text
    }
}
