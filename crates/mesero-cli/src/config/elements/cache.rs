//! How long answers are kept, and how many bytes of them: a duration, or a table of both.

use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};

use super::size::Size;
use super::{Element, Hint, Setting};

/// A cache of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cache {
    /// How long an answer stays fresh.
    pub(crate) ttl: Duration,
    /// How many bytes of answers are kept; the bound of the cache.
    pub(crate) bytes: usize,
}

impl Cache {
    const DEFAULT_BYTES: usize = 64 * 1024 * 1024;
}

/// The long form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with `ttl` and `bytes`")]
pub(in crate::config) struct CacheTable {
    ttl: Option<Setting<Duration>>,
    bytes: Option<Setting<Size>>,
}

impl Element for Cache {
    fn wanted() -> String {
        "a duration such as \"60s\" or a table such as { ttl = \"60s\", bytes = \"64MiB\" }"
            .to_owned()
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        Ok(Self { ttl: Duration::from_text(text)?, bytes: Self::DEFAULT_BYTES })
    }

    fn from_table<'de, A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        let table = CacheTable::deserialize(MapAccessDeserializer::new(table))?;
        let ttl =
            table.ttl.ok_or_else(|| A::Error::custom("wanted the key `ttl` in this table"))?;
        Ok(Self { ttl: ttl.value, bytes: Setting::or(table.bytes, Size(Self::DEFAULT_BYTES)).0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_keeps_the_default_bytes() {
        let cache = Cache::from_text("60s").unwrap();
        assert_eq!(cache, Cache { ttl: Duration::from_secs(60), bytes: 67_108_864 });
    }
}
