//! A measurement as it is told: for people, for programs, for a page.

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

/// All there is to tell.
#[derive(Debug)]
pub(crate) struct BenchReport {
    /// One for each contestant, and one at least.
    pub(crate) target_reports: Vec<TargetReport>,
    /// Of each contestant but the first, with the first.
    pub(crate) comparisons: Vec<Comparison>,
}

impl BenchReport {
    /// For a terminal.
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

    /// For a page.
    pub(crate) fn markdown(&self) -> String {
        let figures = match &self.target_reports[..] {
            [target_report] => target_report.markdown(),
            _ => self.comparison_text(presets::ASCII_MARKDOWN),
        };
        // Else they would be one line of text.
        let mut parts = vec![Some(figures), self.baseline_table(presets::ASCII_MARKDOWN)];
        for line in self.conclusions().into_iter().chain(self.judgement()) {
            parts.push(paragraph(&[line]));
        }
        joined(parts)
    }

    /// For programs: a member a line.
    pub(crate) fn json(&self) -> String {
        format!("{:#}", self.value())
    }

    /// What the comparisons come to, a sentence each; none of what is void.
    pub(crate) fn conclusions(&self) -> Vec<String> {
        let sentences = self.comparisons.iter().map(Comparison::sentence);
        if self.target_reports.iter().any(|target_report| !target_report.issues.is_empty()) {
            Vec::new()
        } else {
            sentences.chain(self.baseline_conclusions()).collect()
        }
    }

    /// Who does not answer as the first does.
    fn differences(&self) -> impl Iterator<Item = String> + '_ {
        self.comparisons.iter().filter_map(|comparison| match &comparison.responses {
            ResponseMatch::Differ(how) => Some(format!("answers differ: {how}")),
            ResponseMatch::Same | ResponseMatch::Unknown => None,
        })
    }

    /// What is to be said about it: whether it is void, and whether what was expected holds.
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

    /// How the program ends: as the worst of them says.
    pub(crate) fn exit(&self) -> Exit {
        let exits: Vec<_> = self.target_reports.iter().map(TargetReport::exit).collect();
        let worst =
            [Exit::Unexpected, Exit::SomeFailed].into_iter().find(|exit| exits.contains(exit));
        worst.unwrap_or(Exit::Fine)
    }
}

/// Sentences that belong together, a line each; none of none.
fn paragraph(sentences: &[String]) -> Option<String> {
    let lines = sentences.iter().map(|line| format!("{}\n", text::shown(line)));
    (!sentences.is_empty()).then(|| lines.collect())
}

/// Parts of a text, with an empty line between them.
fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
