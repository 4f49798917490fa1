//! The report of a run: text, Markdown, JSON and HTML.

pub(crate) mod page;
pub(crate) mod verdict;

use comfy_table::presets;
use mesero_terminal::exit::Exit;

use crate::comparison::Comparison;
use crate::comparison::response_snapshot::ResponseMatch;

mod baseline_form;
mod baseline_table;
mod comparison_table;
mod html;
mod json;
mod target_report;
mod text;

pub(crate) use crate::report::target_report::TargetReport;

/// Everything that is reported.
#[derive(Debug)]
pub(crate) struct BenchReport {
    /// At least one; one for each target.
    pub(crate) target_reports: Vec<TargetReport>,
    /// Each target but the first, compared with the first.
    pub(crate) comparisons: Vec<Comparison>,
}

impl BenchReport {
    /// Text for the terminal.
    pub(crate) fn text(&self) -> String {
        let figures = match &self.target_reports[..] {
            [target_report] => target_report.text(),
            _ => self.comparison_text(presets::NOTHING),
        };
        let judgement = paragraph(&self.judgement());
        joined([
            Some(figures),
            self.baseline_table(presets::NOTHING),
            paragraph(&self.conclusions()),
            judgement,
        ])
    }

    /// Markdown.
    pub(crate) fn markdown(&self) -> String {
        let figures = match &self.target_reports[..] {
            [target_report] => target_report.markdown(),
            _ => self.comparison_text(presets::ASCII_MARKDOWN),
        };
        // Consecutive lines would be one paragraph.
        let mut parts = vec![Some(figures), self.baseline_table(presets::ASCII_MARKDOWN)];
        for line in self.conclusions().into_iter().chain(self.judgement()) {
            parts.push(paragraph(&[line]));
        }
        joined(parts)
    }

    /// Indented JSON.
    pub(crate) fn json(&self) -> String {
        format!("{:#}", self.value())
    }

    /// Conclusions of the comparisons, a sentence each; none if the results are void.
    pub(crate) fn conclusions(&self) -> Vec<String> {
        let sentences = self.comparisons.iter().map(Comparison::sentence);
        if self.target_reports.iter().any(|target_report| !target_report.issues.is_empty()) {
            Vec::new()
        } else {
            sentences.chain(self.baseline_conclusions()).collect()
        }
    }

    /// Targets that respond differently from the first.
    fn differences(&self) -> impl Iterator<Item = String> + '_ {
        self.comparisons.iter().filter_map(|comparison| match &comparison.responses {
            ResponseMatch::Differ(how) => Some(format!("answers differ: {how}")),
            ResponseMatch::Same | ResponseMatch::Unknown => None,
        })
    }

    /// Validity, and the verdict on the thresholds.
    pub(crate) fn judgement(&self) -> Vec<String> {
        match &self.target_reports[..] {
            [target_report] => target_report.judgement(),
            target_reports => {
                let named = |target_report: &TargetReport| {
                    let name = target_report.results.name.clone();
                    target_report.judgement().into_iter().map(move |line| format!("{name}: {line}"))
                };
                self.differences().chain(target_reports.iter().flat_map(named)).collect()
            }
        }
    }

    /// Exit code: the worst of all targets.
    pub(crate) fn exit(&self) -> Exit {
        let exits: Vec<_> = self.target_reports.iter().map(TargetReport::exit).collect();
        let worst =
            [Exit::Unexpected, Exit::SomeFailed].into_iter().find(|exit| exits.contains(exit));
        worst.unwrap_or(Exit::Fine)
    }
}

/// A paragraph with a line for each sentence; none without sentences.
fn paragraph(sentences: &[String]) -> Option<String> {
    let lines = sentences.iter().map(|line| format!("{}\n", text::shown(line)));
    (!sentences.is_empty()).then(|| lines.collect())
}

/// Paragraphs, separated by empty lines.
fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
