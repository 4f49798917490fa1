//! The urgency of a request (RFC 9218).

/// Reads an urgency from 0 to 7 that is written as a number.
pub(super) fn number(text: &str) -> Option<u8> {
    match text.trim().as_bytes() {
        [digit @ b'0'..=b'7'] => Some(digit - b'0'),
        _ => None,
    }
}

/// Reads the member `u` of the structured field `Priority`, such as `u=1, i`.
///
/// Of several such members the last counts (RFC 9651, 3.2); a value that is not an integer from 0 to 7 is ignored, as
/// RFC 9218, 4 demands.
pub(super) fn urgency(field: &str) -> Option<u8> {
    let last = members(field).filter_map(|member| member.trim().strip_prefix("u=")).last()?;
    // Parameters of the value have no meaning.
    number(last.split(';').next().unwrap_or_default())
}

/// Splits a dictionary at the commas outside of its strings.
fn members(field: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    field.split(move |letter: char| {
        if letter == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && letter == '\\' && !escaped;
        letter == ',' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_member_u_is_the_urgency() {
        for (field, expected) in [
            ("u=1", Some(1)),
            ("i, u=7", Some(7)),
            ("u=0;x=1, i=?0", Some(0)),
            ("u=1, u=5", Some(5)),
            ("a=\"x, u=1\", u=2", Some(2)),
            ("a=\"\\\", u=1\"", None),
            ("u=\"1\"", None),
            ("u=8", None),
            ("u=-1", None),
            ("u=1.0", None),
            ("u", None),
            ("5", None),
            ("", None),
        ] {
            assert_eq!(urgency(field), expected, "{field}");
        }
    }

    #[test]
    fn a_number_is_one_digit_from_0_to_7() {
        let numbers = ["0", " 7 ", "8", "", "10", "-1", "u=1"].map(number);
        assert_eq!(numbers, [Some(0), Some(7), None, None, None, None, None]);
    }
}
