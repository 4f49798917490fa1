//! Which failures a cache remembers, and for how long: a duration for all, or a table that names some.

use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde_json::Value;

use crate::elements::element::{Element, Hint, Setting};
use crate::elements::one_or_many::OneOrMany;
use crate::elements::word::{one_of_words, read_word, words};
use crate::schema::described::{Described, any_of, described, with_required};

/// Failures that are remembered for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negative {
    pub ttl: Duration,
    pub failures: Vec<Failing>,
}

/// A way in which a resource fails, by the word that ends the `type` of its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    Raised,
    Unreachable,
    Overloaded,
    Lost,
    /// The attempt took longer than `timeout`.
    TimedOut,
}

impl Failing {
    const WORDS: [(&'static str, Self); 5] = [
        ("raised", Self::Raised),
        ("unreachable", Self::Unreachable),
        ("overloaded", Self::Overloaded),
        ("lost", Self::Lost),
        ("timed_out", Self::TimedOut),
    ];

    fn all() -> OneOrMany<Self> {
        OneOrMany(Self::WORDS.map(|(_, failing)| failing).to_vec())
    }
}

impl Element for Failing {
    fn wanted() -> String {
        words(&Self::WORDS)
    }

    fn schema() -> Value {
        one_of_words(&Self::WORDS)
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        read_word(text, &Self::WORDS)
    }
}

described! {
    /// The long form.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table with `ttl` and `failures`")]
    pub(in crate) struct NegativeTable {
        ttl: Option<Setting<Duration>>,
        failures: Option<Setting<OneOrMany<Failing>>>,
    }
}

impl Element for Negative {
    fn wanted() -> String {
        "a duration such as \"1s\" or a table such as { ttl = \"1s\", failures = [\"lost\"] }"
            .to_owned()
    }

    fn schema() -> Value {
        any_of([Duration::schema(), with_required(NegativeTable::schema(), &["ttl"])])
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        Ok(Self { ttl: Duration::from_text(text)?, failures: Failing::all().0 })
    }

    fn from_table<'de, A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        let table = NegativeTable::deserialize(MapAccessDeserializer::new(table))?;
        let ttl =
            table.ttl.ok_or_else(|| A::Error::custom("wanted the key `ttl` in this table"))?;
        Ok(Self { ttl: ttl.value, failures: Setting::or(table.failures, Failing::all()).0 })
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
