//! Reads baseline files and checks them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

use crate::baseline::error::{BaselineError, BaselineProblem};
use crate::baseline::file::{BaselineFile, VERSION};

/// More than any measurement needs, and less than a machine's memory.
const MOST: u64 = 256 * 1024 * 1024;

/// The member that identifies the format.
#[derive(Debug, Deserialize)]
struct FormatMarker {
    mesero_bench: Option<Value>,
}

impl BaselineFile {
    /// Reads a file that [`BaselineFile::text`] was written to. Whether what is in it can be true is seen when a target is
    /// [read](crate::baseline::file::target::TargetForm::results) from it.
    ///
    /// # Errors
    /// Why it is none.
    pub(crate) fn read(path: &Path) -> Result<Self, BaselineError> {
        let failed = |why| BaselineError { path: path.to_owned(), why };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| failed(BaselineProblem::Io(error)))?;
        let read = file.take(MOST).read_to_end(&mut bytes);
        if read.map_err(|error| failed(BaselineProblem::Io(error)))? as u64 == MOST {
            return Err(failed(BaselineProblem::Large));
        }
        Self::of(&bytes).map_err(failed)
    }

    pub(crate) fn of(bytes: &[u8]) -> Result<Self, BaselineProblem> {
        let glance: FormatMarker =
            serde_json::from_slice(bytes).map_err(BaselineProblem::of_json)?;
        match glance.mesero_bench.as_ref().map(Value::as_u64) {
            Some(Some(VERSION)) => {}
            Some(Some(version)) => {
                return Err(BaselineProblem::Version { version, supported: VERSION });
            }
            Some(None) | None => return Err(BaselineProblem::Foreign),
        }
        let saved: BaselineFile =
            serde_json::from_slice(bytes).map_err(BaselineProblem::Content)?;
        let mut names: Vec<_> = saved.targets.iter().map(|target| &target.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(BaselineProblem::Contradiction(format!(
                "two targets are named `{}`",
                twice[0]
            )));
        }
        if saved.targets.is_empty() {
            Err(BaselineProblem::Contradiction("it has no target".to_owned()))
        } else {
            Ok(saved)
        }
    }
}

impl BaselineProblem {
    fn of_json(error: serde_json::Error) -> Self {
        match error.classify() {
            Category::Eof => BaselineProblem::CutOff(error),
            // JSON, but no object.
            Category::Data => BaselineProblem::Foreign,
            Category::Syntax | Category::Io => BaselineProblem::NoJson(error),
        }
    }
}
