//! A cache of replies: a duration, or a table with its bytes and the use of expired replies.

use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde_json::Value;

use crate::elements::element::{Element, Hint, Setting};
use crate::elements::negative::Negative;
use crate::elements::off::OrOff;
use crate::elements::size::Size;
use crate::schema::described::{Described, any_of, described, with_required};

/// A cache of replies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// The time that a reply is fresh.
    pub ttl: Duration,
    /// The largest sum of the replies' bytes.
    pub bytes: usize,
    /// The time after `ttl` in which a reply is sent while a new one is fetched.
    pub stale_while_revalidate: Option<Duration>,
    /// The time after `ttl` in which a reply is sent in place of an error.
    pub stale_if_error: Option<Duration>,
    pub negative: Option<Negative>,
}

impl CacheSettings {
    const DEFAULT_BYTES: usize = 64 * 1024 * 1024;

    fn of(ttl: Duration) -> Self {
        Self {
            ttl,
            bytes: Self::DEFAULT_BYTES,
            stale_while_revalidate: None,
            stale_if_error: None,
            negative: None,
        }
    }
}

described! {
    /// The long form.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table with `ttl`")]
    pub(in crate) struct CacheTable {
        ttl: Option<Setting<Duration>>,
        bytes: Option<Setting<Size>>,
        stale_while_revalidate: Option<Setting<OrOff<Duration>>>,
        stale_if_error: Option<Setting<OrOff<Duration>>>,
        negative: Option<Setting<OrOff<Negative>>>,
    }
}

impl Element for CacheSettings {
    fn expected() -> String {
        "a duration such as \"60s\" or a table such as { ttl = \"60s\", bytes = \"64MiB\" }"
            .to_owned()
    }

    fn schema() -> Value {
        any_of([Duration::schema(), with_required(CacheTable::schema(), &["ttl"])])
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        Duration::from_text(text).map(Self::of)
    }

    fn from_table<'de, A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        let table = CacheTable::deserialize(MapAccessDeserializer::new(table))?;
        let ttl =
            table.ttl.ok_or_else(|| A::Error::custom("expected the key `ttl` in this table"))?;
        Ok(Self {
            bytes: Setting::or(table.bytes, Size(Self::DEFAULT_BYTES)).0,
            stale_while_revalidate: Setting::or(table.stale_while_revalidate, OrOff::Off).on(),
            stale_if_error: Setting::or(table.stale_if_error, OrOff::Off).on(),
            negative: Setting::or(table.negative, OrOff::Off).on(),
            ..Self::of(ttl.value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_keeps_the_default_bytes() {
        let cache = CacheSettings::from_text("60s").unwrap();
        assert_eq!((cache.ttl.as_secs(), cache.bytes), (60, 67_108_864));
    }
}
