//! A run, or an evaluation, told as a report.

use super::run::summary;
use super::{Dataset, Recipe};
use crate::artifact::{Artifact, DataSummary, HeadReport, LedgerExport};
use crate::evaluation::{Evaluation, Settings};
use crate::features::FeatureSpec;
use crate::report::{DataFacts, HeadFigures, Insight, Occasion, Report};

/// The blocks of a training run, in order of time.
const BLOCKS: [&str; 4] = ["warm-up", "fit", "calibrate", "report"];

/// The report of the run that made `artifact`.
pub(super) fn of_training(artifact: &Artifact, recipe: &Recipe, insight: Insight) -> Report {
    let manifest = artifact.manifest();
    let size = |name: &str| Some((name.to_owned(), *manifest.blocks.get(name)?));
    let mut digests: Vec<_> = manifest.files.iter().map(|(name, file)| (name.clone(), file.sha256.clone())).collect();
    digests.push(("manifest.json".to_owned(), artifact.model_ref().digest.clone()));
    digests.push(("the feature spec".to_owned(), manifest.feature_spec_digest.clone()));
    digests.extend(mapping_digest(&manifest.data));
    digests.push(("the data".to_owned(), manifest.data.digest.clone()));
    let command = match manifest.data.reading.ledger {
        None => {
            let features = if recipe.spec == FeatureSpec::default() { "" } else { " --features FEATURES" };
            let mapping = mapping_flag(&manifest.data);
            format!("train --data TABLES{mapping} --config SETTINGS{features} --out DIRECTORY")
        }
        Some(LedgerExport { until_seq, max_weight }) => format!(
            "retrain --ledger LEDGER --until {until_seq} --max-weight {max_weight} [--data TABLES] --config SETTINGS \
             --registry DIRECTORY"
        ),
    };
    Report {
        occasion: Occasion::Training { blocks: BLOCKS.iter().filter_map(|name| size(name)).collect() },
        data: facts(&manifest.data),
        evaluation: manifest.metrics.clone(),
        heads: manifest.heads.iter().map(head).collect(),
        command: format!("parcel-risk {command}"),
        settings: settings(artifact),
        ..common(artifact, insight, digests)
    }
}

/// The report of an evaluation of `artifact`.
///
/// * `warm_up`: the tables that only built history.
/// * `insight`: measured on `data`, as `evaluation` was.
pub fn of_evaluation(
    artifact: &Artifact,
    data: &Dataset,
    warm_up: Option<&Dataset>,
    evaluation: Evaluation,
    settings: &Settings,
    insight: Insight,
) -> Report {
    let capacity: Vec<_> = settings.capacity.iter().map(|share| share.get().to_string()).collect();
    let mut digests = vec![("manifest.json".to_owned(), artifact.model_ref().digest.clone())];
    digests.extend(warm_up.map(|warm_up| ("the tables that warm up".to_owned(), warm_up.digest.clone())));
    let read = summary(data);
    digests.extend(mapping_digest(&read));
    digests.push(("the data".to_owned(), data.digest.clone()));
    Report {
        occasion: Occasion::Evaluation {
            trained_on: facts(&artifact.manifest().data),
            knows_future: data.begins_by(artifact.manifest().data.until_seconds),
        },
        data: facts(&read),
        command: format!(
            "parcel-risk evaluate --model DIRECTORY{} --data TABLES{} --label-delay-days {} \
             --capacity {} --bootstrap {} --seed {} --report FILE",
            if warm_up.is_some() { " --warm-up TABLES" } else { "" },
            mapping_flag(&read),
            evaluation.label_delay_days,
            capacity.join(","),
            settings.bootstrap,
            settings.seed,
        ),
        evaluation,
        ..common(artifact, insight, digests)
    }
}

/// What either kind says of the model; the rest is the caller's.
fn common(artifact: &Artifact, insight: Insight, digests: Vec<(String, String)>) -> Report {
    let (manifest, model) = (artifact.manifest(), artifact.model_ref());
    Report {
        occasion: Occasion::Training { blocks: Vec::new() },
        model: crate::evaluation::ModelIdentity {
            name: model.name.clone(),
            version: model.version.clone(),
            digest: model.digest.clone(),
        },
        estimator: manifest.estimator.to_string(),
        program_version: manifest.crate_version.clone(),
        data: facts(&manifest.data),
        evaluation: manifest.metrics.clone(),
        insight,
        heads: Vec::new(),
        command: String::new(),
        settings: Vec::new(),
        digests,
    }
}

fn facts(data: &DataSummary) -> DataFacts {
    DataFacts {
        digest: data.digest.clone(),
        parcels: data.parcels,
        rejected: data.rejected,
        labeled: data.labeled,
        infringements: data.infringements,
        from_day: data.from_day(),
        until_day: data.until_day(),
    }
}

fn head((kind, head): (&String, &HeadReport)) -> HeadFigures {
    HeadFigures {
        kind: kind.clone(),
        infringements: head.infringements,
        auroc: head.auroc,
        average_precision: head.average_precision,
        expected_calibration_error: head.expected_calibration_error,
    }
}

/// Each setting by its name and as a configuration has it, such as `train.seed`.
fn settings(artifact: &Artifact) -> Vec<(String, String)> {
    let tables = artifact.settings().unwrap_or_default();
    let tables = tables.as_object().into_iter().flatten();
    let settings = tables.flat_map(|(table, keys)| {
        keys.as_object().into_iter().flatten().map(move |(key, value)| (format!("{table}.{key}"), value.to_string()))
    });
    settings.collect()
}

fn mapping_flag(data: &DataSummary) -> &'static str {
    if data.reading.mapping_digest.is_some() { " --mapping MAPPING" } else { "" }
}

fn mapping_digest(data: &DataSummary) -> Option<(String, String)> {
    Some(("the mapping".to_owned(), data.reading.mapping_digest.clone()?))
}
