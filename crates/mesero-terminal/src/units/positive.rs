//! Positive integers, as written on a command line.

use std::str::FromStr;

/// Reads an integer of a type that has no zero, such as `NonZeroU16`.
///
/// # Errors
/// The accepted values, or that the number is too large for the type; the caller adds the text.
pub fn parse_positive<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let reason = if is_number && text.bytes().any(|byte| byte != b'0') {
            "it is too large"
        } else {
            "wanted a whole number from 1 on"
        };
        reason.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::parse_positive;

    #[test]
    fn texts_that_are_no_positive_number_are_refused_with_the_accepted_ones() {
        assert_eq!(parse_positive("1"), Ok(NonZeroU16::MIN));
        for text in ["0", "", "-1", "1.5", "many"] {
            assert_eq!(
                parse_positive::<NonZeroU16>(text),
                Err("wanted a whole number from 1 on".to_owned())
            );
        }
        assert_eq!(parse_positive::<NonZeroU16>("65536"), Err("it is too large".to_owned()));
    }
}
