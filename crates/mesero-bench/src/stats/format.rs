//! Latencies, timestamps and ratios as text; other numbers are in `mesero_terminal::units`.

use mesero_terminal::units;

use crate::stats::latency_histogram::Latency;

/// A latency with three digits: `1.23 s`, `> 7.00 s` for a lower bound, or a dash for none.
pub(crate) fn latency(latency: Option<Latency>) -> String {
    match latency {
        None => "—".to_owned(),
        Some(Latency { time, is_lower_bound: false }) => units::with_three_digits(time),
        Some(Latency { time, .. }) => format!("> {}", units::with_three_digits(time)),
    }
}

/// A timestamp of RFC 3339 for people: `2026-11-21 12:00:00 UTC`.
pub(crate) fn timestamp(text: &str) -> String {
    text.replace('T', " ").replace('Z', " UTC")
}

/// A ratio with at least three significant digits: `0.0312`, `0.970`, `1.42`.
pub(crate) fn ratio(ratio: f64) -> String {
    match ratio {
        _ if ratio < 0.0995 => format!("{ratio:.4}"),
        _ if ratio < 0.9995 => format!("{ratio:.3}"),
        _ => units::number(ratio),
    }
}
