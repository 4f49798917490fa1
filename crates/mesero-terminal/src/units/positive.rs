//! A whole number above zero, as people write it on a command line.

use std::str::FromStr;

/// Reads a number whose type has no zero.
///
/// # Errors
/// What was wanted; what came is said by whoever asks.
pub fn whole<N: FromStr>(text: &str) -> Result<N, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_too_large = digits && text.bytes().any(|byte| byte != b'0');
    text.parse().map_err(|_| match is_too_large {
        true => "it is too large".to_owned(),
        false => "wanted a whole number from 1 on".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::whole;

    #[test]
    fn what_is_no_number_from_one_on_is_told_as_that() {
        assert_eq!(whole("1"), Ok(NonZeroU16::MIN));
        for text in ["0", "", "-1", "1.5", "many"] {
            assert_eq!(
                whole::<NonZeroU16>(text),
                Err("wanted a whole number from 1 on".to_owned())
            );
        }
        assert_eq!(whole::<NonZeroU16>("65536"), Err("it is too large".to_owned()));
    }
}
