//! A report as a baseline file, and reasons not to replace the old one.

use mesero_terminal::exit::Exit;

use crate::baseline::CurrentTarget;
use crate::baseline::environment::Environment;
use crate::baseline::file::BaselineFile;
use crate::baseline::file::target::TargetForm;
use crate::baseline::terms::MeasurementTerms;
use crate::report::BenchReport;
use crate::report::target_report::TargetReport;

impl BenchReport {
    /// The file.
    pub(crate) fn baseline_file(
        &self,
        now: &[CurrentTarget<'_>],
        terms: MeasurementTerms,
        environment: Environment,
    ) -> BaselineFile {
        let Environment { when, command, .. } = environment;
        let mut saved = BaselineFile::new(when, command, terms);
        saved.interrupted =
            self.target_reports.iter().any(|target_report| target_report.is_interrupted);
        let target = |(target_report, now): (&TargetReport, &CurrentTarget<'_>)| {
            let void = target_report.issues.iter().map(ToString::to_string).collect();
            TargetForm::new(&target_report.results, now.access.clone(), void)
        };
        saved.targets = self.target_reports.iter().zip(now).map(target).collect();
        saved
    }

    /// Reason why these results must not replace a baseline; none if they may.
    pub(crate) fn objection_to_replacing(&self) -> Option<&'static str> {
        match self.exit() {
            _ if self.target_reports.iter().any(|target_report| target_report.is_interrupted) => {
                Some("this measurement was interrupted")
            }
            _ if self.is_void() => Some("this measurement is void"),
            _ if !self.has_latencies() => Some("one of its targets has no response with 2xx"),
            Exit::Unexpected => Some("a threshold does not hold"),
            _ => None,
        }
    }

    fn is_void(&self) -> bool {
        self.target_reports.iter().any(|target_report| !target_report.issues.is_empty())
    }

    fn has_latencies(&self) -> bool {
        self.target_reports.iter().all(|target_report| target_report.results.record.has_latencies())
    }
}
