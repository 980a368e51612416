//! An evaluation for a terminal.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{
    AtCapacity, BaselineReport, DelayQuantile, Estimate, Evaluation, GroupReport, NoveltyReport, OpenedReport,
    RevenueAtCapacity, SelectionAtCapacity, SelectionReport, SliceReport, aligned::aligned as table,
};

impl Evaluation {
    /// Aligned tables, at most 100 columns with names of usual length, ending in a line break; `-` where a figure is
    /// not defined. A control character in a name is shown as `\u{fffd}`, so that a file's name can't drive a terminal.
    pub fn to_text(&self) -> String {
        let mut text = self.heading();
        text += &table(&["", "value", "95 % interval"], &self.figures());
        text += &section(
            &["opened", "parcels", "precision", "of the best", "recall", "at best", "lift"],
            &self.by_capacity(),
        );
        text += &section(
            &["opened", "expected", "found", "in excess", "calibration error within"],
            &self.calibration_by_capacity(),
        );
        text += &self.against_baselines();
        text += &self.by_revenue();
        text += &self.by_slice();
        text += &self.by_group();
        text += &self.by_truth();
        text += &self.of_the_data();
        let bootstrap = &self.bootstrap;
        if bootstrap.replicates > 0 {
            text += &format!(
                "\nIntervals: 95 %, the wider of {} resamples of rows and of {} days (seed {}).\n",
                bootstrap.replicates, bootstrap.days, bootstrap.seed,
            );
        }
        text
    }

    fn heading(&self) -> String {
        let model = &self.model;
        format!(
            "{} parcels, {} with an infringement; outcomes known after {} days\nmodel {} {} {}\ndata {}\n\n",
            self.parcels,
            self.infringements,
            self.label_delay_days,
            printable(&model.name),
            printable(&model.version),
            printable(&model.digest),
            printable(&self.data_digest),
        )
    }

    fn figures(&self) -> Vec<Vec<String>> {
        let figures = [
            ("base rate", self.base_rate),
            ("average precision", self.average_precision),
            ("AUROC", self.auroc),
            ("log loss", self.log_loss),
            ("  saved of the base rate's", self.log_loss_skill),
            ("Brier score", self.brier),
            ("  saved of the base rate's", self.brier_skill),
            ("expected calibration error", self.expected_calibration_error),
            ("calibration slope", self.calibration_slope),
            ("calibration intercept", self.calibration_intercept),
        ];
        let row = |(name, figure): (&str, Option<Estimate>)| {
            vec![name.into(), number(figure.map(|figure| figure.value)), interval(figure)]
        };
        figures.map(row).into()
    }

    fn by_capacity(&self) -> Vec<Vec<String>> {
        let row = |at: &AtCapacity| {
            vec![
                percent(at.share.get()),
                at.parcels.to_string(),
                estimate(at.precision),
                estimate(at.normalized_precision),
                estimate(at.recall),
                number(at.recall_ceiling),
                at.lift.map_or("-".into(), |lift| format!("{:.2}", lift.value)),
            ]
        };
        self.capacity.iter().map(row).collect()
    }

    fn calibration_by_capacity(&self) -> Vec<Vec<String>> {
        let row = |at: &AtCapacity| {
            vec![
                percent(at.share.get()),
                number(at.expected_precision),
                value(at.precision),
                estimate(at.expected_precision_excess),
                estimate(at.expected_calibration_error_within),
            ]
        };
        self.capacity.iter().map(row).collect()
    }

    fn against_baselines(&self) -> String {
        if self.baselines.is_empty() {
            return String::new();
        }
        let lead = |baseline: &BaselineReport| {
            vec![
                printable(&baseline.name),
                estimate(baseline.average_precision),
                estimate(baseline.average_precision_lead),
            ]
        };
        let leads = self.baselines.iter().map(lead).collect::<Vec<_>>();
        let names = self.capacity.iter().map(|at| percent(at.share.get())).collect::<Vec<_>>();
        let header = std::iter::once("precision at").chain(names.iter().map(String::as_str)).collect::<Vec<_>>();
        let own = self.capacity.iter().map(|at| value(at.precision));
        let mut precisions = vec![std::iter::once("this model".to_owned()).chain(own).collect::<Vec<_>>()];
        precisions.extend(self.baselines.iter().map(|baseline| {
            let found = baseline.capacity.iter().map(|at| value(at.precision));
            std::iter::once(printable(&baseline.name)).chain(found).collect()
        }));
        section(&["other score", "average precision", "model is ahead by"], &leads) + &section(&header, &precisions)
    }

    fn by_revenue(&self) -> String {
        let Some(revenue) = &self.revenue else { return String::new() };
        let row = |at: &RevenueAtCapacity| {
            vec![percent(at.share.get()), estimate(at.found), estimate(at.normalized), estimate(at.found_winsorized)]
        };
        let rows = revenue.capacity.iter().map(row).collect::<Vec<_>>();
        let winsorized = format!("winsorized at {:.2}", revenue.winsorized_at);
        let table = section(&["opened", "revenue found", "of the best", &winsorized], &rows);
        format!(
            "{table}{} infringements state {:.2} in all; the 50 largest hold {} of it.\n",
            revenue.infringements,
            revenue.total,
            estimate(revenue.share_of_largest_50),
        )
    }

    /// A table for each dimension, in the order of their first slices; the largest slices first.
    fn by_slice(&self) -> String {
        let mut dimensions = self.slices.iter().map(|slice| slice.dimension.as_str()).collect::<Vec<_>>();
        let mut seen = BTreeSet::new();
        dimensions.retain(|dimension| seen.insert(*dimension));
        let table = |dimension: &str| {
            let mut slices = self.slices.iter().filter(|slice| slice.dimension == dimension).collect::<Vec<_>>();
            slices.sort_by_key(|slice| Reverse(slice.parcels));
            let row = |slice: &&SliceReport| {
                vec![
                    printable(if dimension.is_empty() { &slice.name } else { &slice.value }),
                    slice.parcels.to_string(),
                    value(slice.base_rate),
                    estimate(slice.auroc),
                    estimate(slice.average_precision),
                    value(slice.precision_at_tenth),
                    number(slice.expected_calibration_error),
                ]
            };
            let name = if dimension.is_empty() { "part".to_owned() } else { printable(dimension) };
            let header = [&name, "parcels", "base rate", "AUROC", "average precision", "at a tenth", "ECE"];
            section(&header, &slices.iter().map(row).collect::<Vec<_>>())
        };
        dimensions.into_iter().map(table).collect()
    }

    /// Each dimension at its capacity nearest a tenth: all others are in the JSON.
    fn by_group(&self) -> String {
        let table = |dimension: &SelectionReport| {
            let first = dimension.groups.first().map_or(&[][..], |group| &group.capacity);
            let from_tenth = |at: &SelectionAtCapacity| (at.share.get() - 0.1).abs();
            let nearest = first.iter().enumerate().min_by(|a, b| from_tenth(a.1).total_cmp(&from_tenth(b.1)));
            let Some((idx, nearest)) = nearest else { return String::new() };
            let row = |group: &GroupReport| {
                let at = &group.capacity[idx];
                vec![
                    printable(&group.value),
                    group.parcels.to_string(),
                    value(group.base_rate),
                    value(at.selection_rate),
                    estimate(at.ratio),
                    value(at.precision),
                    value(at.false_positive_rate),
                    if at.flagged { "look" } else { "" }.to_owned(),
                ]
            };
            let name = format!("{} opened at {}", printable(&dimension.dimension), percent(nearest.share.get()));
            let header = [&name, "parcels", "base rate", "opened", "over all", "precision", "of clean", ""];
            section(&header, &dimension.groups.iter().map(row).collect::<Vec<_>>())
        };
        self.selection.iter().map(table).collect()
    }

    /// A table for each dimension, in the order of their first groups.
    fn by_truth(&self) -> String {
        let mut dimensions = self.opened.iter().map(|group| group.dimension.as_str()).collect::<Vec<_>>();
        dimensions.dedup();
        let shares = self.capacity.iter().map(|at| percent(at.share.get())).collect::<Vec<_>>();
        let table = |dimension: &str| {
            let groups = self.opened.iter().filter(|group| group.dimension == dimension);
            let row = |group: &OpenedReport| {
                let opened = group.capacity.iter().map(|at| estimate(at.opened));
                [printable(&group.value), group.parcels.to_string()].into_iter().chain(opened).collect()
            };
            let name = format!("{}, opened at", printable(dimension));
            let header =
                [name.as_str(), "parcels"].into_iter().chain(shares.iter().map(String::as_str)).collect::<Vec<_>>();
            section(&header, &groups.map(row).collect::<Vec<_>>())
        };
        dimensions.into_iter().map(table).collect()
    }

    /// Drift, novelty and label delay: what the rows are, whatever the scores.
    fn of_the_data(&self) -> String {
        let mut text = String::new();
        if let Some(drift) = &self.drift {
            let row = |name: &str, figure: Option<Estimate>| vec![name.to_owned(), value(figure), interval(figure)];
            let rows = [row("score KS", drift.score_ks), row("score PSI", drift.score_psi)];
            text += &section(&["against the model's own", "value", "95 % interval"], &rows);
        }
        let mut keys = self.novelty.iter().filter(|key| key.parcels > 0).collect::<Vec<_>>();
        keys.sort_by_key(|key| Reverse(key.parcels));
        let key = |key: &&NoveltyReport| vec![printable(&key.key), key.parcels.to_string(), estimate(key.unseen)];
        text += &section(&["key", "parcels", "never met before"], &keys.iter().map(key).collect::<Vec<_>>());
        if let Some(delay) = &self.observed_label_delay {
            let row = |at: &DelayQuantile| vec![percent(at.share), days(at.days)];
            let header = format!("of {} outcomes", delay.parcels);
            text += &section(&[&header, "known after days"], &delay.quantiles.iter().map(row).collect::<Vec<_>>());
        }
        text
    }
}

fn section(header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() { String::new() } else { format!("\n{}", table(header, rows)) }
}

fn estimate(estimate: Option<Estimate>) -> String {
    estimate.map_or("-".into(), |estimate| estimate.to_string())
}

fn interval(estimate: Option<Estimate>) -> String {
    match estimate {
        Some(Estimate { low_95: Some(low), high_95: Some(high), .. }) => format!("{low:.4}..{high:.4}"),
        _ => "-".into(),
    }
}

fn value(estimate: Option<Estimate>) -> String {
    number(estimate.map(|estimate| estimate.value))
}

fn days(days: Option<Estimate>) -> String {
    match days {
        Some(Estimate { value, low_95: Some(low), high_95: Some(high) }) => format!("{value:.1} ({low:.1}..{high:.1})"),
        _ => days.map_or("-".into(), |days| format!("{:.1}", days.value)),
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.4}"))
}

fn percent(share: f64) -> String {
    // Eight digits hide that 0.07 · 100 is 7.000000000000001.
    let percent = format!("{:.8}", share * 100.0);
    format!("{} %", percent.trim_end_matches('0').trim_end_matches('.'))
}

fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_shown_as_the_percentage_that_was_asked_for() {
        assert_eq!([1.0, 0.5, 0.07, 0.001].map(percent), ["100 %", "50 %", "7 %", "0.1 %"]);
    }

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(printable("почта\u{1b}[2J\n"), "почта\u{fffd}[2J\u{fffd}");
    }
}
