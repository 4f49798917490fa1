//! Shares as percentages.

/// A share of a count: `97.2 %`. Only a count of zero is `0 %`, only the whole is `100 %`, and nothing of nothing is a dash.
pub fn share(count: u64, of: u64) -> String {
    if of == 0 {
        return "—".to_owned();
    }
    match count {
        _ if count == of => "100 %".to_owned(),
        0 => "0 %".to_owned(),
        _ => {
            // A quotient that floats round to 0 or 1 is neither.
            let least = f64::EPSILON;
            percent((count as f64 / of as f64).clamp(least, 1.0 - least))
        }
    }
}

/// A share from 0 to 1: `97.2 %`. Only 0 is `0 %`, and only 1 is `100 %`.
pub fn percent(share: f64) -> String {
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

/// Reads a percentage from 0 to 100 with its sign, such as `99.5%`; returns the number before the sign.
pub fn parse_percent(text: &str) -> Option<f64> {
    let number = text.strip_suffix('%')?.trim().parse().ok();
    number.filter(|percent| (0.0..=100.0).contains(percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_none_is_zero_and_only_the_whole_is_a_hundred_percent() {
        let shares = [(0, 3), (1, 100_000), (1, 3), (99_999, 100_000), (3, 3), (0, 0)];
        let texts = shares.map(|(count, of)| share(count, of));
        assert_eq!(texts, ["0 %", "< 0.01 %", "33.3 %", "> 99.99 %", "100 %", "—"]);
    }

    #[test]
    fn a_percentage_has_its_sign_and_is_at_most_a_hundred() {
        assert_eq!(parse_percent("99.5%"), Some(99.5));
        assert_eq!(parse_percent("0 %"), Some(0.0));
        for text in ["99.5", "101%", "-1%", "NaN%", "%", "many%"] {
            assert_eq!(parse_percent(text), None, "{text}");
        }
    }
}
