//! Numbers as people read them.

use crate::evaluation::Estimate;

/// What stands where there is no figure.
pub(super) const NONE: &str = "–";

/// A figure and its interval as text.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// The figure.
    pub(super) value: String,
    /// `0.985 to 0.993`, where there is one.
    pub(super) interval: Option<String>,
}

/// `98.7 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", minus(format!("{:.1}", share * 100.0)))
}

/// A capacity as it was asked for: `10 %`, `0.5 %`.
pub(super) fn capacity(share: f64) -> String {
    // Eight digits hide that 0.07 · 100 is 7.000000000000001.
    let percent = format!("{:.8}", share * 100.0);
    format!("{} %", percent.trim_end_matches('0').trim_end_matches('.'))
}

/// Three digits after the point.
pub(super) fn figure(value: f64) -> String {
    minus(format!("{value:.3}"))
}

/// At most four digits that matter, for values of any size.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => "0".to_owned(),
        _ if (1e4..1e7).contains(&size) => format!("{value:.0}"),
        _ if !(1e-3..1e7).contains(&size) => format!("{value:.1e}"),
        _ => {
            let digits = if size >= 100.0 {
                1
            } else if size >= 1.0 {
                2
            } else {
                3
            };
            let text = format!("{value:.digits$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    minus(text)
}

/// `12,345`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure in the notation of `number`, with its interval.
pub(super) fn shown(estimate: Option<Estimate>, number: fn(f64) -> String) -> Option<Shown> {
    let estimate = estimate?;
    let interval = estimate.low_95.zip(estimate.high_95);
    let interval = interval.map(|(low, high)| {
        let (low, high) = (number(low), number(high));
        // The unit once is enough.
        format!("{} to {high}", low.trim_end_matches(" %"))
    });
    Some(Shown { value: number(estimate.value), interval })
}

/// A typographic minus, and none before a zero.
fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().any(|c| ('1'..='9').contains(&c)) => format!("−{rest}"),
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_their_unit_once() {
        assert_eq!([0.07, 0.005, 1.0].map(capacity), ["7 %", "0.5 %", "100 %"]);
        assert_eq!([0.9876, -0.0001, -0.02].map(percent), ["98.8 %", "0.0 %", "−2.0 %"]);
        let values = [0.0, 0.000_012, 0.0125, 1.5, 123.46, 45_678.9, 1.2e9, -3.0];
        assert_eq!(values.map(short), ["0", "1.2e-5", "0.013", "1.5", "123.5", "45679", "1.2e9", "−3"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let estimate = Estimate { value: 0.5, low_95: Some(0.4), high_95: Some(0.6) };
        assert_eq!(shown(Some(estimate), percent).and_then(|shown| shown.interval), Some("40.0 to 60.0 %".to_owned()));
    }
}
