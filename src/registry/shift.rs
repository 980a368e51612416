//! How far the scores of one model are from those of another, on the same parcels.

use crate::evaluation::Profile;

/// The population stability index of the challenger's scores over the deciles of the champion's, as
/// [`Profile::shift`] has it. `None` where either has none.
///
/// Many parcels share a score, and a decile is a score that some have. An edge right on it would take all of them to
/// the next bin for a change in the last digit, so edges lie half way to the next score.
///
/// * `champion`, `challenger`: shape `(n,)`, in any order.
pub(super) fn score_shift(champion: &[f32], challenger: &[f32]) -> Option<f64> {
    let mut profile = Profile::of(champion);
    let mut sorted = champion.to_vec();
    sorted.sort_by(f32::total_cmp);
    for edge in &mut profile.edges {
        if let Some(next) = sorted.get(sorted.partition_point(|score| *score <= *edge)) {
            *edge += (next - *edge) / 2.0;
        }
    }
    profile.shift(challenger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_the_last_digits_is_no_shift_also_where_scores_tie() {
        let champion = [vec![0.1; 500], vec![0.4; 300], vec![0.8; 200]].concat();
        let nudged: Vec<_> = champion.iter().map(|score| score + 1e-3).collect();
        assert_eq!(score_shift(&champion, &nudged), Some(0.0));
        let moved: Vec<_> = champion.iter().map(|score| score + 0.2).collect();
        assert!(score_shift(&champion, &moved).unwrap() > 0.25);
        assert_eq!(score_shift(&champion, &[]), None);
    }

    #[test]
    fn scores_that_do_not_tie_are_held_against_their_deciles() {
        let champion: Vec<_> = (0..1000).map(|idx| idx as f32 / 1000.0).collect();
        assert_eq!(score_shift(&champion, &champion), Some(0.0));
        let halved: Vec<_> = champion.iter().map(|score| score / 2.0).collect();
        assert!(score_shift(&champion, &halved).unwrap() > 1.0);
    }
}
