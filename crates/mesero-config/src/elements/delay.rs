//! The delay of a stub: a duration, or a table that names a distribution.

use std::fmt;
use std::time::Duration;

use mesero_terminal::units::exact_duration;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde_json::Value;

use crate::elements::element::{Element, Hint, Setting};
use crate::elements::fraction::Spread;
use crate::schema::described::{Described, any_of, described};

/// A delay, always the same or drawn from a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    Fixed(Duration),
    /// Any time between the two, each as likely.
    Uniform {
        least: Duration,
        most: Duration,
    },
    /// Half of the delays are below the median; `sigma` is the standard deviation of their logarithms.
    /// Most service times have this distribution.
    Lognormal {
        median: Duration,
        sigma: f64,
    },
    Exponential {
        mean: Duration,
    },
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Delay::Fixed(delay) => exact_duration(delay).fmt(f),
            Delay::Uniform { least, most } => {
                write!(f, "{} to {}", exact_duration(least), exact_duration(most))
            }
            Delay::Lognormal { median, .. } => {
                write!(f, "{} in the median (lognormal)", exact_duration(median))
            }
            Delay::Exponential { mean } => {
                write!(f, "{} on average (exponential)", exact_duration(mean))
            }
        }
    }
}

described! {
    /// The long form: one of its keys.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table with one distribution")]
    pub(in crate) struct DelayTable {
        uniform: Option<[Setting<Duration>; 2]>,
        lognormal: Option<LognormalTable>,
        exponential: Option<Setting<Duration>>,
    }
}

described! {
    /// `lognormal = { … }`.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table with `median` and `sigma`")]
    pub(in crate) struct LognormalTable {
        median: Option<Setting<Duration>>,
        sigma: Option<Setting<Spread>>,
    }
}

impl Element for Delay {
    fn expected() -> String {
        "a duration such as \"5s\", or a table such as { uniform = [\"100ms\", \"2s\"] }, \
         { lognormal = { median = \"100ms\", sigma = 0.5 } } or { exponential = \"100ms\" }"
            .to_owned()
    }

    fn schema() -> Value {
        any_of([Duration::schema(), DelayTable::schema()])
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        Duration::from_text(text).map(Self::Fixed)
    }

    fn from_number(number: i64) -> Result<Self, Hint> {
        Duration::from_number(number).map(Self::Fixed)
    }

    fn from_table<'de, A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        let table = DelayTable::deserialize(MapAccessDeserializer::new(table))?;
        let DelayTable { uniform, lognormal, exponential } = table;
        match (uniform, lognormal, exponential) {
            (Some([least, most]), None, None) if least.value > most.value => {
                Err(A::Error::custom("expected the shorter duration first"))
            }
            (Some([least, most]), None, None) => {
                Ok(Self::Uniform { least: least.value, most: most.value })
            }
            (None, Some(LognormalTable { median: Some(median), sigma: Some(sigma) }), None) => {
                Ok(Self::Lognormal { median: median.value, sigma: sigma.value.0 })
            }
            (None, Some(_), None) => {
                Err(A::Error::custom("expected the keys `median` and `sigma` in `lognormal`"))
            }
            (None, None, Some(mean)) => Ok(Self::Exponential { mean: mean.value }),
            _ => Err(A::Error::custom(
                "expected one of the keys `uniform`, `lognormal` and `exponential` in this table",
            )),
        }
    }
}
