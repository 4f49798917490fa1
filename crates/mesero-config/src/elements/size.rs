//! A number of bytes: `"64KiB"`, `"1MB"`, or a plain number.

use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};
use crate::schema::described::any_of;

/// Bytes; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

/// Powers of 1024 are spelled with an `i`, powers of 1000 without.
const UNITS: [(&str, usize); 7] = [
    ("KiB", 1024),
    ("MiB", 1024 * 1024),
    ("GiB", 1024 * 1024 * 1024),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

impl Element for Size {
    fn expected() -> String {
        "a size such as \"64KiB\" or \"1MB\", or a number of bytes".to_owned()
    }

    fn schema() -> Value {
        let units = UNITS.map(|(unit, _)| unit).join("|");
        any_of([
            json!({ "type": "integer", "minimum": 1 }),
            json!({ "type": "string", "pattern": format!(r"^\+?[0-9]+\s*({units})$") }),
        ])
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let (number, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
            .ok_or_else(|| Hint::new("the units are B, KB, MB, GB, KiB, MiB and GiB"))?;
        let number: i64 = number.trim_end().parse().map_err(|_| Hint::default())?;
        let Self(number) = Self::from_number(number)?;
        number.checked_mul(factor).map(Self).ok_or_else(|| Hint::new("it is too large"))
    }

    fn from_number(number: i64) -> Result<Self, Hint> {
        match usize::try_from(number) {
            Ok(0) | Err(_) => Err(Hint::new("it must be above zero")),
            Ok(number) => Ok(Self(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_1024_and_of_1000_differ() {
        for (text, bytes) in
            [("64KiB", 65_536), ("1MB", 1_000_000), ("1 MiB", 1_048_576), ("12B", 12)]
        {
            assert_eq!(Size::from_text(text), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["", "64", "KiB", "0B", "-1KB", "1.5MB", "1kb", "1TB", "9223372036854775807GiB"]
        {
            assert!(Size::from_text(bad).is_err(), "{bad}");
        }
        assert!(Size::from_number(0).is_err());
    }
}
