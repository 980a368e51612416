//! How many independent draws a mass is worth, for intervals at the edge.

use super::interval::{Estimate, Interval, wilson_at_edge};

/// How many independent draws a mass is worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    /// Mass of all rows.
    pub(super) parcels: f64,
    /// Mass of the infringements.
    pub(super) infringements: f64,
    /// Kish's `Σw / Σw²` over all rows: 1 where every weight is 1.
    per_mass: f64,
}

impl Draws {
    /// * `rows`: weight and target of each.
    pub(super) fn of(rows: impl Iterator<Item = (f64, f64)>) -> Self {
        let (mut parcels, mut infringements, mut squares) = (0.0, 0.0, 0.0);
        for (weight, target) in rows {
            parcels += weight;
            infringements += weight * target;
            squares += weight * weight;
        }
        Self { parcels, infringements, per_mass: if squares > 0.0 { parcels / squares } else { 0.0 } }
    }

    /// Wilson's interval of a share of `mass` that is 0 or 1.
    pub(super) fn wilson(&self, share: f64, mass: f64) -> Option<Interval> {
        wilson_at_edge(share, mass * self.per_mass)
    }

    /// A share of `mass` with its interval, at least Wilson's where it is 0 or 1.
    pub(super) fn at_least_wilson(
        &self,
        share: Option<f64>,
        mass: f64,
        interval: Option<Interval>,
    ) -> Option<Estimate> {
        share.map(|share| Estimate::new(share, widened(interval, self.wilson(share, mass))))
    }
}

/// The bootstrap's interval, widened where a share is at its edge; `None` for `wilson` is no edge.
///
/// What is no share, such as lift, has a bootstrap that lies beside Wilson's and may be the longer of the two: it is at
/// least Wilson's only where it holds both.
pub(super) fn widened(interval: Option<Interval>, wilson: Option<Interval>) -> Option<Interval> {
    match wilson {
        None => interval,
        Some(wilson) => interval.map(|interval| (interval.0.min(wilson.0), interval.1.max(wilson.1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_at_the_edge_holds_both() {
        // Neither holds the other, and the bootstrap's is the longer.
        assert_eq!(widened(Some((3.5, 5.0)), Some((3.0, 4.0))), Some((3.0, 5.0)));
        assert_eq!(widened(Some((0.9, 1.0)), Some((0.7, 1.0))), Some((0.7, 1.0)));
        assert_eq!(widened(Some((0.9, 1.0)), None), Some((0.9, 1.0)), "no edge");
        assert_eq!(widened(None, Some((0.7, 1.0))), None, "what can't be told is not told by half");
    }
}
