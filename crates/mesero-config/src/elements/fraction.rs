//! Numbers that need not be whole: a share of all, and a spread.

use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share(pub(crate) f64);

/// A number above 0 and at most 10: the standard deviation of logarithms. At 10 already one draw in
/// ten is three hundred thousand times the median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread(pub(crate) f64);

impl Element for Share {
    fn expected() -> String {
        "a number from 0 to 1 such as 0.1".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "number", "minimum": 0, "maximum": 1 })
    }

    fn from_fraction(fraction: f64) -> Result<Self, Hint> {
        // Not a number is in no range, so that it is refused too.
        if (0.0..=1.0).contains(&fraction) { Ok(Self(fraction)) } else { Err(Hint::default()) }
    }
}

impl Element for Spread {
    fn expected() -> String {
        "a number above 0 and at most 10 such as 0.5".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 10 })
    }

    fn from_fraction(fraction: f64) -> Result<Self, Hint> {
        if fraction > 0.0 && fraction <= 10.0 { Ok(Self(fraction)) } else { Err(Hint::default()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_from_0_to_1() {
        assert_eq!(Share::from_number(0), Ok(Share(0.0)));
        assert_eq!(Share::from_fraction(0.1), Ok(Share(0.1)));
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Share::from_fraction(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_spread_is_above_0() {
        assert_eq!(Spread::from_number(1), Ok(Spread(1.0)));
        for bad in [0.0, -1.0, 10.5, f64::NAN] {
            assert!(Spread::from_fraction(bad).is_err(), "{bad}");
        }
    }
}
