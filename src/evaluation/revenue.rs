//! What is at stake in the infringements, and how much of it a capacity finds.

use serde::{Deserialize, Serialize};

use super::{
    bootstrap::Bootstrap,
    interval::Estimate,
    metrics::{Metrics, share},
    quantile::Quantiles,
    ranking::{Ranking, Sweep},
    scored::{Scored, ScoredRow},
    settings::CapacityShare,
};

/// What is at stake in the infringements, and how much of it a capacity finds. Amounts are in the data's own currency.
///
/// A few amounts may hold nearly all of the sum: read [`RevenueReport::share_of_largest_50`] first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevenueReport {
    /// Rows with an infringement that state an amount; those that state none count as 0.
    pub infringements: usize,
    /// Sum of their amounts, weighted.
    pub total: f64,
    /// Share of the total that the 50 largest hold.
    pub share_of_largest_50: Option<Estimate>,
    /// The 99 % quantile of the amounts, at which the winsorized figures cut the larger ones.
    pub winsorized_at: f64,
    /// What a capacity finds, by ascending share.
    pub capacity: Vec<RevenueAtCapacity>,
}

/// What a capacity finds of the amounts at stake, the riskiest parcels first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevenueAtCapacity {
    /// The share of the parcels that can be opened.
    pub share: CapacityShare,
    /// Share of the total that is found.
    pub found: Option<Estimate>,
    /// That share over what opening the largest amounts would find.
    pub normalized: Option<Estimate>,
    /// Share found where no amount counts above [`RevenueReport::winsorized_at`].
    pub found_winsorized: Option<Estimate>,
}

const LARGEST: f64 = 50.0;

/// Amounts by canonical index, as shares of the largest one: 0 for clean parcels and where none is stated.
#[derive(Clone, Debug)]
pub(super) struct Revenue {
    n_stated: usize,
    /// The unit of the shares; 1 where all amounts are 0.
    largest: f64,
    amounts: Vec<f64>,
    winsorized_at: f64,
    winsorized: Vec<f64>,
    by_amount: Ranking,
}

/// Figures under one weighting.
#[derive(Clone, Debug)]
pub(super) struct RevenueMetrics {
    total: f64,
    share_of_largest: Option<f64>,
    cuts: Vec<RevenueCut>,
}

#[derive(Clone, Copy, Debug)]
struct RevenueCut {
    found: Option<f64>,
    normalized: Option<f64>,
    winsorized: Option<f64>,
}

impl Revenue {
    /// `None` where no infringement states an amount. `rows`: in canonical order.
    pub(super) fn new(rows: &[ScoredRow]) -> Option<Self> {
        let stated = |row: &ScoredRow| row.revenue.filter(|_| row.infringement);
        let quantiles = Quantiles::new(rows.iter().map(stated))?;
        let weights = rows.iter().map(|row| row.weight).collect::<Vec<_>>();
        let [winsorized_at] = quantiles.of(&weights, [0.99]);
        let largest = rows.iter().filter_map(stated).fold(0.0, f64::max);
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let winsorized_at = winsorized_at.unwrap_or(largest);
        let amounts = rows.iter().map(|row| stated(row).unwrap_or(0.0) / largest).collect::<Vec<_>>();
        Some(Self {
            n_stated: rows.iter().filter_map(stated).count(),
            winsorized: amounts.iter().map(|amount| amount.min(winsorized_at / largest)).collect(),
            by_amount: Ranking::new(&amounts, (0..rows.len()).collect()),
            largest,
            amounts,
            winsorized_at,
        })
    }

    /// * `weights`: by canonical index. `shares`: ascending.
    pub(super) fn measure(&self, by_margin: &Ranking, weights: &[f64], shares: &[CapacityShare]) -> RevenueMetrics {
        let found = by_margin.sweep(weights, &self.amounts, shares);
        let winsorized = by_margin.sweep(weights, &self.winsorized, shares);
        let at_best = self.by_amount.sweep(weights, &self.amounts, shares);
        let of = |sweep: &Sweep, cut: usize| share(sweep.cuts[cut].infringements, sweep.infringements);
        let cut = |cut| RevenueCut {
            found: of(&found, cut),
            normalized: share(found.cuts[cut].infringements, at_best.cuts[cut].infringements),
            winsorized: of(&winsorized, cut),
        };
        RevenueMetrics {
            total: found.infringements * self.largest,
            share_of_largest: share(self.of_largest(weights), found.infringements),
            cuts: (0..shares.len()).map(cut).collect(),
        }
    }

    /// Amounts of the first 50 parcels by amount.
    fn of_largest(&self, weights: &[f64]) -> f64 {
        let (mut left, mut sum) = (LARGEST, 0.0);
        for &row in self.by_amount.order() {
            let taken = weights[row].min(left);
            sum += taken * self.amounts[row];
            left -= taken;
            if left <= 0.0 {
                break;
            }
        }
        sum
    }
}

/// `None` where no infringement states an amount.
pub(super) fn report(
    scored: &Scored,
    shares: &[CapacityShare],
    point: &Metrics,
    bootstrap: &Bootstrap,
) -> Option<RevenueReport> {
    let (revenue, found) = (scored.revenue.as_ref()?, point.revenue.as_ref()?);
    let at = |(cut, &share): (usize, &CapacityShare)| {
        let of = |figure: fn(&RevenueCut) -> Option<f64>| {
            bootstrap.estimate(point, |m| m.revenue.as_ref().and_then(|revenue| figure(&revenue.cuts[cut])))
        };
        RevenueAtCapacity {
            share,
            found: of(|cut| cut.found),
            normalized: of(|cut| cut.normalized),
            found_winsorized: of(|cut| cut.winsorized),
        }
    };
    Some(RevenueReport {
        infringements: revenue.n_stated,
        total: found.total,
        share_of_largest_50: bootstrap
            .estimate(point, |m| m.revenue.as_ref().and_then(|revenue| revenue.share_of_largest)),
        winsorized_at: revenue.winsorized_at,
        capacity: shares.iter().enumerate().map(at).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Columns, Settings, Subject, evaluate},
        *,
    };

    fn report(amounts: &[Option<f64>], infringements: &[bool], share: f64) -> Option<RevenueReport> {
        let row = |at: usize| ScoredRow {
            margin: -(at as f64),
            infringement: infringements[at],
            revenue: amounts[at],
            ..ScoredRow::default()
        };
        let rows = (0..amounts.len()).map(row).collect::<Vec<_>>();
        let settings = Settings { capacity: vec![CapacityShare::new(share).unwrap()], bootstrap: 0, seed: 0 };
        evaluate(&Scored::new(&rows, &Columns::default()).unwrap(), &settings, Subject::default()).revenue
    }

    #[test]
    fn revenue_by_hand() {
        // The clean parcel's amount is not at stake. Half of the parcels hold 10 of 40, where 30 + 10 were possible.
        let amounts = [Some(10.0), Some(99.0), Some(30.0), None];
        let found = report(&amounts, &[true, false, true, true], 0.5).unwrap();
        assert_eq!((found.infringements, found.total, found.winsorized_at), (2, 40.0, 30.0));
        let at = found.capacity[0];
        assert_eq!(at.found.map(|it| it.value), Some(0.25));
        assert_eq!(at.normalized.map(|it| it.value), Some(0.25));
        assert_eq!(found.share_of_largest_50.map(|it| it.value), Some(1.0));
    }

    #[test]
    fn one_amount_of_a_hundred_cannot_outweigh_the_winsorized_rest() {
        let mut amounts = vec![Some(1.0); 200];
        amounts[199] = Some(1e6);
        let found = report(&amounts, &[true; 200], 0.5).unwrap();
        assert_eq!(found.winsorized_at, 1.0);
        assert!(found.capacity[0].found.unwrap().value < 0.001);
        assert!((found.capacity[0].found_winsorized.unwrap().value - 0.5).abs() < 1e-12);
        assert!(found.share_of_largest_50.unwrap().value > 0.999);
    }

    #[test]
    fn without_an_amount_there_is_no_report() {
        assert_eq!(report(&[None, Some(5.0)], &[true, false], 0.5), None);
        let nothing = report(&[Some(0.0), Some(0.0)], &[true, true], 0.5).unwrap();
        assert_eq!((nothing.total, nothing.capacity[0].found), (0.0, None));
    }
}
