//! Reasons why a file is no usable baseline.

use std::fmt;
use std::io;
use std::path::PathBuf;

use mesero_terminal::nearest::listed;
use mesero_terminal::output::visible;
use mesero_terminal::units;

use crate::baseline::terms::TermDifference;

/// A file that cannot be used as a baseline. Continues "failed to".
#[derive(Debug)]
pub struct BaselineError {
    pub(crate) path: PathBuf,
    pub(crate) why: BaselineProblem,
}

#[derive(Debug)]
pub(crate) enum BaselineProblem {
    Io(io::Error),
    Large,
    /// The file is truncated.
    CutOff(serde_json::Error),
    NoJson(serde_json::Error),
    /// Other JSON than a file of `--save`.
    Foreign,
    Version {
        version: u64,
        supported: u64,
    },
    /// A member is missing, or has the wrong type.
    Content(serde_json::Error),
    /// Figures that cannot all be true.
    Contradiction(String),
    Interrupted,
    Void {
        name: String,
        reasons: Vec<String>,
    },
    /// No request of this target was answered.
    Nothing(String),
    /// Measured under other terms.
    Other {
        differences: Vec<TermDifference>,
        command: String,
    },
    /// No target of this name.
    Nobody {
        name: String,
        names: Vec<String>,
    },
}

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WANTED: &str = "wanted a file that `mesero bench --save` has written";
        const MEASURE_AGAIN: &str = "measure again with --save";
        write!(f, "compare with `{}`: ", self.path.display())?;
        match &self.why {
            BaselineProblem::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                write!(f, "there is no such file; --save writes one")
            }
            BaselineProblem::Io(error) => error.fmt(f),
            BaselineProblem::Large => write!(f, "it is larger than any measurement; {WANTED}"),
            BaselineProblem::CutOff(error) => {
                write!(f, "it is truncated ({error}); {MEASURE_AGAIN}")
            }
            BaselineProblem::NoJson(error) => write!(f, "it is not JSON ({error}); {WANTED}"),
            BaselineProblem::Foreign => write!(
                f,
                "it is JSON without `\"mesero_bench\": 1`; {WANTED}, which is not the output of --json"
            ),
            BaselineProblem::Version { version, supported } if version > supported => write!(
                f,
                "its format {version} is that of a newer mesero, and this one reads {supported}; use the newer one, or {MEASURE_AGAIN}"
            ),
            BaselineProblem::Version { version, supported } => {
                write!(
                    f,
                    "its format is {version}, and this mesero reads {supported}; {MEASURE_AGAIN}"
                )
            }
            BaselineProblem::Content(error) => write!(f, "{error}; {WANTED}"),
            BaselineProblem::Contradiction(why) => {
                write!(f, "it contradicts itself: {}; {MEASURE_AGAIN}", shown(why))
            }
            BaselineProblem::Interrupted => {
                write!(f, "its measurement was interrupted; {MEASURE_AGAIN}")
            }
            BaselineProblem::Void { name, reasons } => write!(
                f,
                "the results of `{}` are void ({}); {MEASURE_AGAIN}",
                shown(name),
                shown(&reasons.join("; "))
            ),
            BaselineProblem::Nothing(name) => {
                write!(
                    f,
                    "`{}` had no response with 2xx when it was saved; {MEASURE_AGAIN}",
                    shown(name)
                )
            }
            BaselineProblem::Nobody { name, names } => write!(
                f,
                "it has no target named `{}`, but {}; name the target with NAME=TARGET",
                shown(name),
                listed(
                    names
                        .iter()
                        .map(|name| shown(name))
                        .collect::<Vec<_>>()
                        .iter()
                        .map(String::as_str)
                )
            ),
            BaselineProblem::Other { differences, command } => {
                let count = units::grouped(differences.len() as u64);
                write!(f, "it was measured under other terms ({count})")?;
                for TermDifference { what, saved, now } in differences {
                    write!(f, "\n  {what}: saved {}, now {}", shown(saved), shown(now))?;
                }
                write!(
                    f,
                    "\nuse the terms of the baseline (`{}`), or {MEASURE_AGAIN}",
                    shown(command)
                )
            }
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().flat_map(visible).collect()
}
