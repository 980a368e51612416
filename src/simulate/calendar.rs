//! How traffic is spread over days and hours.

use jiff::civil::Date;

use super::dice::Dice;
use super::scenario::{Calendar, Wave};

/// The days of a simulation and the traffic of each.
#[derive(Clone, Debug)]
pub(super) struct Days {
    first: Date,
    /// Share of all traffic until the end of each day, ending in 1.
    until: Vec<f64>,
    gifts: Vec<f64>,
    /// Share of a day's traffic until the end of each hour.
    hours: [f64; 24],
    late: (f64, f64),
}

impl Days {
    pub(super) fn new(calendar: &Calendar, first: Date, n_days: u32) -> Self {
        let weight = |day: u32| {
            let date = first.saturating_add(jiff::Span::new().days(i64::from(day)));
            let weekday = calendar.weekdays[date.weekday().to_monday_zero_offset() as usize];
            let lift =
                |of: fn(&Wave) -> f64| calendar.waves.values().map(|wave| of(wave) * nearness(wave, date)).sum::<f64>();
            (weekday * (1.0 + lift(|wave| wave.height)), 1.0 + lift(|wave| wave.gifts))
        };
        let (weights, gifts): (Vec<f64>, Vec<f64>) = (0..n_days).map(weight).unzip();
        let hours: Vec<f64> = running(&calendar.hours);
        Self {
            first,
            until: running(&weights),
            gifts,
            hours: std::array::from_fn(|hour| hours[hour]),
            late: (calendar.late_share, calendar.late_days),
        }
    }

    pub(super) fn n_days(&self) -> u32 {
        self.until.len() as u32
    }

    /// How many of `n` come on a day; all days together have `n`.
    pub(super) fn count(&self, n: u64, day: u32) -> u64 {
        let until = |day: Option<u32>| {
            let share = day.map_or(0.0, |day| self.until[day as usize]);
            (share * n as f64).round() as u64
        };
        until(Some(day)) - until(day.checked_sub(1))
    }

    /// The share of all traffic that has come before the middle of a day.
    pub(super) fn elapsed(&self, day: u32) -> f64 {
        (f64::from(day) + 0.5) / f64::from(self.n_days())
    }

    /// Factor on declared gifts.
    pub(super) fn gifts(&self, day: u32) -> f64 {
        self.gifts[day as usize]
    }

    /// Midnight of a day, in seconds since 1970.
    pub(super) fn midnight(&self, day: u32) -> i64 {
        let date = self.first.saturating_add(jiff::Span::new().days(i64::from(day)));
        let since = date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days());
        i64::from(since) * 86_400
    }

    /// The second of the day by which a share of its traffic has come.
    pub(super) fn second(&self, share: f64) -> i64 {
        let hour = self.hours.partition_point(|until| *until <= share).min(23);
        let before = if hour == 0 { 0.0 } else { self.hours[hour - 1] };
        let width = (self.hours[hour] - before).max(1e-12);
        let within = ((share - before) / width).clamp(0.0, 1.0);
        ((hour as f64 + within) * 3_600.0).min(86_399.0) as i64
    }

    /// Seconds from posting to advice: some hours, or days where it is late; and whether it is.
    pub(super) fn lag(&self, dice: &mut Dice) -> (i64, bool) {
        let late = dice.chance(self.late.0);
        let days = if late { dice.between(1.0, self.late.1.max(1.0)) } else { dice.between(0.08, 0.8) };
        ((days * 86_400.0) as i64, late)
    }
}

/// 1 at the peak of a wave, nearly 0 three widths away; years are a ring.
fn nearness(wave: &Wave, date: Date) -> f64 {
    let peak = Date::new(date.year(), wave.month as i8, 1).map_or(1, |first| first.day_of_year());
    let peak = f64::from(peak) + wave.day - 1.0;
    let distance = (f64::from(date.day_of_year()) - peak).rem_euclid(365.0);
    let distance = distance.min(365.0 - distance) / wave.width_days;
    libm::exp(-0.5 * distance * distance)
}

fn running(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    let mut shares: Vec<f64> = weights
        .iter()
        .map(|weight| {
            sum += weight;
            sum / total
        })
        .collect();
    if let Some(last) = shares.last_mut() {
        *last = 1.0;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Scenario;
    use super::*;

    fn days(n: u32) -> Days {
        Days::new(&Scenario::shipped("kazakhstan").unwrap().calendar, Date::constant(2026, 1, 1), n)
    }

    #[test]
    fn every_parcel_comes_on_one_day() {
        let days = days(365);
        assert_eq!((0..365).map(|day| days.count(1_000_003, day)).sum::<u64>(), 1_000_003);
        assert!(days.count(1_000_000, 320) > days.count(1_000_000, 200), "mid November is busy");
        // 2026-01-04 is a Sunday.
        assert!(days.count(1_000_000, 3) < days.count(1_000_000, 5));
    }

    #[test]
    fn time_is_that_of_the_calendar() {
        let days = days(3);
        assert_eq!(days.midnight(0), 1_767_225_600);
        assert_eq!(days.midnight(2), 1_767_225_600 + 2 * 86_400);
        assert_eq!((days.second(0.0), days.second(1.0)), (0, 86_399));
        assert!(days.second(0.2) < days.second(0.3));
    }
}
