//! `evaluate --rolling week`: a model trained again each week, beside the one of the beginning.

use anyhow::Context as _;
use serde::Serialize;

use super::evaluate::Format;
use super::output::{self, Out};
use super::progress::Progress;
use super::rolling::{Asked, Tables};
use super::train::recipe;
use crate::config::ValidConfig;
use crate::evaluation::{CapacityShare, Estimate, Settings, aligned, mean_of_weeks};
use crate::report::{Course, courses};
use crate::train::{Aged, AgedWeek, Aging, ArmWeek, Selective, age};

/// The report, as its JSON has it.
#[derive(Debug, Serialize)]
struct Report {
    rolling: &'static str,
    capacity: CapacityShare,
    random_share: f64,
    max_weight: f64,
    weeks: Vec<Week>,
    /// Means of the weeks' precision among the riskiest that the capacity holds.
    frozen_precision: Option<Estimate>,
    retrained_precision: Option<Estimate>,
    /// That of the retrained less that of the frozen.
    precision_gain: Option<Estimate>,
    /// Infringements in what each opened.
    frozen_found: usize,
    retrained_found: usize,
    infringements: usize,
}

#[derive(Debug, Serialize)]
struct Week {
    monday: String,
    parcels: usize,
    infringements: usize,
    frozen: Arm,
    retrained: Arm,
}

#[derive(Debug, Serialize)]
struct Arm {
    trained_on: usize,
    opened: usize,
    found: usize,
    /// Share of infringements among the riskiest that the capacity holds.
    precision: Option<f64>,
}

pub(super) fn run(asked: Asked<'_>, max_weight: f64, plot: Option<Out>, config: &ValidConfig) -> anyhow::Result<()> {
    let (capacity, random_share) =
        asked.selective.context("--rolling week needs --selective-labels and --random-share")?;
    anyhow::ensure!(
        !asked.warm_up.is_empty(),
        "--rolling week needs --warm-up: the tables that both models begin with"
    );
    anyhow::ensure!(max_weight >= 1.0, "--max-weight must be at least 1");
    let recipe = recipe(config)?;
    let selective = Selective::new(capacity, random_share, config.train().get().seed, &recipe)?;
    let mut progress = Progress::new();
    let Tables { rows, from, .. } = Tables::read(&asked, config, Some(max_weight), &mut progress)?;
    let aged = age(&rows, from, &Aging { selective, max_weight }, &recipe, &mut progress)?;
    progress.end();
    let report = Report::new(&aged, capacity, random_share, max_weight, &asked.settings);
    if let Some(mut plot) = plot {
        plot.write(&report.to_svg())?;
        plot.finish()?;
    }
    match asked.format {
        Format::Json => output::print(&format!("{}\n", serde_json::to_string(&report)?)),
        Format::Text => output::print(&report.to_text()),
    }
}

impl Report {
    fn new(aged: &Aged, capacity: CapacityShare, random_share: f64, max_weight: f64, settings: &Settings) -> Self {
        let mean = |of: &dyn Fn(&AgedWeek) -> Option<f64>| {
            mean_of_weeks(&aged.weeks.iter().filter_map(of).collect::<Vec<_>>(), settings)
        };
        let sum = |of: &dyn Fn(&AgedWeek) -> usize| aged.weeks.iter().map(of).sum();
        Self {
            rolling: "week",
            capacity,
            random_share,
            max_weight,
            weeks: aged.weeks.iter().map(Week::of).collect(),
            frozen_precision: mean(&|week| week.frozen.precision()),
            retrained_precision: mean(&|week| week.retrained.precision()),
            precision_gain: mean(&|week| Some(week.retrained.precision()? - week.frozen.precision()?)),
            frozen_found: sum(&|week| week.frozen.found),
            retrained_found: sum(&|week| week.retrained.found),
            infringements: sum(&|week| week.infringements),
        }
    }

    fn to_text(&self) -> String {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let shown = |precision: Option<f64>| precision.map_or("-".to_owned(), |precision| format!("{precision:.3}"));
        let line = |week: &Week| {
            vec![
                week.monday.clone(),
                week.parcels.to_string(),
                week.infringements.to_string(),
                week.retrained.opened.to_string(),
                week.retrained.trained_on.to_string(),
                shown(week.frozen.precision),
                shown(week.retrained.precision),
            ]
        };
        let header =
            ["week", "parcels", "infringements", "opened", "learned from", "precision, frozen", "precision, retrained"];
        let mean = |of: Option<Estimate>| of.map_or("-".to_owned(), |estimate| estimate.to_string());
        format!(
            "Where {} of each week is opened, {} of that at random, and nothing else is labeled:\n{}\n\
             Precision among the riskiest {}, mean of {} weeks:\n{}\n\
             Infringements in what was opened, of {}: frozen {}, retrained {}\n",
            percent(self.capacity.get()),
            percent(self.random_share),
            aligned(&header, &self.weeks.iter().map(line).collect::<Vec<_>>()),
            percent(self.capacity.get()),
            self.weeks.len(),
            aligned(
                &["frozen", "retrained", "difference"],
                &[vec![mean(self.frozen_precision), mean(self.retrained_precision), mean(self.precision_gain)]]
            ),
            self.infringements,
            self.frozen_found,
            self.retrained_found,
        )
    }

    fn to_svg(&self) -> String {
        let title = format!("Precision among the riskiest {:.1} % of each week", self.capacity.get() * 100.0);
        let weeks = self.weeks.iter().map(|week| week.monday.clone()).collect::<Vec<_>>();
        let course = |name: &str, of: fn(&Week) -> Option<f64>| Course {
            name: name.to_owned(),
            figures: self.weeks.iter().map(of).collect(),
        };
        let both = [
            course("trained again each week", |week| week.retrained.precision),
            course("frozen", |week| week.frozen.precision),
        ];
        courses(&title, "week that begins on", &weeks, &both)
    }
}

impl Week {
    fn of(week: &AgedWeek) -> Self {
        let arm = |arm: &ArmWeek| Arm {
            trained_on: arm.trained_on,
            opened: arm.opened,
            found: arm.found,
            precision: arm.precision(),
        };
        Self {
            monday: week.monday.clone(),
            parcels: week.parcels,
            infringements: week.infringements,
            frozen: arm(&week.frozen),
            retrained: arm(&week.retrained),
        }
    }
}
