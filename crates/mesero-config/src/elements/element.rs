//! One value and its place: a type says how it is written, and what was expected when a value is rejected.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::json;
use toml::Spanned;

use crate::schema::described::Described;

/// A value as it was typed, and its place.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

impl<T> Setting<T> {
    /// Returns the value that was typed, else the default.
    pub(crate) fn or(setting: Option<Self>, default: T) -> T {
        setting.map_or(default, |setting| setting.value)
    }
}

impl<T: Element> Setting<T> {
    /// Reads a bare word, as on a command line; the error says what was expected.
    pub(crate) fn from_word(word: &str, span: Range<usize>) -> Result<Self, String> {
        let value = match (word.parse(), word.parse()) {
            (Ok(number), _) => T::from_number(number),
            (_, Ok(fraction)) => T::from_fraction(fraction),
            _ => T::from_text(word),
        };
        value
            .map(|value| Self { value, span })
            .map_err(|hint| mismatch::<T>(&format!("`{word}`"), &hint))
    }
}

impl<'de, T: Element> Deserialize<'de> for Setting<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Spanned::<Value<T>>::deserialize(deserializer)?;
        Ok(Self { span: value.span(), value: value.into_inner().0 })
    }
}

/// The type of a setting, with the ways in which it may be written.
pub(crate) trait Element: Sized {
    /// Returns a description of valid values that fits after "expected".
    fn expected() -> String;

    /// Returns a JSON Schema that accepts every way in which it may be written.
    fn schema() -> serde_json::Value {
        json!({ "type": "string" })
    }

    /// Reads a string.
    fn from_text(_text: &str) -> Result<Self, Hint> {
        Err(Hint::default())
    }

    /// Reads a whole number: as a fraction, unless the type says otherwise.
    fn from_number(number: i64) -> Result<Self, Hint> {
        let number = i32::try_from(number).map_err(|_| Hint::default())?;
        Self::from_fraction(f64::from(number))
    }

    /// Reads a number that is not whole.
    fn from_fraction(_fraction: f64) -> Result<Self, Hint> {
        Err(Hint::default())
    }

    /// Reads a table.
    fn from_table<'de, A: MapAccess<'de>>(_table: A) -> Result<Self, A::Error> {
        Err(serde::de::Error::invalid_type(Unexpected::Map, &Expected::<Self>(PhantomData)))
    }

    /// Reads an array.
    fn from_array<'de, A: SeqAccess<'de>>(_array: A) -> Result<Self, A::Error> {
        Err(serde::de::Error::invalid_type(Unexpected::Seq, &Expected::<Self>(PhantomData)))
    }
}

/// An addition to a message that says what was expected and found; empty if there is nothing to add.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hint(Option<String>);

impl Hint {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(Some(text.into()))
    }

    /// Returns the text of the hint.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Returns this hint, or `text` when it is empty.
    pub(crate) fn or(self, text: String) -> Self {
        Self(self.0.or(Some(text)))
    }
}

fn mismatch<T: Element>(found: &str, hint: &Hint) -> String {
    let expected = T::expected();
    match &hint.0 {
        Some(hint) => format!("expected {expected}, found {found}: {hint}"),
        None => format!("expected {expected}, found {found}"),
    }
}

/// Carries an element through serde.
pub(crate) struct Value<T>(pub(crate) T);

impl<'de, T: Element> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Expected(PhantomData)).map(Value)
    }
}

/// Visits a value, and says what is expected.
struct Expected<T>(PhantomData<T>);

impl<'de, T: Element> Visitor<'de> for Expected<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&T::expected())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(|hint| E::custom(mismatch::<T>(&format!("{text:?}"), &hint)))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        T::from_number(number).map_err(|hint| E::custom(mismatch::<T>(&format!("{number}"), &hint)))
    }

    fn visit_f64<E: serde::de::Error>(self, fraction: f64) -> Result<T, E> {
        T::from_fraction(fraction)
            .map_err(|hint| E::custom(mismatch::<T>(&format!("{fraction}"), &hint)))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<T, A::Error> {
        T::from_table(table)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<T, A::Error> {
        T::from_array(array)
    }
}

impl<T: Element> Described for Setting<T> {
    fn schema() -> serde_json::Value {
        let mut schema = T::schema();
        schema["description"] = format!("Written as {}.", T::expected()).into();
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements::count::Count;

    #[test]
    fn a_bare_word_is_read_as_a_number_when_it_is_one() {
        let count = Setting::<Count<10>>::from_word("7", 0..1).unwrap();
        assert_eq!(count.value.non_zero().get(), 7);
    }

    #[test]
    fn a_refused_bare_word_is_named_beside_what_was_wanted() {
        let error = Setting::<Count<10>>::from_word("eleven", 0..6).unwrap_err();
        assert_eq!(error, "expected a whole number from 1 to 10, found `eleven`");
    }
}
