//! How much each capacity opens of named groups, whatever their size: recall of a group of infringements, false
//! alarms among a group of clean parcels.

use serde::{Deserialize, Serialize};

use super::{
    columns::Slice,
    interval::{Estimate, wilson},
    scored::Scored,
    settings::CapacityShare,
};

/// How much of one group is opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenedReport {
    /// What tells its rows from others, such as `typology`.
    pub dimension: String,
    /// Which of them these are.
    pub value: String,
    /// Its rows.
    pub parcels: usize,
    /// What is opened of it, by ascending share.
    pub capacity: Vec<OpenedAtCapacity>,
}

/// How much of one group is opened at one capacity, which is that of all parcels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenedAtCapacity {
    /// The share of all parcels that can be opened.
    pub share: CapacityShare,
    /// Share of the group that is opened, with Wilson's interval.
    pub opened: Option<Estimate>,
}

/// A group by the canonical indices of its rows.
#[derive(Clone, Debug)]
pub(super) struct OpenedGroup {
    dimension: String,
    value: String,
    members: Vec<usize>,
}

impl OpenedGroup {
    /// * `canonical_of`: by row as given.
    pub(super) fn new(group: &Slice, canonical_of: &[usize]) -> Self {
        let rows = group.rows.iter().zip(canonical_of).filter(|(member, _)| **member);
        let mut members: Vec<usize> = rows.map(|(_, canonical)| *canonical).collect();
        members.sort_unstable();
        Self { dimension: group.dimension.clone(), value: group.value.clone(), members }
    }
}

/// * `shares`: ascending.
pub(super) fn reports(scored: &Scored, shares: &[CapacityShare]) -> Vec<OpenedReport> {
    if scored.opened.is_empty() {
        return Vec::new();
    }
    let sweep = scored.by_margin.sweep(&scored.weights, &scored.targets, shares);
    let mut place_of = vec![0; scored.n_rows()];
    for (place, row) in scored.by_margin.order().iter().enumerate() {
        place_of[*row] = place;
    }
    let report = |group: &OpenedGroup| {
        let rows = || group.members.iter().map(|row| (place_of[*row], scored.weights[*row]));
        let (all, squares) = rows().fold((0.0, 0.0), |(all, squares), (_, w)| (all + w, squares + w * w));
        // Kish's number of draws.
        let draws = if squares > 0.0 { all * all / squares } else { 0.0 };
        let at = |(&share, cut): (&CapacityShare, &super::ranking::Cut)| {
            let of = |place: usize| match place {
                _ if place < cut.place.above => 1.0,
                _ if place < cut.place.end => cut.place.of_tied,
                _ => 0.0,
            };
            let opened: f64 = rows().map(|(place, weight)| weight * of(place)).sum();
            let opened = (all > 0.0).then(|| (opened / all).clamp(0.0, 1.0));
            OpenedAtCapacity { share, opened: opened.map(|opened| Estimate::new(opened, wilson(opened, draws))) }
        };
        OpenedReport {
            dimension: group.dimension.clone(),
            value: group.value.clone(),
            parcels: group.members.len(),
            capacity: shares.iter().zip(&sweep.cuts).map(at).collect(),
        }
    };
    scored.opened.iter().map(report).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Columns, ScoredRow, Settings, Subject, evaluate};
    use super::*;

    #[test]
    fn a_group_is_counted_above_the_cut_and_by_its_share_of_a_tie() {
        // Margins 9, 8, …, 2 and twice 1; the group is the first, the third, and one of the tie.
        let margins = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 1.0];
        let rows = margins.map(|margin| ScoredRow { margin, infringement: margin > 8.5, ..ScoredRow::default() });
        let group = Slice {
            dimension: "typology".into(),
            value: "T01".into(),
            rows: (0..10).map(|row| [0, 2, 9].contains(&row)).collect(),
        };
        let columns = Columns { opened: vec![group], ..Columns::default() };
        let share = |share| CapacityShare::new(share).unwrap();
        let settings = Settings { capacity: vec![share(0.1), share(0.5), share(0.9)], bootstrap: 0, seed: 1 };
        let report = evaluate(&Scored::new(&rows, &columns).unwrap(), &settings, Subject::default());
        let opened: Vec<f64> =
            report.opened[0].capacity.iter().filter_map(|at| at.opened.map(|opened| opened.value)).collect();
        assert_eq!(report.opened[0].parcels, 3);
        let expected = [1.0 / 3.0, 2.0 / 3.0, 2.5 / 3.0];
        assert!(opened.iter().zip(expected).all(|(got, wanted)| (got - wanted).abs() < 1e-12), "{opened:?}");
    }
}
