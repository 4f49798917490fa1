//! Results in a file, for other programs and for later comparison.

use serde::{Deserialize, Serialize};

mod reading;
mod round;
pub(crate) mod target;

use crate::baseline::file::target::TargetForm;
use crate::baseline::terms::MeasurementTerms;

/// Version of the format; other versions are refused. Added members do not change it.
const VERSION: u64 = 1;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BaselineFile {
    mesero_bench: u64,
    /// End of the measurement, in RFC 3339.
    pub(crate) when: String,
    /// Version of mesero.
    pub(crate) mesero: String,
    /// The command line, without the values of headers and bodies.
    pub(crate) command: String,
    /// Whether a signal stopped the measurement.
    pub(crate) interrupted: bool,
    /// Terms that must be equal for a comparison.
    pub(crate) terms: MeasurementTerms,
    pub(crate) targets: Vec<TargetForm>,
}

impl BaselineFile {
    /// A file of this version, with no targets yet.
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

    /// The text of the file.
    ///
    /// # Errors
    /// Never for measured values, since none is infinite.
    pub(crate) fn text(&self) -> serde_json::Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }
}
