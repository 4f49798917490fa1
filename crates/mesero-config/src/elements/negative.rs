//! Failures that a cache keeps: a duration for all, or a table that names some.

use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde_json::Value;

use crate::elements::element::{Element, Hint, Setting};
use crate::elements::one_or_many::OneOrMany;
use crate::elements::word::Word;
use crate::schema::described::{Described, any_of, described, with_required};

/// Failures that are cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negative {
    pub ttl: Duration,
    pub failures: Vec<CachedFailure>,
}

/// A kind of failure, by the word that ends the `type` of its problem document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachedFailure {
    Raised,
    Unreachable,
    Overloaded,
    Lost,
    /// The attempt took longer than `timeout`.
    TimedOut,
}

impl Word for CachedFailure {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("raised", Self::Raised),
        ("unreachable", Self::Unreachable),
        ("overloaded", Self::Overloaded),
        ("lost", Self::Lost),
        ("timed_out", Self::TimedOut),
    ];
}

described! {
    /// The long form.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table with `ttl` and `failures`")]
    pub(in crate) struct NegativeTable {
        ttl: Option<Setting<Duration>>,
        failures: Option<Setting<OneOrMany<CachedFailure>>>,
    }
}

impl Element for Negative {
    fn expected() -> String {
        "a duration such as \"1s\" or a table such as { ttl = \"1s\", failures = [\"lost\"] }"
            .to_owned()
    }

    fn schema() -> Value {
        any_of([Duration::schema(), with_required(NegativeTable::schema(), &["ttl"])])
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        Ok(Self { ttl: Duration::from_text(text)?, failures: CachedFailure::all().collect() })
    }

    fn from_table<'de, A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        let table = NegativeTable::deserialize(MapAccessDeserializer::new(table))?;
        let ttl =
            table.ttl.ok_or_else(|| A::Error::custom("expected the key `ttl` in this table"))?;
        Ok(Self {
            ttl: ttl.value,
            failures: table
                .failures
                .map_or_else(|| CachedFailure::all().collect(), |written| written.value.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_remembers_every_failure() {
        let negative = Negative::from_text("1s").unwrap();
        assert_eq!((negative.ttl.as_secs(), negative.failures.len()), (1, 5));
    }
}
