//! Reasons why no concurrency can be suggested.

use std::fmt;

/// A goal that `--suggest` cannot work with. Continues "failed to".
#[derive(Debug)]
pub enum CapacityError {
    NoDemand,
    Several,
    All,
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CapacityError::NoDemand => {
                "suggest anything without a load: wanted `--rate 50` for independent calls, as many a \
                 second, or `-c 10` for simultaneous clients"
            }
            CapacityError::Several => "suggest anything: `--suggest` is about one target at a time",
            CapacityError::All => {
                "suggest anything: of calls that come at random, not all can be sure to be answered in time; \
                 wanted a share below 100%, such as `--share 99.9%`"
            }
        })
    }
}
