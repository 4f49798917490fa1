//! A limit of calls at once: a number, `"auto"`, or a table with the bounds of the latter.

use std::num::NonZeroUsize;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde_json::{Value, json};

use crate::elements::count::Count;
use crate::elements::element::{Element, Hint, Setting};
use crate::schema::described::{Described, any_of, described};

/// The highest number of calls at once that can be written.
const MOST: u32 = 10_000_000;

/// The limit of calls at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitSettings {
    Fixed(NonZeroUsize),
    /// It finds itself within these bounds; without `max`, below what the resource can run.
    Auto {
        min: NonZeroUsize,
        max: Option<NonZeroUsize>,
    },
}

impl LimitSettings {
    /// Returns the most calls that may run at once, if the limit says so itself.
    pub fn highest(self) -> Option<NonZeroUsize> {
        match self {
            LimitSettings::Fixed(limit) => Some(limit),
            LimitSettings::Auto { max, .. } => max,
        }
    }

    /// Returns whether the limit finds itself, with no upper bound of its own.
    pub(crate) fn is_open(self) -> bool {
        self.highest().is_none()
    }
}

described! {
    /// The bounds of a limit that finds itself.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table with `min` and `max`")]
    pub(in crate) struct LimitTable {
        min: Option<Setting<Count<MOST>>>,
        max: Option<Setting<Count<MOST>>>,
    }
}

impl Element for LimitSettings {
    fn expected() -> String {
        format!(
            "a whole number from 1 to {MOST}, \"auto\", or a table such as {{ min = 2, max = 64 }}"
        )
    }

    fn schema() -> Value {
        let number_or_auto = any_of([Count::<MOST>::schema(), json!({ "const": "auto" })]);
        any_of([number_or_auto, LimitTable::schema()])
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        match text {
            "auto" => Ok(Self::Auto { min: NonZeroUsize::MIN, max: None }),
            _ => Err(Hint::default()),
        }
    }

    fn from_number(number: i64) -> Result<Self, Hint> {
        Count::<MOST>::from_number(number).map(|count| Self::Fixed(count.non_zero_usize()))
    }

    fn from_table<'de, A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        let LimitTable { min, max } = LimitTable::deserialize(MapAccessDeserializer::new(table))?;
        let min = min.map_or(NonZeroUsize::MIN, |count| count.value.non_zero_usize());
        let max = max.map(|count| count.value.non_zero_usize());
        match max {
            Some(max) if min > max => {
                Err(A::Error::custom(format!("`min` is {min}, which is above `max`, {max}")))
            }
            _ => Ok(Self::Auto { min, max }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_fixed_and_the_word_finds_itself() {
        let four = NonZeroUsize::new(4).unwrap();
        assert_eq!(LimitSettings::from_number(4), Ok(LimitSettings::Fixed(four)));
        assert_eq!(
            LimitSettings::from_text("auto"),
            Ok(LimitSettings::Auto { min: NonZeroUsize::MIN, max: None })
        );
        assert!(LimitSettings::from_number(0).is_err());
        assert!(LimitSettings::from_text("Auto").is_err());
    }
}
