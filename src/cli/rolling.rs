//! `evaluate --rolling`: a way of training judged, month by month, instead of one model.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use super::evaluate::Format;
use super::output;
use super::progress::Progress;
use super::settings;
use super::train::recipe;
use crate::config::ValidConfig;
use crate::evaluation::{
    CapacityShare, Estimate, Evaluation, InvalidScored, ModelIdentity, Scored, Settings, Subject, aligned, evaluate,
};
use crate::train::{
    Dataset, Inspections, Judged, LabeledParcel, Rolled, Selected, Selective, n_repeated, roll, select,
};

/// How long a model serves until it is trained again.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Period {
    /// A month of the calendar, in UTC.
    Month,
    /// A week from Monday, in UTC.
    Week,
}

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) data: &'a [PathBuf],
    /// Learned from, and not judged.
    pub(super) warm_up: &'a [PathBuf],
    pub(super) mapping: Option<&'a Path>,
    pub(super) settings: Settings,
    /// Capacity and random share.
    pub(super) selective: Option<(CapacityShare, f64)>,
    pub(super) format: Format,
}

/// The report, as its JSON has it.
#[derive(Debug, Serialize)]
struct Report {
    rolling: &'static str,
    /// Months for which too few outcomes were known to train.
    unscored: Vec<String>,
    /// One line a month, by the model of its beginning.
    months: Vec<Month>,
    /// All of them together, ranked by calibrated probability.
    total: Evaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    selective: Option<SelectiveReport>,
}

#[derive(Debug, Serialize)]
struct Month {
    month: String,
    trained_on: usize,
    #[serde(flatten)]
    ranked: Ranked,
}

/// Figures that need no calibration.
#[derive(Debug, Serialize)]
struct Ranked {
    parcels: usize,
    infringements: usize,
    base_rate: Option<Estimate>,
    average_precision: Option<Estimate>,
    auroc: Option<Estimate>,
    capacity: Vec<AtCapacity>,
}

#[derive(Debug, Serialize)]
struct AtCapacity {
    share: CapacityShare,
    precision: Option<Estimate>,
    recall: Option<Estimate>,
}

/// What is learned where only the opened is labeled.
#[derive(Debug, Serialize)]
struct SelectiveReport {
    capacity: CapacityShare,
    random_share: f64,
    /// Everything that was opened, the parcels of `--warm-up` among it.
    inspections: Opened,
    months: Vec<SelectiveMonth>,
    total: Ranked,
    /// What was opened in these months.
    total_inspections: Opened,
}

#[derive(Debug, Serialize)]
struct SelectiveMonth {
    month: String,
    trained_on: usize,
    inspections: Opened,
    #[serde(flatten)]
    ranked: Ranked,
}

#[derive(Debug, Serialize)]
struct Opened {
    parcels: usize,
    random: usize,
    /// Share of them that infringe.
    precision: Option<Estimate>,
    /// The base rate of all parcels, as those drawn at random tell it.
    random_arm_base_rate: Option<Estimate>,
}

pub(super) fn run(asked: Asked<'_>, config: &ValidConfig) -> anyhow::Result<()> {
    let recipe = recipe(config)?;
    let seed = config.train().get().seed;
    let selective =
        asked.selective.map(|(capacity, share)| Selective::new(capacity, share, seed, &recipe)).transpose()?;
    let mut progress = Progress::new();
    let Tables { rows, from, digest } = Tables::read(&asked, config, None, &mut progress)?;

    let rolled = roll(&rows, from, &recipe, &mut progress)?;
    anyhow::ensure!(
        !rolled.months.is_empty(),
        "no month can be judged: too few outcomes are known before any of {}; give earlier ones by --warm-up",
        rolled.unscored.join(", ")
    );
    let selected = selective.map(|selective| select(&rows, from, &selective, &recipe, &mut progress)).transpose()?;
    progress.begin("measuring", None);
    let subject = Subject {
        label_delay_days: config.train().get().label_delay_days,
        model: ModelIdentity { name: recipe.config.get().name.clone(), ..ModelIdentity::default() },
        data_digest: digest,
    };
    let mut report = report(rolled, &asked.settings, subject)?;
    if let (Some(selected), Some((capacity, random_share))) = (selected, asked.selective) {
        report.selective = Some(selective_report(&selected, capacity, random_share, &asked.settings)?);
    }
    progress.end();
    match asked.format {
        Format::Json => output::print(&format!("{}\n", serde_json::to_string(&report)?)),
        Format::Text => output::print(&report.to_text()),
    }
}

/// All tables in order of time.
pub(super) struct Tables {
    pub(super) rows: Vec<LabeledParcel>,
    /// The first row of those that are judged.
    pub(super) from: usize,
    /// Of the judged ones.
    pub(super) digest: String,
}

impl Tables {
    /// `max_weight`: how many parcels a labeled one of the warm-up stands for at most; without it, each stands for itself.
    pub(super) fn read(
        asked: &Asked<'_>,
        config: &ValidConfig,
        max_weight: Option<f64>,
        progress: &mut Progress,
    ) -> anyhow::Result<Self> {
        let mapping = settings::mapping(asked.mapping)?;
        let mut read = |paths: &[PathBuf]| {
            progress.begin("reading", None);
            let most = config.train().get().max_reject_share;
            let dataset = Dataset::read(paths, mapping.as_ref(), config.limits(), most, || progress.tick())?;
            if dataset.rejects.n_rejected() > 0 {
                eprintln!("{}", dataset.rejects.with_examples());
            }
            anyhow::Ok(dataset)
        };
        let mut rows = Vec::new();
        if !asked.warm_up.is_empty() {
            let mut past = read(asked.warm_up)?;
            if let Some(most) = max_weight {
                past.weigh_by_selection(most);
            }
            rows = past.rows;
        }
        let data = read(asked.data)?;
        let begins = data.rows.first().map(|row| row.parcel.advised_at);
        rows.extend(data.rows);
        rows.sort_by_key(|row| row.parcel.advised_at);
        output::warn_of_repeats(n_repeated(&rows), rows.len() as u64);
        let from = rows.partition_point(|row| Some(row.parcel.advised_at) < begins);
        Ok(Self { rows, from, digest: data.digest })
    }
}

fn report(rolled: Rolled, settings: &Settings, subject: Subject) -> Result<Report, InvalidScored> {
    let months = rolled.months.iter().map(|month| {
        let ranked = Ranked::of(&month.backtest.ranked()?, settings);
        Ok(Month { month: month.month.clone(), trained_on: month.trained_on, ranked })
    });
    Ok(Report {
        rolling: "month",
        months: months.collect::<Result<_, InvalidScored>>()?,
        unscored: rolled.unscored,
        total: evaluate(&rolled.pooled.scored()?, settings, subject),
        selective: None,
    })
}

fn selective_report(
    selected: &Selected,
    capacity: CapacityShare,
    random_share: f64,
    settings: &Settings,
) -> Result<SelectiveReport, InvalidScored> {
    let ranked = |judged: &Judged| Ok::<_, InvalidScored>(Ranked::of(&judged.scored()?, settings));
    let months = selected.months.iter().map(|month| {
        Ok(SelectiveMonth {
            month: month.month.clone(),
            trained_on: month.trained_on,
            inspections: Opened::of(&month.judged.inspections, settings)?,
            ranked: ranked(&month.judged)?,
        })
    });
    Ok(SelectiveReport {
        capacity,
        random_share,
        inspections: Opened::of(&selected.inspections, settings)?,
        months: months.collect::<Result<_, InvalidScored>>()?,
        total: ranked(&selected.judged)?,
        total_inspections: Opened::of(&selected.judged.inspections, settings)?,
    })
}

impl Ranked {
    fn of(scored: &Scored, settings: &Settings) -> Self {
        let figures = evaluate(scored, settings, Subject::default());
        let capacity = figures.capacity.iter();
        Self {
            parcels: figures.parcels,
            infringements: figures.infringements,
            base_rate: figures.base_rate,
            average_precision: figures.average_precision,
            auroc: figures.auroc,
            capacity: capacity
                .map(|at| AtCapacity { share: at.share, precision: at.precision, recall: at.recall })
                .collect(),
        }
    }

    /// Precision at the capacity nearest a tenth.
    fn precision(&self) -> Option<Estimate> {
        let from_tenth = |at: &&AtCapacity| (at.share.get() - 0.1).abs();
        self.capacity.iter().min_by(|a, b| from_tenth(a).total_cmp(&from_tenth(b)))?.precision
    }
}

impl Opened {
    fn of(inspections: &Inspections, settings: &Settings) -> Result<Self, InvalidScored> {
        let rate = |scored: &Scored| evaluate(scored, settings, Subject::default()).base_rate;
        Ok(Self {
            parcels: inspections.rows().len(),
            random: inspections.random_rows().len(),
            precision: rate(&inspections.scored()?),
            random_arm_base_rate: rate(&inspections.random()?),
        })
    }
}

impl Report {
    fn to_text(&self) -> String {
        let of_months = self.months.iter().map(|month| line(&month.month, month.trained_on, &month.ranked));
        let mut text = "Each month by the model of its beginning:\n".to_owned();
        text += &aligned(&HEADER, &of_months.collect::<Vec<_>>());
        if !self.unscored.is_empty() {
            text += &format!("Too little was known to train for {}.\n", self.unscored.join(", "));
        }
        if let Some(selective) = &self.selective {
            text += &selective.to_text(&self.total);
        }
        format!("{text}\nAll months, ranked by calibrated probability:\n{}", self.total.to_text())
    }
}

const HEADER: [&str; 7] =
    ["month", "learned from", "parcels", "base rate", "AUROC", "average precision", "precision at a tenth"];

fn line(name: &str, trained_on: usize, ranked: &Ranked) -> Vec<String> {
    vec![
        name.to_owned(),
        trained_on.to_string(),
        ranked.parcels.to_string(),
        ranked.base_rate.map_or("-".to_owned(), |rate| format!("{:.4}", rate.value)),
        shown(ranked.auroc),
        shown(ranked.average_precision),
        shown(ranked.precision()),
    ]
}

impl SelectiveReport {
    /// `full`: the same parcels, where every label is known.
    fn to_text(&self, full: &Evaluation) -> String {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let lines = self.months.iter().map(|month| line(&month.month, month.trained_on, &month.ranked));
        let opened = |name: &str, opened: &Opened| {
            let random = opened.random.to_string();
            let rates = [shown(opened.precision), shown(opened.random_arm_base_rate)];
            [name.to_owned(), opened.parcels.to_string(), random].into_iter().chain(rates).collect::<Vec<_>>()
        };
        let months = self.months.iter().map(|month| opened(&month.month, &month.inspections));
        let sums = [opened("all of them", &self.total_inspections), opened("since the beginning", &self.inspections)];
        let tenth =
            full.capacity.iter().min_by(|a, b| (a.share.get() - 0.1).abs().total_cmp(&(b.share.get() - 0.1).abs()));
        let beside = [
            vec![
                "only the opened".to_owned(),
                self.total.parcels.to_string(),
                shown(self.total.auroc),
                shown(self.total.average_precision),
                shown(self.total.precision()),
            ],
            vec![
                "every parcel".to_owned(),
                full.parcels.to_string(),
                shown(full.auroc),
                shown(full.average_precision),
                shown(tenth.and_then(|at| at.precision)),
            ],
        ];
        format!(
            "\nWhere {} of each week is opened, {} of that at random, and nothing else is labeled:\n{}\n{}\n{}",
            percent(self.capacity.get()),
            percent(self.random_share),
            aligned(
                &["opened", "parcels", "random", "precision", "base rate by the random"],
                &months.chain(sums).collect::<Vec<_>>()
            ),
            aligned(&HEADER, &lines.collect::<Vec<_>>()),
            aligned(&["labeled was", "parcels", "AUROC", "average precision", "precision at a tenth"], &beside),
        )
    }
}

fn shown(estimate: Option<Estimate>) -> String {
    estimate.map_or("-".to_owned(), |estimate| estimate.to_string())
}
