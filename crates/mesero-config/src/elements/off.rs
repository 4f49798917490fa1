//! A setting that can be turned off with a word.

use serde::de::MapAccess;
use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};
use crate::schema::described::any_of;

/// A value, or the word `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrOff<T> {
    On(T),
    Off,
}

impl<T> OrOff<T> {
    /// Returns the value unless it is off.
    pub(crate) fn on(self) -> Option<T> {
        match self {
            Self::On(value) => Some(value),
            Self::Off => None,
        }
    }
}

impl<T: Element> Element for OrOff<T> {
    fn expected() -> String {
        format!("{}, or \"off\"", T::expected())
    }

    fn schema() -> Value {
        any_of([json!({ "const": "off" }), T::schema()])
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        if text == "off" { Ok(Self::Off) } else { T::from_text(text).map(Self::On) }
    }

    fn from_number(number: i64) -> Result<Self, Hint> {
        T::from_number(number).map(Self::On)
    }

    fn from_fraction(fraction: f64) -> Result<Self, Hint> {
        T::from_fraction(fraction).map(Self::On)
    }

    fn from_table<'de, A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        T::from_table(table).map(Self::On)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn off_is_a_word_and_everything_else_is_the_value() {
        assert_eq!(OrOff::<Duration>::from_text("off"), Ok(OrOff::Off));
        assert_eq!(OrOff::from_text("1s"), Ok(OrOff::On(Duration::from_secs(1))));
        assert!(OrOff::<Duration>::from_text("Off").is_err());
    }
}
