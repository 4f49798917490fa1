//! A whole number of things, at least one.

use std::num::{NonZeroU32, NonZeroUsize};

use serde_json::{Value, json};

use crate::elements::element::{Element, Hint, Setting};

/// A whole number from 1 to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count<const MAX: u32>(NonZeroU32);

impl<const MAX: u32> Count<MAX> {
    /// Returns the number as the type of small numbers.
    pub(crate) fn non_zero(self) -> NonZeroU32 {
        self.0
    }

    /// Returns the number as the type of sizes of things in memory.
    pub(crate) fn non_zero_usize(self) -> NonZeroUsize {
        // A usize holds a u32 on every supported machine; on any other, the count would be 1.
        NonZeroUsize::try_from(self.0).unwrap_or(NonZeroUsize::MIN)
    }
}

impl<const MAX: u32> Element for Count<MAX> {
    fn expected() -> String {
        format!("a whole number from 1 to {MAX}")
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 1, "maximum": MAX })
    }

    fn from_number(number: i64) -> Result<Self, Hint> {
        let number = u32::try_from(number).ok().filter(|number| *number <= MAX);
        number.and_then(NonZeroU32::new).map(Self).ok_or_else(Hint::default)
    }
}

/// Returns the number that was written, or else `default`.
pub(crate) fn or<const MAX: u32>(
    setting: Option<&Setting<Count<MAX>>>,
    default: NonZeroUsize,
) -> NonZeroUsize {
    setting.map_or(default, |setting| setting.value.non_zero_usize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_neither_zero_nor_above_its_bound() {
        assert_eq!(Count::<9>::from_number(1).unwrap().non_zero().get(), 1);
        assert_eq!(Count::<9>::from_number(9).unwrap().non_zero().get(), 9);
        for bad in [0, -1, 10, i64::MAX] {
            assert!(Count::<9>::from_number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_number_in_quotes_is_refused() {
        assert!(Count::<9>::from_text("5").is_err());
    }
}
