//! Numbers and sizes, with three digits or more.

use super::plural;

/// A number with at least three digits: `0.00`, `1.23`, `45.6`, `7,890`.
pub fn number(number: f64) -> String {
    match number {
        _ if number < 9.995 => format!("{number:.2}"),
        _ if number < 99.95 => format!("{number:.1}"),
        // Numbers from here on are shown without a fraction, and are far below 2⁵³.
        _ => grouped(number.round() as u64),
    }
}

/// A count with its digits in groups of three: `1,234,567`.
pub fn grouped(count: u64) -> String {
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

/// A size in powers of 1,000: `12 bytes`, `45.6 kB`, `1.23 MB`.
pub fn bytes(bytes: u64) -> String {
    let exact = bytes as f64;
    match exact {
        _ if exact < 1e3 => plural(bytes, "byte", "bytes"),
        _ if exact < 0.9995e6 => format!("{} kB", number(exact / 1e3)),
        _ if exact < 0.9995e9 => format!("{} MB", number(exact / 1e6)),
        _ if exact < 0.9995e12 => format!("{} GB", number(exact / 1e9)),
        _ => format!("{} TB", number(exact / 1e12)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_digits_or_more() {
        let texts = [0.0, 1.234, 9.996, 45.64, 99.96, 7_890.4].map(number);
        assert_eq!(texts, ["0.00", "1.23", "10.0", "45.6", "100", "7,890"]);
    }

    #[test]
    fn a_size_has_the_unit_that_suits_it() {
        let sizes = [1, 999, 1_000, 999_600, 32_000_000, 8_589_934_592, 5_000_000_000_000];
        let texts = ["1 byte", "999 bytes", "1.00 kB", "1.00 MB", "32.0 MB", "8.59 GB", "5.00 TB"];
        assert_eq!(sizes.map(bytes), texts);
    }
}
