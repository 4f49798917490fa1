//! Why no capacity can be suggested.

use std::fmt;

/// Why nothing can be suggested. Reads on after "failed to".
#[derive(Debug)]
pub enum SuggestError {
    NoDemand,
    Several,
    All,
}

impl fmt::Display for SuggestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SuggestError::NoDemand => {
                "suggest anything without a load: wanted `--rate 50` for calls that come at random, so many a \
                 second, or `-c 10` for clients who come at once"
            }
            SuggestError::Several => "suggest anything: `--suggest` is about one target at a time",
            SuggestError::All => {
                "suggest anything: of calls that come at random, not all can be sure to be answered in time; \
                 wanted a share below 100%, such as `--share 99.9%`"
            }
        })
    }
}
