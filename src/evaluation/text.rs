//! An evaluation for a terminal.

use super::{Estimate, Evaluation};

impl Evaluation {
    /// Aligned tables, at most 120 columns with names of usual length, ending in a line break; `-` where a figure is
    /// not defined. A control character in a name is shown as `\u{fffd}`, so that a file's name can't drive a terminal.
    pub fn to_text(&self) -> String {
        let mut text = self.heading();
        text += &table(&["", "value", "95 % interval"], &self.figures());
        text += &section(
            &["opened", "parcels", "precision", "at best", "expected", "recall", "at best", "lift"],
            &self.by_capacity(),
        );
        text += &section(&["part", "parcels", "infringements", "AUROC", "average precision"], &self.by_slice());
        text += &self.against_baselines();
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
        let row = |at: &super::AtCapacity| {
            vec![
                percent(at.share.get()),
                at.parcels.to_string(),
                estimate(at.precision),
                number(at.precision_ceiling),
                number(at.expected_precision),
                estimate(at.recall),
                number(at.recall_ceiling),
                at.lift.map_or("-".into(), |lift| format!("{:.2}", lift.value)),
            ]
        };
        self.capacity.iter().map(row).collect()
    }

    fn by_slice(&self) -> Vec<Vec<String>> {
        let row = |slice: &super::SliceReport| {
            vec![
                printable(&slice.name),
                slice.parcels.to_string(),
                slice.infringements.to_string(),
                estimate(slice.auroc),
                estimate(slice.average_precision),
            ]
        };
        self.slices.iter().map(row).collect()
    }

    fn against_baselines(&self) -> String {
        let name = |(idx, at): (usize, &super::AtCapacity)| {
            format!("{}{}", if idx == 0 { "precision at " } else { "" }, percent(at.share.get()))
        };
        let precisions = self.capacity.iter().enumerate().map(name).collect::<Vec<_>>();
        let mut header = vec!["other score", "average precision", "model is ahead by"];
        header.extend(precisions.iter().map(String::as_str));
        let row = |baseline: &super::BaselineReport| {
            let mut row = vec![
                printable(&baseline.name),
                estimate(baseline.average_precision),
                estimate(baseline.average_precision_lead),
            ];
            row.extend(baseline.capacity.iter().map(|at| number(at.precision.map(|precision| precision.value))));
            row
        };
        section(&header, &self.baselines.iter().map(row).collect::<Vec<_>>())
    }
}

fn section(header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() { String::new() } else { format!("\n{}", table(header, rows)) }
}

/// The first column to the left, all others to the right.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header = header.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let lines = || std::iter::once(&header).chain(rows);
    let width = |column: usize| lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths = (0..header.len()).map(|column| width(column).unwrap_or(0)).collect::<Vec<_>>();
    let mut text = String::new();
    for line in lines() {
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            text += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        text += "\n";
    }
    text
}

fn estimate(estimate: Option<Estimate>) -> String {
    match estimate {
        Some(Estimate { value, low_95: Some(low), high_95: Some(high) }) => format!("{value:.3} ({low:.3}..{high:.3})"),
        _ => number(estimate.map(|estimate| estimate.value)),
    }
}

fn interval(estimate: Option<Estimate>) -> String {
    match estimate {
        Some(Estimate { low_95: Some(low), high_95: Some(high), .. }) => format!("{low:.4}..{high:.4}"),
        _ => "-".into(),
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

    #[test]
    fn columns_line_up_in_any_script() {
        let rows = [vec!["почта".into(), "1".into()], vec!["a".into(), "100".into()]];
        assert_eq!(table(&["", "n"], &rows), "         n\nпочта    1\na      100\n");
    }
}
