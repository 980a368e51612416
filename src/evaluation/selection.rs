//! How often the parcels of each group are opened, and with what success.

use serde::{Deserialize, Serialize};

use super::{
    bootstrap::Bootstrap,
    draws::Draws,
    interval::Estimate,
    metrics::{Metrics, share},
    partition::{MIN_ROWS, Part, Partition},
    ranking::Sweep,
    scored::Scored,
    settings::CapacityShare,
};

/// Selection of the groups of a dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectionReport {
    /// What tells the groups apart, such as `origin_country`.
    pub dimension: String,
    /// The groups by falling size; those under 100 rows together, as `other`, at the end.
    pub groups: Vec<GroupReport>,
}

/// Selection of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// Its value in the dimension.
    pub value: String,
    /// Its rows.
    pub parcels: usize,
    /// Its rows with an infringement.
    pub infringements: usize,
    /// Share of infringements in it: what its selection rate has to be read beside.
    pub base_rate: Option<Estimate>,
    /// What a capacity opens of it, by ascending share.
    pub capacity: Vec<SelectionAtCapacity>,
}

/// Selection of one group at one capacity, which is that of all parcels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectionAtCapacity {
    /// The share of all parcels that can be opened.
    pub share: CapacityShare,
    /// Share of the group's parcels that are opened.
    pub selection_rate: Option<Estimate>,
    /// The group's selection rate over that of all parcels.
    pub ratio: Option<Estimate>,
    /// Share of the group's opened parcels that infringe.
    pub precision: Option<Estimate>,
    /// Share of the group's clean parcels that are opened.
    pub false_positive_rate: Option<Estimate>,
    /// Whether the ratio is below 0.8 or above 1.25 in a group of at least 100 rows. It asks for a look, no more: a
    /// group that infringes more often is rightly opened more often.
    pub flagged: bool,
}

/// The four-fifths of the U.S. Uniform Guidelines on Employee Selection Procedures (29 CFR 1607.4 D), both ways.
const UNREMARKABLE: std::ops::RangeInclusive<f64> = 0.8..=1.25;

/// A dimension's groups, with the group of each row.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    dimension: String,
    groups: Vec<Part>,
    /// By canonical index.
    group_of: Vec<usize>,
}

/// Figures of one group at one capacity under one weighting.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupCut {
    rate: Option<f64>,
    ratio: Option<f64>,
    precision: Option<f64>,
    false_positive_rate: Option<f64>,
    opened: f64,
}

/// Figures of one group under one weighting.
#[derive(Clone, Debug)]
pub(super) struct GroupMetrics {
    base_rate: Option<f64>,
    cuts: Vec<GroupCut>,
}

/// Mass of a group, and of its infringements.
#[derive(Clone, Copy, Debug, Default)]
struct Mass {
    parcels: f64,
    infringements: f64,
}

impl Selection {
    /// `None` where there are not two groups. `canonical_of`: by row as given.
    pub(super) fn new(partition: &Partition, canonical_of: &[usize]) -> Option<Self> {
        let mut groups = partition.parts(usize::MAX);
        let mut group_of = vec![0; canonical_of.len()];
        for (idx, group) in groups.iter_mut().enumerate() {
            for row in &mut group.rows {
                *row = canonical_of[*row];
                group_of[*row] = idx;
            }
            group.rows.sort_unstable();
        }
        (!groups.is_empty()).then(|| Self { dimension: partition.dimension.clone(), groups, group_of })
    }

    /// * `weights`: by canonical index. `all`: of a sweep over all rows under the same weights.
    pub(super) fn measure(&self, scored: &Scored, weights: &[f64], all: &Sweep) -> Vec<GroupMetrics> {
        let mut so_far = vec![Mass::default(); self.groups.len()];
        let order = scored.by_margin.order();
        let mut next = 0;
        let mut reach = |end: usize, so_far: &mut Vec<Mass>| {
            for &row in &order[next.min(end)..end] {
                let mass = &mut so_far[self.group_of[row]];
                mass.parcels += weights[row];
                mass.infringements += weights[row] * scored.targets[row];
            }
            next = next.max(end);
        };
        let mut cuts = Vec::with_capacity(all.cuts.len());
        // Cuts come by ascending share. Several may lie in one tie, so what is above it is kept.
        let (mut above_at, mut above) = (usize::MAX, Vec::new());
        for cut in &all.cuts {
            if above_at != cut.place.above {
                reach(cut.place.above, &mut so_far);
                (above_at, above) = (cut.place.above, so_far.clone());
            }
            reach(cut.place.end, &mut so_far);
            let opened = above.iter().zip(&so_far).map(|(above, end)| Mass {
                parcels: above.parcels + cut.place.of_tied * (end.parcels - above.parcels),
                infringements: above.infringements + cut.place.of_tied * (end.infringements - above.infringements),
            });
            cuts.push(opened.collect::<Vec<_>>());
        }
        reach(order.len(), &mut so_far);
        let group = |(idx, whole): (usize, &Mass)| GroupMetrics {
            base_rate: share(whole.infringements, whole.parcels),
            cuts: cuts
                .iter()
                .zip(&all.cuts)
                .map(|(cut, of_all)| {
                    let opened = cut[idx];
                    let rate = share(opened.parcels, whole.parcels);
                    let of_all = share(of_all.parcels, all.parcels).filter(|rate| *rate > 0.0);
                    let clean = (opened.parcels - opened.infringements).max(0.0);
                    GroupCut {
                        rate,
                        ratio: rate.zip(of_all).map(|(rate, of_all)| rate / of_all),
                        precision: share(opened.infringements, opened.parcels),
                        false_positive_rate: share(clean, whole.parcels - whole.infringements),
                        opened: opened.parcels,
                    }
                })
                .collect(),
        };
        so_far.iter().enumerate().map(group).collect()
    }
}

/// Every dimension, in the order given.
pub(super) fn reports(
    scored: &Scored,
    shares: &[CapacityShare],
    point: &Metrics,
    bootstrap: &Bootstrap,
) -> Vec<SelectionReport> {
    let Scored { weights, targets, .. } = scored;
    let report = |(at, selection): (usize, &Selection)| {
        let group = |(idx, part): (usize, &Part)| {
            let draws = Draws::of(part.rows.iter().map(|&row| (weights[row], targets[row])));
            let whole = &point.selections[at][idx];
            let cut = |(cut, &share): (usize, &CapacityShare)| {
                let found = whole.cuts[cut];
                let of = |figure: fn(&GroupCut) -> Option<f64>| {
                    bootstrap.interval(|m| figure(&m.selections[at][idx].cuts[cut]))
                };
                let clean = draws.parcels - draws.infringements;
                SelectionAtCapacity {
                    share,
                    selection_rate: draws.at_least_wilson(found.rate, draws.parcels, of(|cut| cut.rate)),
                    ratio: found.ratio.map(|ratio| Estimate::new(ratio, of(|cut| cut.ratio))),
                    precision: draws.at_least_wilson(found.precision, found.opened, of(|cut| cut.precision)),
                    false_positive_rate: draws.at_least_wilson(
                        found.false_positive_rate,
                        clean,
                        of(|cut| cut.false_positive_rate),
                    ),
                    flagged: part.rows.len() >= MIN_ROWS
                        && found.ratio.is_some_and(|ratio| !UNREMARKABLE.contains(&ratio)),
                }
            };
            let base_rate = bootstrap.interval(|m| m.selections[at][idx].base_rate);
            GroupReport {
                value: part.value.clone(),
                parcels: part.rows.len(),
                infringements: part.rows.iter().filter(|&&row| targets[row] > 0.0).count(),
                base_rate: draws.at_least_wilson(whole.base_rate, draws.parcels, base_rate),
                capacity: shares.iter().enumerate().map(cut).collect(),
            }
        };
        SelectionReport {
            dimension: selection.dimension.clone(),
            groups: selection.groups.iter().enumerate().map(group).collect(),
        }
    };
    scored.selections.iter().enumerate().map(report).collect()
}
