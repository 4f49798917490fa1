//! Saved results, for comparison with current ones.

pub(crate) mod atomic_file;
pub(crate) mod environment;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod terms;
pub(crate) mod writer;

use std::path::{Path, PathBuf};

use crate::baseline::error::{BaselineError, BaselineProblem};
use crate::baseline::file::BaselineFile;
use crate::baseline::terms::{MeasurementTerms, TargetAccess, TermDifference};
use crate::comparison::Comparison;
use crate::comparison::ratio::Pairing;
use crate::comparison::results::TargetResults;
use crate::plan::Load;
use crate::stats::format;

/// Saved results that are complete and consistent.
#[derive(Debug)]
pub(crate) struct Baseline {
    path: PathBuf,
    saved: BaselineFile,
    /// One for each saved target, in their order.
    results: Vec<TargetResults>,
}

/// A target of the current run, as a baseline looks it up.
#[derive(Debug)]
pub(crate) struct CurrentTarget<'a> {
    pub(crate) name: &'a str,
    pub(crate) access: TargetAccess,
}

/// Source of saved results.
#[derive(Debug, Clone)]
pub(crate) struct BaselineOrigin {
    pub(crate) file: String,
    /// In RFC 3339.
    pub(crate) when: String,
    /// Notes for the reader of the comparison, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// A target's current results, compared with its saved ones.
#[derive(Debug)]
pub(crate) struct BaselineComparison {
    pub(crate) origin: BaselineOrigin,
    pub(crate) results: TargetResults,
    pub(crate) comparison: Comparison,
}

impl Baseline {
    /// Reads the whole file.
    ///
    /// # Errors
    /// If the file cannot be read, is no baseline, or contradicts itself.
    pub(crate) fn read(path: &Path) -> Result<Self, BaselineError> {
        let failed = |why| BaselineError { path: path.to_owned(), why };
        let saved = BaselineFile::read(path)?;
        let results = saved.targets.iter().map(|target| target.results(saved.interrupted));
        let results = results.collect::<Result<_, String>>();
        let results = results.map_err(|why| failed(BaselineProblem::Contradiction(why)))?;
        if saved.interrupted {
            Err(failed(BaselineProblem::Interrupted))
        } else {
            Ok(Self { path: path.to_owned(), saved, results })
        }
    }

    /// Saved results of each current target, in their order: a single target is paired with a single one, several are
    /// paired by name.
    ///
    /// # Errors
    /// If a target has no saved results, or they are void or empty, or were measured under other terms.
    pub(crate) fn results_for(
        &self,
        now: &[CurrentTarget<'_>],
        terms: &MeasurementTerms,
    ) -> Result<Vec<TargetResults>, BaselineError> {
        let failed = |why| BaselineError { path: self.path.clone(), why };
        let places = now.iter().map(|one| self.place(one.name, now.len()));
        let places = places.collect::<Result<Vec<_>, BaselineProblem>>().map_err(failed)?;
        let targets = || places.iter().map(|place| &self.saved.targets[*place]);
        let mut differences = terms.differences(&self.saved.terms);
        for (one, target) in now.iter().zip(targets()) {
            let of_it = one.access.differences(target.access()).into_iter();
            differences.extend(of_it.map(|difference| match now.len() {
                1 => difference,
                _ => TermDifference {
                    what: format!("{} of {}", difference.what, one.name),
                    ..difference
                },
            }));
        }
        if !differences.is_empty() {
            let command = self.saved.command.clone();
            return Err(failed(BaselineProblem::Other { differences, command }));
        }
        for (target, place) in targets().zip(&places) {
            let name = target.name.clone();
            if !target.void.is_empty() {
                return Err(failed(BaselineProblem::Void { name, reasons: target.void.clone() }));
            }
            if !self.results[*place].record.has_latencies() {
                return Err(failed(BaselineProblem::Nothing(name)));
            }
        }
        Ok(places.iter().map(|place| self.results[*place].clone()).collect())
    }

    fn place(&self, name: &str, of: usize) -> Result<usize, BaselineProblem> {
        let targets = &self.saved.targets;
        let namesake = targets.iter().position(|target| target.name == name);
        let only = (of == 1 && targets.len() == 1).then_some(0);
        namesake.or(only).ok_or_else(|| BaselineProblem::Nobody {
            name: name.to_owned(),
            names: targets.iter().map(|target| target.name.clone()).collect(),
        })
    }

    /// Source of the results, with notes for readers of results that were measured under these terms.
    pub(crate) fn origin(&self, terms: &MeasurementTerms) -> BaselineOrigin {
        let BaselineFile { when, mesero, terms: theirs, .. } = &self.saved;
        let mut notes = vec![
            "Both were measured at different times: what else changed on the machine in between is part of the ratio, \
             and the interval does not know of it."
                .to_owned(),
        ];
        let ours = env!("CARGO_PKG_VERSION");
        if mesero != ours {
            notes.push(format!("The baseline was measured by mesero {mesero}, this by {ours}."));
        }
        let [before, now] = [theirs, terms].map(|terms| &terms.machine.system);
        if before != now {
            notes.push(format!("The baseline was measured on {before}, this on {now}."));
        }
        BaselineOrigin { file: self.path.display().to_string(), when: when.clone(), notes }
    }
}

impl BaselineComparison {
    /// Compares current results with saved ones.
    pub(crate) fn new(
        now: &TargetResults,
        baseline: TargetResults,
        load: &Load,
        origin: BaselineOrigin,
    ) -> Self {
        let results = TargetResults { name: "its baseline".to_owned(), ..baseline };
        let comparison = Comparison::of(now, &results, load, Pairing::Nothing);
        Self { origin, results, comparison }
    }
}

impl BaselineOrigin {
    /// Heading of a table: file and time.
    pub(crate) fn title(&self) -> String {
        format!("{} of {}", self.file, format::timestamp(&self.when))
    }
}

#[cfg(test)]
mod tests;
