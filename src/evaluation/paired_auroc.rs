//! Whether one score ranks the same parcels better than another.

use super::interval::Estimate;

/// A parcel that two models scored, and what was found of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedRow {
    /// By the first and by the second.
    pub scores: [f64; 2],
    /// What was found.
    pub infringement: bool,
    /// Parcels that it stands for: one over its chance of being inspected. Above 0.
    pub weight: f64,
}

/// Two areas under the ROC curve on the same parcels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedAuroc {
    /// Of the first and of the second.
    pub auroc: [f64; 2],
    /// That of the second less that of the first.
    pub difference: Estimate,
    /// Chance of a difference as large or larger where the second ranks no better, by the normal distribution.
    pub p_value: f64,
}

/// Compares two scores. `None` without two parcels of each class, or where a weight or a score is out of range.
///
/// With weights of 1 this is the test of DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988). Weights of one over the
/// chance of inspection make each area that of all parcels and not of the inspected alone; the variance is then that of the
/// weighted influence of each parcel.
pub fn paired_auroc(rows: &[PairedRow]) -> Option<PairedAuroc> {
    let in_range = |row: &PairedRow| {
        row.scores.iter().all(|score| score.is_finite()) && row.weight.is_finite() && row.weight > 0.0
    };
    if !rows.iter().all(in_range) {
        return None;
    }
    let of_class = |class: bool| rows.iter().filter(move |row| row.infringement == class);
    if of_class(true).count() < 2 || of_class(false).count() < 2 {
        return None;
    }
    let placements = [0, 1].map(|which| placements(rows, which));
    let mass = |class| of_class(class).map(|row| row.weight).sum::<f64>();
    let mean = |values: &[f64], class: bool| {
        let of = rows.iter().zip(values).filter(|(row, _)| row.infringement == class);
        of.map(|(row, value)| row.weight * value).sum::<f64>() / mass(class)
    };
    let auroc = [0, 1].map(|which: usize| mean(&placements[which], true));
    let gain: Vec<f64> = placements[1].iter().zip(&placements[0]).map(|(second, first)| second - first).collect();
    let variance = [true, false].map(|class| {
        let (center, n) = (mean(&gain, class), of_class(class).count() as f64);
        let of = rows.iter().zip(&gain).filter(|(row, _)| row.infringement == class);
        let squares = of.map(|(row, gain)| (row.weight * (gain - center)).powi(2)).sum::<f64>();
        squares / mass(class).powi(2) * n / (n - 1.0)
    });
    let error = variance.iter().sum::<f64>().sqrt();
    let difference = auroc[1] - auroc[0];
    let p_value = match error > 0.0 {
        true => 0.5 * libm::erfc(difference / error / std::f64::consts::SQRT_2),
        false => 1.0,
    };
    let interval = (difference - 1.96 * error, difference + 1.96 * error);
    Some(PairedAuroc { auroc, difference: Estimate::new(difference, Some(interval)), p_value })
}

/// Of each row, the weighted share of the other class that the score puts on the right side of it; a tie is a half. Shape
/// `(n_rows,)`.
fn placements(rows: &[PairedRow], which: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let score = |row: usize| rows[row].scores[which];
    order.sort_by(|a, b| score(*a).total_cmp(&score(*b)));
    let all = |class: bool| rows.iter().filter(|row| row.infringement == class).map(|row| row.weight).sum::<f64>();
    let all = [all(false), all(true)];
    let (mut below, mut placed) = ([0.0; 2], vec![0.0; rows.len()]);
    for tied in order.chunk_by(|a, b| score(*a) == score(*b)) {
        let mut here = [0.0; 2];
        tied.iter().for_each(|row| here[usize::from(rows[*row].infringement)] += rows[*row].weight);
        for row in tied {
            let other = usize::from(!rows[*row].infringement);
            let share = (below[other] + here[other] / 2.0) / all[other];
            placed[*row] = if rows[*row].infringement { share } else { 1.0 - share };
        }
        (0..2).for_each(|class| below[class] += here[class]);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first: f64, second: f64, infringement: bool) -> PairedRow {
        PairedRow { scores: [first, second], infringement, weight: 1.0 }
    }

    #[test]
    fn it_is_the_test_of_de_long_by_hand() {
        // Of the first: 3 of 4 pairs are in order; of the second, all.
        let rows = [row(0.2, 0.8, true), row(0.9, 0.9, true), row(0.1, 0.1, false), row(0.3, 0.2, false)];
        let paired = paired_auroc(&rows).unwrap();
        assert_eq!(paired.auroc, [0.75, 1.0]);
        // Placements of the first: 0.5, 1 of the infringing; 1, 0.5 of the clean. So the gains are 0.5, 0 and 0, 0.5; the
        // variance of each class is 0.125, and that of the difference 0.125 / 2 twice.
        let z = 0.25 / 0.125_f64.sqrt();
        assert!((paired.p_value - 0.5 * libm::erfc(z / 2.0_f64.sqrt())).abs() < 1e-12, "{paired:?}");
    }

    #[test]
    fn a_parcel_of_weight_two_draws_the_area_as_two_do() {
        let of = [row(0.2, 0.8, true), row(0.9, 0.7, true), row(0.1, 0.1, false), row(0.3, 0.75, false)];
        let mut weighted = of;
        weighted[3].weight = 2.0;
        let twice = [&of[..], &of[3..]].concat();
        assert_eq!(paired_auroc(&weighted).unwrap().auroc, paired_auroc(&twice).unwrap().auroc);
    }

    #[test]
    fn what_cannot_be_told_is_none_and_equal_scores_say_nothing() {
        let same: Vec<_> = (0..40).map(|idx| row(f64::from(idx), f64::from(idx), idx % 4 == 0)).collect();
        let paired = paired_auroc(&same).unwrap();
        assert_eq!((paired.difference.value, paired.p_value), (0.0, 1.0));
        assert_eq!(paired_auroc(&same[..4]), None, "one infringement");
        let mut bad = same.clone();
        bad[0].weight = 0.0;
        assert_eq!(paired_auroc(&bad), None);
        bad[0] = row(f64::NAN, 0.0, true);
        assert_eq!(paired_auroc(&bad), None);
    }

    #[test]
    fn where_neither_is_better_one_in_twenty_is_found_so() {
        use rand_chacha::ChaCha8Rng;
        use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut unit = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let n_found = (0..400).filter(|_| {
            let rows: Vec<_> = (0..200)
                .map(|idx| {
                    let infringement = idx % 5 == 0;
                    let signal = if infringement { 0.3 } else { 0.0 };
                    let weight = if idx % 3 == 0 { 4.0 } else { 1.0 };
                    PairedRow { scores: [unit() + signal, unit() + signal], infringement, weight }
                })
                .collect();
            paired_auroc(&rows).unwrap().p_value < 0.05
        });
        let n_found = n_found.count();
        assert!((8..=36).contains(&n_found), "{n_found} of 400");
    }
}
