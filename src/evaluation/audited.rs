//! What a random control tells of all parcels: prevalence, recall and precision, by inverse probabilities of selection.
//!
//! Parcels that were bound to be inspected speak for themselves. Of the others, each that was drawn stands for as many as
//! the inverse of its chance (Horvitz and Thompson, JASA 47 (1952)); sums are divided by the sum of the weights and not by
//! the known number (Hájek, 1971), which is steadier where chances differ.

use super::interval::{Estimate, Interval};

/// One parcel, its chance of being inspected, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Audited {
    /// The chance with which the policy sends it to inspection, 0 to 1, before all draws.
    pub chance: f64,
    /// Whether it was sent.
    pub selected: bool,
    /// Whether an infringement was found, where a result is known.
    pub infringement: Option<bool>,
}

/// Parcels of one kind, and what is known of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stratum {
    /// Parcels.
    pub parcels: u64,
    /// Those sent to inspection.
    pub selected: u64,
    /// Those with a result.
    pub inspected: u64,
    /// Those with an infringement.
    pub infringements: u64,
    /// About as many equally weighted results tell as much: the square of the sum of weights by the sum of squares.
    pub effective_inspected: f64,
}

/// What is estimated; shares are of parcels that had any chance of being inspected.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEstimates {
    /// Parcels that were bound to be inspected: by score, or by a rule.
    pub chosen: Stratum,
    /// Parcels that only a draw could send there.
    pub drawn: Stratum,
    /// Parcels that nothing could: what holds for them can't be told.
    pub out_of_reach: u64,
    /// Share of infringements among all parcels within reach. `None` without results.
    pub prevalence: Option<Estimate>,
    /// Of the infringements within reach, the share among those chosen.
    pub recall: Option<Estimate>,
    /// Share of infringements among the chosen.
    pub precision: Option<Estimate>,
}

/// A chance of one, as it may come out where it is put together of several.
const CERTAIN: f64 = 1.0 - 1e-9;
/// Two-sided 95 % of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Estimates from parcels of which some were inspected. Within chosen and drawn, a parcel without a result is taken to be
/// like those with one.
pub fn audited(parcels: impl IntoIterator<Item = Audited>) -> AuditEstimates {
    let (mut chosen, mut drawn) = (Gathered::default(), Gathered::default());
    let mut out_of_reach = 0;
    for parcel in parcels {
        match parcel.chance {
            chance if chance >= CERTAIN => chosen.add(&parcel),
            chance if chance > 0.0 => drawn.add(&parcel),
            _ => out_of_reach += 1,
        }
    }
    let (n_chosen, n_drawn) = (chosen.stratum.parcels as f64, drawn.stratum.parcels as f64);
    let (of_chosen, of_drawn) = (chosen.share(), drawn.share());
    let is_known = |share: &Option<(f64, Interval)>, n: f64| share.is_some() || n == 0.0;
    let known = is_known(&of_chosen, n_chosen) && is_known(&of_drawn, n_drawn) && n_chosen + n_drawn > 0.0;
    let nothing = (0.0, (0.0, 0.0));
    let (a, b) = (of_chosen.unwrap_or(nothing), of_drawn.unwrap_or(nothing));
    let total = |a: f64, b: f64| (n_chosen * a + n_drawn * b) / (n_chosen + n_drawn);
    let prevalence = known.then(|| {
        let value = total(a.0, b.0);
        // Independent parts: distances to each end add up as squares (Zou and Donner, Statistics in Medicine 27 (2008)).
        let (below, above) = (
            total(a.0 - a.1.0, 0.0).hypot(total(0.0, b.0 - b.1.0)),
            total(a.1.1 - a.0, 0.0).hypot(total(0.0, b.1.1 - b.0)),
        );
        Estimate::new(value, Some(((value - below).max(0.0), (value + above).min(1.0))))
    });
    let caught = |a: f64, b: f64| {
        let (caught, missed) = (n_chosen * a, n_drawn * b);
        (caught + missed > 0.0).then(|| caught / (caught + missed))
    };
    let recall = known.then(|| caught(a.0, b.0)).flatten().map(|value| {
        let interval = caught(a.1.0, b.1.1).zip(caught(a.1.1, b.1.0));
        Estimate::new(value, interval)
    });
    let precision = of_chosen.map(|(value, interval)| Estimate::new(value, Some(interval)));
    AuditEstimates { chosen: chosen.stratum(), drawn: drawn.stratum(), out_of_reach, prevalence, recall, precision }
}

#[derive(Default)]
struct Gathered {
    stratum: Stratum,
    weight: f64,
    weight_squared: f64,
    weight_of_infringements: f64,
}

impl Gathered {
    fn add(&mut self, parcel: &Audited) {
        self.stratum.parcels += 1;
        self.stratum.selected += u64::from(parcel.selected);
        if let (true, Some(infringement)) = (parcel.selected, parcel.infringement) {
            let weight = 1.0 / parcel.chance;
            self.stratum.inspected += 1;
            self.stratum.infringements += u64::from(infringement);
            self.weight += weight;
            self.weight_squared += weight * weight;
            self.weight_of_infringements += if infringement { weight } else { 0.0 };
        }
    }

    fn effective(&self) -> f64 {
        if self.weight > 0.0 { self.weight * self.weight / self.weight_squared } else { 0.0 }
    }

    fn stratum(&self) -> Stratum {
        Stratum { effective_inspected: self.effective(), ..self.stratum }
    }

    /// Share of infringements with Wilson's interval, for as many draws as the weights are worth.
    fn share(&self) -> Option<(f64, Interval)> {
        let n = self.effective();
        if n <= 0.0 {
            return None;
        }
        let share = (self.weight_of_infringements / self.weight).clamp(0.0, 1.0);
        let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let reach = Z * libm::sqrt(share * (1.0 - share) / n + Z * Z / (4.0 * n * n)) / (1.0 + Z * Z / n);
        Some((share, ((middle - reach).max(0.0), (middle + reach).min(1.0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(chance: f64, selected: bool, infringement: Option<bool>) -> Audited {
        Audited { chance, selected, infringement }
    }

    #[test]
    fn a_drawn_parcel_stands_for_the_inverse_of_its_chance() {
        let mut parcels = vec![parcel(1.0, true, Some(true)); 8];
        parcels.extend(vec![parcel(1.0_f64.next_down(), true, Some(false)); 2]);
        // Of 990 let pass, 99 drawn, and one bad among them: ten are to be expected.
        parcels.extend(vec![parcel(0.1, true, Some(false)); 98]);
        parcels.push(parcel(0.1, true, Some(true)));
        parcels.extend(vec![parcel(0.1, false, None); 891]);
        parcels.extend(vec![parcel(0.0, false, None); 5]);
        let estimates = audited(parcels);
        assert_eq!(estimates.out_of_reach, 5);
        assert!((estimates.prevalence.unwrap().value - 0.018).abs() < 1e-12);
        assert!((estimates.recall.unwrap().value - 8.0 / 18.0).abs() < 1e-12);
        assert!((estimates.precision.unwrap().value - 0.8).abs() < 1e-12);
        assert!((estimates.drawn.effective_inspected - 99.0).abs() < 1e-9);
        let Estimate { low_95, high_95, .. } = estimates.recall.unwrap();
        assert!(low_95.unwrap() < 0.2 && high_95.unwrap() > 0.75);
    }

    #[test]
    fn unequal_chances_are_evened_out() {
        // Half of the parcels are drawn ten times as often and are bad twice as often.
        let mut parcels = Vec::new();
        for (chance, n_drawn, n_bad) in [(0.5, 500, 100), (0.05, 50, 5)] {
            parcels.extend((0..n_drawn).map(|idx| parcel(chance, true, Some(idx < n_bad))));
            parcels.extend(vec![parcel(chance, false, None); 1000 - n_drawn]);
        }
        assert!((audited(parcels).prevalence.unwrap().value - 0.15).abs() < 1e-12);
    }

    #[test]
    fn without_results_nothing_is_claimed() {
        let estimates = audited([parcel(1.0, true, None), parcel(0.1, false, None)]);
        assert_eq!((estimates.prevalence, estimates.recall, estimates.precision), (None, None, None));
        let estimates = audited([parcel(1.0, true, Some(true)), parcel(0.1, false, None)]);
        assert_eq!((estimates.prevalence, estimates.recall), (None, None));
        assert_eq!(estimates.precision.unwrap().value, 1.0);
    }
}
