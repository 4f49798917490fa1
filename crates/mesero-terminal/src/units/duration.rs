//! Durations: as integers for records and logs, as text for people.

use std::time::Duration;

use super::number;

/// Reads a duration with its units, such as `250ms`, `10s` or `1m 30s`; `None` if it is none.
pub fn parse_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// A duration to its nanosecond, as [`parse_duration`] reads it: `1m 30s`.
pub fn exact_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Whole milliseconds, rounded down; `u64::MAX` where there are more.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds with their microseconds, rounded down: finer digits are noise.
pub fn fractional_milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

/// A measured duration, with at least three digits: `1.23 s`, `45.6 ms`, `789 µs`.
pub fn with_three_digits(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    // Each bound is just below its unit: no value is rounded to 1,000 of the unit below.
    match seconds {
        _ if seconds >= 0.9995 => format!("{} s", number(seconds)),
        _ if seconds >= 0.000_999_5 => format!("{} ms", number(seconds * 1e3)),
        _ => format!("{} µs", number(seconds * 1e6)),
    }
}

/// The age of something, with two or three digits: `340 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`.
pub fn elapsed(duration: Duration) -> String {
    let milliseconds = milliseconds(duration);
    match milliseconds / 1_000 {
        0 => format!("{milliseconds} ms"),
        seconds @ 1..60 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        _ => whole_seconds(duration),
    }
}

/// The time of a clock that is redrawn while it runs, rounded down: `12 s`, `4 min 05 s`, `2 h 10 min`.
pub fn whole_seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_rounded_down() {
        let duration = Duration::from_nanos(1_234_567_890);
        assert_eq!(milliseconds(duration), 1_234);
        assert_eq!(fractional_milliseconds(duration), 1_234.567);
        assert_eq!(milliseconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn a_measured_duration_has_three_digits_and_a_unit_that_suits_it() {
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
            assert_eq!(with_three_digits(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn an_age_is_short() {
        let texts = [0, 999, 1_000, 59_999, 60_000, 3_600_000]
            .map(|milliseconds| elapsed(Duration::from_millis(milliseconds)));
        assert_eq!(texts, ["0 ms", "999 ms", "1.0 s", "59.9 s", "1 min 00 s", "1 h 00 min"]);
    }

    #[test]
    fn a_clock_has_whole_seconds() {
        let texts = [0, 59, 60, 7_265].map(|seconds| whole_seconds(Duration::from_secs(seconds)));
        assert_eq!(texts, ["0 s", "59 s", "1 min 00 s", "2 h 01 min"]);
    }
}
