//! A rate of calls: `"100/s"`, or a table with a burst.

use std::num::NonZeroU32;
use std::time::Duration;

use mesero::Rate;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde_json::{Value, json};

use crate::elements::count::Count;
use crate::elements::element::{Element, Hint, Setting};
use crate::schema::described::{Described, any_of, described, with_required};

described! {
    /// The long form. Inside it `rate` is the short form again, without a table.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table with `rate` and `burst`")]
    pub(in crate) struct RateTable {
        rate: Option<Setting<PlainRate>>,
        burst: Option<Setting<Count<1_000_000>>>,
    }
}

impl Element for Rate {
    fn expected() -> String {
        "a rate such as \"100/s\", \"100/m\" or \"100/h\", or a table such as { rate = \"100/s\", burst = 10 }"
            .to_owned()
    }

    fn schema() -> Value {
        any_of([PlainRate::schema(), with_required(RateTable::schema(), &["rate"])])
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        PlainRate::from_text(text).map(|PlainRate(rate)| rate)
    }

    fn from_table<'de, A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        let table = RateTable::deserialize(MapAccessDeserializer::new(table))?;
        let rate =
            table.rate.ok_or_else(|| A::Error::custom("expected the key `rate` in this table"))?;
        let PlainRate(rate) = rate.value;
        Ok(match table.burst {
            Some(burst) => rate.burst(burst.value.non_zero()),
            None => rate,
        })
    }
}

/// The short form.
#[derive(Debug)]
struct PlainRate(Rate);

impl Element for PlainRate {
    fn expected() -> String {
        "a rate such as \"100/s\", \"100/m\" or \"100/h\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]+/[smh]$" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let (count, unit) = text.split_once('/').ok_or_else(Hint::default)?;
        let digits = count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|_| digits);
        let count: NonZeroU32 =
            count.ok_or_else(|| Hint::new("the count is a whole number above zero"))?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(Hint::new("the unit is `s`, `m` or `h`")),
        };
        Rate::new(count, Duration::from_secs(seconds)).map(Self).ok_or_else(Hint::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_allows_the_whole_count_at_once() {
        let count = NonZeroU32::new(100).unwrap();
        let rate = Rate::new(count, Duration::from_secs(60)).unwrap();
        assert_eq!(Rate::from_text("100/m"), Ok(rate.burst(count)));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in
            ["", "100", "0/s", "/s", "-1/s", "+1/s", "1.5/s", "100/d", "100/", "99999999999/s"]
        {
            assert!(Rate::from_text(bad).is_err(), "{bad}");
        }
    }
}
