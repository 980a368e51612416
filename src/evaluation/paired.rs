//! The mean of a figure over weeks.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::bootstrap::below;
use super::interval::{Estimate, percentile};
use super::settings::Settings;

/// The mean of what each week gave, with a percentile bootstrap over weeks. Differences of two models in each week are so
/// compared in pairs: what a week is like for both falls out.
///
/// `None` without weeks; without an interval for a single one. The same weeks, settings and seed give the same bits.
pub fn mean_of_weeks(of_weeks: &[f64], settings: &Settings) -> Option<Estimate> {
    let n = of_weeks.len();
    let mean = |sum: f64| (n > 0).then(|| sum / n as f64);
    let value = mean(of_weeks.iter().sum())?;
    let replicate = |replicate: u32| {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        rng.set_stream(u64::from(replicate));
        mean((0..n).map(|_| of_weeks[below(n, rng.next_u64())]).sum())
    };
    let interval = (n > 1).then(|| percentile((0..settings.bootstrap).map(replicate).collect::<Vec<_>>().into_iter()));
    Some(Estimate::new(value, interval.flatten()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(seed: u64) -> Settings {
        Settings { bootstrap: 500, seed, ..Settings::default() }
    }

    #[test]
    fn the_interval_holds_the_mean_and_narrows_with_more_weeks() {
        let weeks: Vec<f64> = (0..12).map(|week| f64::from(week % 3)).collect();
        let few = mean_of_weeks(&weeks, &settings(1)).unwrap();
        let many = mean_of_weeks(&weeks.repeat(16), &settings(1)).unwrap();
        assert_eq!((few.value, many.value), (1.0, 1.0));
        let width = |of: &Estimate| of.high_95.unwrap() - of.low_95.unwrap();
        assert!(few.low_95.unwrap() < 1.0 && few.high_95.unwrap() > 1.0);
        // Sixteen times the weeks, a quarter of the width.
        assert!((width(&few) / width(&many) - 4.0).abs() < 1.0, "{few} {many}");
        assert_ne!(mean_of_weeks(&weeks, &settings(2)), Some(few), "the seed draws");
    }

    #[test]
    fn weeks_that_are_all_alike_are_sure_and_one_week_is_not() {
        let alike = mean_of_weeks(&[0.25; 9], &settings(1)).unwrap();
        assert_eq!((alike.low_95, alike.high_95), (Some(0.25), Some(0.25)));
        let one = mean_of_weeks(&[0.25], &settings(1)).unwrap();
        assert_eq!((one.value, one.low_95), (0.25, None));
        assert_eq!(mean_of_weeks(&[], &settings(1)), None);
    }
}
