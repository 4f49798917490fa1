//! A measurement in a file, for other programs, and to be compared with later.

use serde::{Deserialize, Serialize};

mod reading;
mod round;
pub(crate) mod target;

use crate::baseline::file::target::TargetForm;
use crate::baseline::terms::MeasurementTerms;

/// The version of this format: another one is refused. A member that is added does not change it.
const VERSION: u64 = 1;

/// All of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BaselineFile {
    mesero_bench: u64,
    /// When it was over, as in RFC 3339.
    pub(crate) when: String,
    /// The version of the program.
    pub(crate) mesero: String,
    /// As somebody would type it, without the values of headers and bodies.
    pub(crate) command: String,
    /// Whether a signal ended it early.
    pub(crate) interrupted: bool,
    /// What has to be the same for others to be compared with it.
    pub(crate) terms: MeasurementTerms,
    pub(crate) targets: Vec<TargetForm>,
}

impl BaselineFile {
    /// What was measured by this program.
    pub(crate) fn new(when: String, command: String, terms: MeasurementTerms) -> Self {
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
    pub(crate) fn text(&self) -> serde_json::Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }
}
