//! A status code of HTTP: a whole number from 200 to 599.

use http::StatusCode;
use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};

impl Element for StatusCode {
    fn expected() -> String {
        "a status from 200 to 599".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 200, "maximum": 599 })
    }

    fn from_number(number: i64) -> Result<Self, Hint> {
        // Those below 200 announce an answer and are none.
        let number = u16::try_from(number).ok().filter(|number| (200..=599).contains(number));
        number.and_then(|number| Self::from_u16(number).ok()).ok_or_else(Hint::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_number_of_an_answer() {
        assert_eq!(StatusCode::from_number(404), Ok(StatusCode::NOT_FOUND));
        for bad in [-1, 0, 100, 199, 600, 65_736] {
            assert!(StatusCode::from_number(bad).is_err(), "{bad}");
        }
    }
}
