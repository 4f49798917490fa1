//! The cost of an Argon2id hash: memory, passes, lanes.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

/// The three parameters of Argon2, within its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// KiB; at least eight for each lane.
    pub(crate) memory: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

/// Recommended parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// m=19456,t=2,p=1
    Owasp,
    /// m=65536,t=3,p=4
    #[value(name = "rfc9106-low")]
    Rfc9106Low,
    /// m=2097152,t=1,p=4
    #[value(name = "rfc9106-high")]
    Rfc9106High,
}

/// Memory in KiB and passes that OWASP's Password Storage Cheat Sheet (August 2026) recommends as
/// equivalent minimums.
const GOOD_ENOUGH: [(u32, u32); 5] =
    [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

const EXPECTED: &str = "use parameters such as m=19456,t=2,p=1: memory in KiB, passes and lanes";

impl Cost {
    /// Checks the parameters.
    ///
    /// # Errors
    /// The bound of RFC 9106, section 3.1, that they violate.
    pub(crate) fn new(memory: u32, passes: u32, lanes: u32) -> Result<Self, String> {
        if lanes == 0 || lanes > 0xFF_FFFF {
            return Err(format!("p must be from 1 to 16777215, and is {lanes}"));
        }
        if u64::from(memory) < 8 * u64::from(lanes) {
            return Err(format!(
                "m must be at least 8 KiB for each lane, so {}, and is {memory}",
                8 * u64::from(lanes)
            ));
        }
        match passes {
            0 => Err("t must be at least 1, and is 0".to_owned()),
            _ => Ok(Self { memory, passes, lanes }),
        }
    }

    pub(crate) fn of(preset: Preset) -> Self {
        match preset {
            Preset::Owasp => Self::default(),
            Preset::Rfc9106Low => Self { memory: 65_536, passes: 3, lanes: 4 },
            Preset::Rfc9106High => Self { memory: 2_097_152, passes: 1, lanes: 4 },
        }
    }

    /// Returns whether the cost is below all of OWASP's minimums.
    pub(crate) fn is_weak(&self) -> bool {
        !GOOD_ENOUGH.iter().any(|(memory, passes)| self.memory >= *memory && self.passes >= *passes)
    }

    /// Memory of one thread, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.memory) * 1024
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory: 19_456, passes: 2, lanes: 1 }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory, self.passes, self.lanes)
    }
}

impl FromStr for Cost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut values = [None; 3];
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or(EXPECTED)?;
            let place = ["m", "t", "p"].iter().position(|known| *known == name).ok_or(EXPECTED)?;
            let value: u32 = value.parse().map_err(|_| EXPECTED)?;
            if values[place].replace(value).is_some() {
                return Err(format!("{name} occurs twice"));
            }
        }
        match values {
            [Some(memory), Some(passes), Some(lanes)] => Self::new(memory, passes, lanes),
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_parsed_from_the_text_that_it_prints() {
        for text in ["m=19456,t=2,p=1", "m=8,t=1,p=1", "m=2097152,t=1,p=4"] {
            assert_eq!(text.parse::<Cost>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn parameters_outside_of_the_bounds_are_rejected() {
        for bad in
            ["", "m=8", "m=8,t=1", "m=7,t=1,p=1", "m=8,t=0,p=1", "m=8,t=1,p=0", "m=8,t=1,p=2"]
        {
            assert!(bad.parse::<Cost>().is_err(), "{bad}");
        }
        for bad in ["m=8,t=1,p=1,m=8", "m=8,t=1,x=1", "m=-8,t=1,p=1", "m=8 t=1 p=1"] {
            assert!(bad.parse::<Cost>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cost_below_every_minimum_is_weak() {
        for good in ["m=19456,t=2,p=1", "m=65536,t=1,p=1", "m=7168,t=5,p=1", "m=65536,t=3,p=4"] {
            assert!(!good.parse::<Cost>().unwrap().is_weak(), "{good}");
        }
        for weak in ["m=8,t=1,p=1", "m=19456,t=1,p=1", "m=7168,t=4,p=1", "m=7167,t=100,p=1"] {
            assert!(weak.parse::<Cost>().unwrap().is_weak(), "{weak}");
        }
    }
}
