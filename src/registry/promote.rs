//! Whether outcomes speak for a challenger: what a policy of promotion asks.

use super::check::Finding;
use super::{Check, GateConfig};
use crate::evaluation::{PairedRow, paired_auroc};

/// Fewest infringements that areas are compared by, whatever is configured: below, the normal distribution says nothing.
const LEAST_INFRINGEMENTS: usize = 20;

/// Looks at outcomes of which more come all the while: who looks often enough sees what is not there. So each look waits for
/// twice as many outcomes as the one before, and is given half of its chance to err: all together, since the last start, no
/// more than one would (Bonferroni).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Looks {
    n: i32,
    due_at: u64,
}

impl Looks {
    /// The chance to err of the look that is made now at so many outcomes, of that of all looks.
    fn next(&mut self, n_outcomes: u64, of_all: f64) -> f64 {
        *self = Self { n: self.n + 1, due_at: n_outcomes.saturating_mul(2) };
        of_all * 0.5_f64.powi(self.n)
    }
}

/// Whether a challenger that has been in the shadow for `days` may be promoted by the outcomes that both models scored.
///
/// Each outcome counts one over the chance with which its parcel was chosen: those that the champion chose by its score are
/// all of their kind, and those of the random control stand for many. Without the latter, the parcels are such as the
/// champion sees as equals, and any other score would look better on them.
///
/// * `n_found`: outcomes since it became one, of which only the last may be left in `outcomes`.
pub fn better_by_outcomes(
    days: f64,
    outcomes: &[PairedRow],
    (looks, n_found): (&mut Looks, u64),
    config: &GateConfig,
) -> Finding {
    let not_yet =
        |why: String| Finding::failed(Check::Outcomes, why).with("outcomes", outcomes.len() as f64).with("days", days);
    let infringements = outcomes.iter().filter(|row| row.infringement).count();
    if days < f64::from(config.promote_min_days) {
        return not_yet(format!("it has been a challenger for less than {} days", config.promote_min_days));
    }
    if outcomes.len() < config.promote_min_outcomes as usize {
        return not_yet(format!("there are fewer than {} outcomes", config.promote_min_outcomes));
    }
    if infringements < LEAST_INFRINGEMENTS {
        return not_yet(format!("there are fewer than {LEAST_INFRINGEMENTS} infringements"));
    }
    // One over a chance that was put together of several.
    if outcomes.iter().all(|row| row.weight <= 1.0 + 1e-9) {
        return not_yet(
            "no outcome is of the random control: nothing is known of what the champion lets pass".to_owned(),
        );
    }
    if n_found < looks.due_at {
        return not_yet(format!("it was looked at, and is again at {} outcomes", looks.due_at));
    }
    let Some(paired) = paired_auroc(outcomes) else { return not_yet("the scores can't be compared".to_owned()) };
    let significance = looks.next(n_found, config.promote_significance);
    Finding::of(Check::Outcomes, paired.p_value <= significance, || {
        "it does not rank better than the champion, as far as outcomes tell".to_owned()
    })
    .with("outcomes", outcomes.len() as f64)
    .with("infringements", infringements as f64)
    .with("days", days)
    .with("champion_auroc", paired.auroc[0])
    .with("challenger_auroc", paired.auroc[1])
    .with("p_value", paired.p_value)
    .with("significance", significance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(better: bool, weight: f64) -> Vec<PairedRow> {
        let of = |idx: u32| {
            let (infringement, noise) = (idx.is_multiple_of(10), f64::from(idx * 37 % 101) / 101.0);
            let good = noise + if infringement { 0.6 } else { 0.0 };
            PairedRow { scores: if better { [noise, good] } else { [good, noise] }, infringement, weight }
        };
        (0..600).map(of).collect()
    }

    #[test]
    fn it_takes_days_outcomes_the_random_control_and_a_better_ranking() {
        let config = GateConfig { promote_min_days: 7, promote_min_outcomes: 500, ..GateConfig::default() };
        let why = |days, outcomes: &[PairedRow]| {
            better_by_outcomes(days, outcomes, (&mut Looks::default(), outcomes.len() as u64), &config).why
        };
        assert_eq!(why(8.0, &outcomes(true, 10.0)), "");
        assert_eq!(why(6.9, &outcomes(true, 10.0)), "it has been a challenger for less than 7 days");
        assert_eq!(why(8.0, &outcomes(true, 10.0)[..499]), "there are fewer than 500 outcomes");
        assert!(
            why(8.0, &outcomes(true, 1.0 / 1.0_f64.next_down())).starts_with("no outcome is of the random control")
        );
        assert!(why(8.0, &outcomes(false, 10.0)).starts_with("it does not rank better"));
        let clean: Vec<_> =
            outcomes(true, 10.0).into_iter().map(|row| PairedRow { infringement: false, ..row }).collect();
        assert_eq!(why(8.0, &clean), "there are fewer than 20 infringements");
    }

    #[test]
    fn it_is_looked_at_again_at_twice_as_many_outcomes_and_with_half_the_chance_to_err() {
        let config = GateConfig { promote_min_days: 0, promote_min_outcomes: 100, ..GateConfig::default() };
        let (all, mut looks) = (outcomes(false, 10.0), Looks::default());
        let mut look = |n: usize| {
            let finding = better_by_outcomes(1.0, &all[..n], (&mut looks, n as u64), &config);
            finding.figures.iter().find(|figure| figure.name == "significance").map(|figure| figure.value)
        };
        let seen = [99, 200, 201, 399, 400, 600].map(&mut look);
        assert_eq!(seen, [None, Some(0.025), None, None, Some(0.0125), None]);
    }
}
