//! A report as one HTML file: for people, from figures that others gathered.
//!
//! The file loads nothing and runs nothing: charts are SVG in it. It holds no clock and no path, so the same figures
//! give the same bytes. Whatever comes from data is escaped by construction: `html.rs` has no other way in.

mod chart;
pub(crate) mod html;
mod insight;
pub(crate) mod number;
mod section;
pub(crate) mod table;

pub use chart::{Course, courses};
pub use insight::{EffectBin, FeatureInsight, Insight, ReasonInsight, ScoreBin};

use crate::evaluation::{Estimate, Evaluation, ModelIdentity};
use html::{Element, el};

/// Everything that a report tells.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whether it is of a training run or of an evaluation.
    pub occasion: Occasion,
    /// The model, with the digest of its artifact.
    pub model: ModelIdentity,
    /// Which estimator serves.
    pub estimator: String,
    /// Release of the program.
    pub program_version: String,
    /// The tables that the figures rest on; of a training, all of it, the rows held back included.
    pub data: DataFacts,
    /// The figures.
    pub evaluation: Evaluation,
    /// What the model looks at.
    pub insight: Insight,
    /// How each kind of infringement is told from all else; in a training only.
    pub heads: Vec<HeadFigures>,
    /// The command that makes it again, in words of its flags: files are named by what they are.
    pub command: String,
    /// What the model was trained with, by the names of the configuration; in a training only.
    pub settings: Vec<(String, String)>,
    /// What to compare, name by name: files of the artifact with their SHA-256, or other digests.
    pub digests: Vec<(String, String)>,
}

/// What a report is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A training run, judged on the rows that it held back.
    Training {
        /// Labeled rows by block, in order of time.
        blocks: Vec<(String, usize)>,
    },
    /// A model judged on other tables.
    Evaluation {
        /// What it had been trained on.
        trained_on: DataFacts,
        /// Whether the tables begin before what it had been trained on ended: its history then knows their future.
        knows_future: bool,
    },
}

/// Tables in a few numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataFacts {
    /// SHA-256 over their bytes.
    pub digest: String,
    /// Rows read.
    pub parcels: usize,
    /// Rows that could not be read.
    pub rejected: u64,
    /// Rows with a label.
    pub labeled: usize,
    /// Infringements among them.
    pub infringements: usize,
    /// Day of the first, such as `2020-01-01`.
    pub from_day: String,
    /// Day of the last.
    pub until_day: String,
}

/// How well one kind of infringement is told from everything else.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadFigures {
    /// Name of the kind.
    pub kind: String,
    /// Infringements of the kind.
    pub infringements: usize,
    /// As in [`Evaluation::auroc`].
    pub auroc: Option<Estimate>,
    /// As in [`Evaluation::average_precision`].
    pub average_precision: Option<Estimate>,
    /// As in [`Evaluation::expected_calibration_error`].
    pub expected_calibration_error: Option<Estimate>,
}

impl Report {
    /// The whole file, in UTF-8.
    pub fn to_html(&self) -> String {
        let title = format!("{} {}", self.model.name, self.model.version);
        page(&title, section::title(self), el("main").children(section::all(self)))
    }
}

/// A whole page in the style of reports.
pub(crate) fn page(title: &str, header: Element, main: Element) -> String {
    let head = el("head")
        .child(el("meta").attr("charset", "utf-8"))
        .child(el("meta").attr("name", "viewport").attr("content", "width=device-width, initial-scale=1"))
        .child(el("meta").attr("name", "color-scheme").attr("content", "light dark"))
        .child(el("title").text(title))
        .child(Element::style_sheet(include_str!("style.css")));
    el("html").attr("lang", "en").child(head).child(el("body").child(header).child(main)).into_document()
}
