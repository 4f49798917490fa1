//! A length of time: `"10s"`, `"1m 30s"`, `"250ms"`.

use std::time::Duration;

use mesero_terminal::units::parse_duration;
use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};

/// Far beyond any use, and small enough that a clock can be moved by it without overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl Element for Duration {
    fn expected() -> String {
        "a duration such as \"10s\", \"250ms\" or \"1m 30s\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^\s*[0-9].*[a-zA-Z]\s*$" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let duration = parse_duration(text).ok_or_else(Hint::default)?;
        if duration.is_zero() {
            Err(Hint::new("it must be above zero"))
        } else if duration > LONGEST {
            Err(Hint::new("it must not be above a year"))
        } else {
            Ok(duration)
        }
    }

    fn from_number(number: i64) -> Result<Self, Hint> {
        Err(Hint::new(format!("the unit is missing, did you mean \"{number}s\"?")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(Duration::from_text("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(Duration::from_text("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "10", "10 parsecs", "-1s", "s"] {
            assert!(Duration::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zero_is_not_a_duration() {
        assert_eq!(Duration::from_text("0s"), Err(Hint::new("it must be above zero")));
    }

    #[test]
    fn more_than_a_year_is_refused() {
        assert!(Duration::from_text("366d").is_ok());
        assert_eq!(Duration::from_text("10y"), Err(Hint::new("it must not be above a year")));
    }
}
