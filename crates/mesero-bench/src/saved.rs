//! A measurement in a file, for other programs, and to be compared with later.

use serde::{Deserialize, Deserializer, Serialize};

mod reading;
mod refusal;
mod round;
mod target;
mod terms;

pub(super) use refusal::{SavedError, Why};
pub(crate) use target::Target;
pub(super) use terms::{Difference, Terms, Way};

/// The version of this format: another one is refused. A member that is added does not change it.
const VERSION: u64 = 1;

/// All of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    mesero_bench: u64,
    /// When it was over, as in RFC 3339.
    pub(super) when: String,
    /// The version of the program.
    pub(super) mesero: String,
    /// As somebody would type it, without the values of headers and bodies.
    pub(super) command: String,
    /// Whether a signal ended it early.
    pub(super) interrupted: bool,
    /// What has to be the same for others to be compared with it.
    pub(super) terms: Terms,
    pub(super) targets: Vec<Target>,
}

impl Saved {
    /// What was measured by this program.
    pub(super) fn new(when: String, command: String, terms: Terms) -> Self {
        Self {
            mesero_bench: VERSION,
            when,
            mesero: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            interrupted: false,
            terms,
            targets: Vec::new(),
        }
    }

    /// As it is written.
    ///
    /// # Errors
    /// Never of what was measured: no number in it is infinite.
    pub(super) fn text(&self) -> serde_json::Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }
}

/// A value that may be null, and may not be missing.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

#[cfg(test)]
pub(super) mod tests {
    pub(crate) use super::terms::tests::terms;
}
