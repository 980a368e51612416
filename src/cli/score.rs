//! `score`: a table or JSON lines in, decisions out.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use super::connection::ConnectionFlags;
use super::output::{self, Out, STANDARD_STREAM};
use super::settings::{self, ConfigFlag, Flags};
use super::{client, text};
use crate::reasons::Language;
use crate::serve::{Scorer, item_error};
use crate::table::{Reject, RejectCounts, RowPosition, TableReader};
use crate::wire::{self, v1};

/// Flags of `score`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Server to score with, such as http://127.0.0.1:50051.
    #[arg(long, value_name = "URL", conflicts_with = "model")]
    endpoint: Option<String>,
    /// Artifact to score with in this process; without it and without an endpoint, the built-in one.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// How the table's columns become parcels.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// How much to explain; without it, five reasons where the route is not release.
    #[arg(long, value_enum)]
    explanation: Option<ExplanationArg>,
    /// JSON lines for programs, or sentences for people.
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// Where to write; without it or as -, to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Table (.csv, .csv.gz, .parquet, .jsonl), or - for JSON lines on standard input.
    input: PathBuf,
    #[command(flatten)]
    connection: ConnectionFlags,
    #[command(flatten)]
    config: ConfigFlag,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ExplanationArg {
    None,
    Reasons,
    Full,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Json,
    Text,
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let read = [Some(&args.input), args.mapping.as_ref(), args.config.config.as_ref()];
    let out = args.out.as_deref().unwrap_or(Path::new(STANDARD_STREAM));
    output::refuse_input_as_output("--out", Some(out), read.into_iter().flatten().map(PathBuf::as_path))?;
    let config = settings::load(&args.config, Flags::default())?;
    settings::start_log(&config)?;
    let mapping = settings::mapping(args.mapping.as_deref())?;
    let level = level(args.explanation);
    let table = TableReader::open(&args.input, mapping.as_ref())?;
    let out = Out::open(out)?;
    let mut sink = Sink { out, format: args.format, rejects: RejectCounts::default() };
    match &args.endpoint {
        Some(endpoint) => client::score(endpoint, &args.connection, table, level, |scored| sink.take(scored))?,
        None => {
            let artifact = settings::artifact(args.model.as_deref())?;
            let scorer = settings::scorer(&artifact, &config)?;
            local_score(&scorer, table, level, |scored| sink.take(scored))?;
        }
    }
    sink.finish(&args.input, config.train().get().max_reject_share)
}

/// The contract's word for it.
pub(super) fn level(explanation: Option<ExplanationArg>) -> v1::ExplanationLevel {
    match explanation {
        None => v1::ExplanationLevel::Unspecified,
        Some(ExplanationArg::None) => v1::ExplanationLevel::None,
        Some(ExplanationArg::Reasons) => v1::ExplanationLevel::Reasons,
        Some(ExplanationArg::Full) => v1::ExplanationLevel::Full,
    }
}

/// What became of one row, in the order of the input.
pub(super) enum Scored {
    /// A decision.
    Decision(Box<v1::Decision>),
    /// A parcel that was refused.
    Refused {
        /// Where it stands.
        position: RowPosition,
        /// Its identifier as stated.
        item_id: String,
        /// Why.
        error: v1::ItemError,
    },
    /// A row that could not be read as a parcel.
    Unreadable(Reject),
}

/// Scores in this process, by the code that serves.
fn local_score(
    scorer: &Scorer,
    table: TableReader,
    level: v1::ExplanationLevel,
    mut take: impl FnMut(Scored) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let explanation = wire::explanation_of(level.into())?;
    for row in table {
        take(match row? {
            Err(reject) => Scored::Unreadable(reject),
            Ok(row) => {
                let (item_id, position) = (row.draft.item_id.clone(), row.position);
                match scorer.score(row.draft, explanation) {
                    Ok(decision) => Scored::Decision(Box::new(wire::from_decision(decision, Language::default()))),
                    Err(invalid) => Scored::Refused { position, item_id, error: item_error(invalid) },
                }
            }
        })?;
    }
    Ok(())
}

struct Sink {
    out: Out,
    format: Format,
    rejects: RejectCounts,
}

impl Sink {
    fn take(&mut self, scored: Scored) -> anyhow::Result<()> {
        match &scored {
            Scored::Decision(_) => self.rejects.accepted(),
            Scored::Unreadable(reject) => self.rejects.rejected(reject.clone()),
            Scored::Refused { position, item_id: _, error } => self.rejects.rejected(refused(position, error)),
        }
        let mut line = match self.format {
            Format::Json => json(&scored)?,
            Format::Text => text::scored(&scored),
        };
        line.push('\n');
        self.out.write(&line)
    }

    /// Every row has its line by now, whatever became of it; too many bad ones are a failure all the same.
    fn finish(self, input: &Path, max_reject_share: f64) -> anyhow::Result<()> {
        anyhow::ensure!(self.rejects.n_rows() > 0, "there is no row in {}", input.display());
        self.out.finish()?;
        if self.rejects.n_rejected() > 0 {
            eprintln!("{}", self.rejects.with_examples());
        }
        output::fail_if_too_many(&self.rejects, max_reject_share)
    }
}

/// A refused parcel among the rejected rows.
fn refused(position: &RowPosition, error: &v1::ItemError) -> Reject {
    let field = error.field_violations.first().map(|violation| violation.field.clone());
    let message = error.message.clone();
    Reject { position: position.clone(), column: None, field, reason: "REFUSED", message }
}

/// A `Decision` in proto3 JSON, or the item with its error.
fn json(scored: &Scored) -> anyhow::Result<String> {
    let error = |item_id: &str, error: &v1::ItemError| serde_json::json!({ "itemId": item_id, "error": error });
    Ok(match scored {
        Scored::Decision(decision) => serde_json::to_string(decision).context("writing a decision")?,
        Scored::Refused { item_id, error: refused, .. } => error(item_id, refused).to_string(),
        Scored::Unreadable(reject) => {
            let violation = v1::FieldViolation {
                field: reject.field.clone().unwrap_or_default(),
                description: reject.message.clone(),
            };
            let refused = v1::ItemError {
                code: tonic::Code::InvalidArgument.into(),
                message: reject.to_string(),
                field_violations: vec![violation],
            };
            error("", &refused).to_string()
        }
    })
}
