//! A retry budget, in retries per job.

use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};

/// Retries per job over the whole run: 0.2 lets every fifth job be tried once more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Budget(pub(crate) f64);

impl Element for Budget {
    fn expected() -> String {
        "a number above 0 and at most 100 such as 0.2".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 100 })
    }

    fn from_fraction(fraction: f64) -> Result<Self, Hint> {
        // Not a number fails the first comparison, so that it is refused too.
        if fraction > 0.0 && fraction <= 100.0 { Ok(Self(fraction)) } else { Err(Hint::default()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_above_zero() {
        assert_eq!(Budget::from_fraction(0.2), Ok(Budget(0.2)));
        assert_eq!(Budget::from_number(1), Ok(Budget(1.0)));
        for bad in [0.0, -1.0, 100.5, f64::NAN, f64::INFINITY] {
            assert!(Budget::from_fraction(bad).is_err(), "{bad}");
        }
    }
}
