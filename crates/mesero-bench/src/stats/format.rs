//! Numbers as people read them: three digits that mean something, and a unit.

use std::time::Duration;

use crate::stats::latency_histogram::Latency;

/// `1.23 s`, `45.6 ms`, `789 µs`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    // Just below the next unit, so that nothing is rounded to 1,000 of its own.
    match seconds {
        _ if seconds >= 0.9995 => format!("{} s", number(seconds)),
        _ if seconds >= 0.000_999_5 => format!("{} ms", number(seconds * 1e3)),
        _ => format!("{} µs", number(seconds * 1e6)),
    }
}

/// `1.23 s`, or `> 7.00 s` where it was cut off, or a dash.
pub(crate) fn found(found: Option<Latency>) -> String {
    match found {
        None => "—".to_owned(),
        Some(Latency { time: seen, is_lower_bound: false }) => time(seen),
        Some(Latency { time: seen, .. }) => format!("> {}", time(seen)),
    }
}

/// `2026-11-21 12:00:00 UTC`, of an instant as in RFC 3339.
pub(crate) fn instant(text: &str) -> String {
    text.replace('T', " ").replace('Z', " UTC")
}

/// Three digits or more: `0.00`, `1.23`, `45.6`, `7,890`.
pub(crate) fn number(number: f64) -> String {
    match number {
        _ if number < 9.995 => format!("{number:.2}"),
        _ if number < 99.95 => format!("{number:.1}"),
        // What is above is whole, and far below what a float holds exactly.
        _ => count(number.round() as u64),
    }
}

/// As a number, but a small one with more digits: `0.0312`, `0.970`, `1.42`.
pub(crate) fn ratio(ratio: f64) -> String {
    match ratio {
        _ if ratio < 0.0995 => format!("{ratio:.4}"),
        _ if ratio < 0.9995 => format!("{ratio:.3}"),
        _ => number(ratio),
    }
}

/// `1.23 MB`, `45.6 kB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes >= 0.9995e9 => format!("{} GB", number(bytes / 1e9)),
        _ if bytes >= 0.9995e6 => format!("{} MB", number(bytes / 1e6)),
        _ => format!("{} kB", number(bytes / 1e3)),
    }
}

/// `1,234,567`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `97.2 %`; neither none nor all unless it is so.
pub(crate) fn share(count: u64, of: u64) -> String {
    if of == 0 {
        return "—".to_owned();
    }
    match count {
        _ if count == of => "100 %".to_owned(),
        0 => "0 %".to_owned(),
        _ => {
            // What is rounded to all or to none is neither.
            let least = f64::EPSILON;
            part((count as f64 / of as f64).clamp(least, 1.0 - least))
        }
    }
}

/// `97.2 %` of a share from 0 to 1; neither none nor all unless it is so.
pub(crate) fn part(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent <= 0.0 => "0 %".to_owned(),
        _ if percent >= 100.0 => "100 %".to_owned(),
        _ if percent < 0.01 => "< 0.01 %".to_owned(),
        _ if percent > 99.99 => "> 99.99 %".to_owned(),
        _ if !(1.0..=99.0).contains(&percent) => format!("{percent:.2} %"),
        _ => format!("{percent:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_digits_and_the_unit_that_suits_it() {
        let cases = [
            (0, "0.00 µs"),
            (789_400, "789 µs"),
            (999_600, "1.00 ms"),
            (45_640_000, "45.6 ms"),
            (999_600_000, "1.00 s"),
            (7_000_000_000, "7.00 s"),
            (1_234_000_000_000, "1,234 s"),
        ];
        for (nanoseconds, text) in cases {
            assert_eq!(time(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn a_share_is_all_or_none_only_if_it_is() {
        let shares = [(0, 3), (1, 100_000), (1, 3), (99_999, 100_000), (3, 3), (0, 0)];
        let texts = shares.map(|(count, of)| share(count, of));
        assert_eq!(texts, ["0 %", "< 0.01 %", "33.3 %", "> 99.99 %", "100 %", "—"]);
    }
}
