//! Results beside those of the baseline.

use comfy_table::{Table, TableStyle};

use crate::baseline::BaselineComparison;
use crate::comparison;
use crate::report::page::{FigureTable, TargetView};
use crate::report::text::{lines, right, shown};
use crate::report::{BenchReport, TargetReport};
use crate::stats::format;

impl BenchReport {
    /// Targets with a baseline.
    fn baselines(&self) -> impl Iterator<Item = (&TargetReport, &BaselineComparison)> {
        self.target_reports
            .iter()
            .filter_map(|target_report| Some((target_report, target_report.baseline.as_ref()?)))
    }

    /// A row for each target's baseline, with notes; none without a baseline.
    pub(crate) fn baseline_table(&self, style: TableStyle) -> Option<String> {
        let (_, first) = self.baselines().next()?;
        let mut table = Table::new();
        table.load_style(style);
        let beside = "now ÷ then";
        let results = || self.baselines().map(|(_, baseline)| &baseline.results);
        let has_usage = results().any(|results| results.resource_usage.is_some());
        let head = Self::head(["baseline", beside], has_usage);
        let columns = head.len();
        table.set_header(head);
        for (target_report, baseline) in self.baselines() {
            let name = &target_report.results.name;
            table.add_row(baseline.results.row(name, Some(&baseline.comparison), has_usage));
        }
        right(&mut table, 1..columns);
        let mut text = format!("baseline: {}\n\n{}", shown(&first.origin.title()), lines(&table));
        for note in &first.origin.notes {
            text.push_str(&format!("\n{}\n", shown(note)));
        }
        Some(text)
    }

    /// Comparisons of each target with its baseline, a sentence each.
    pub(crate) fn baseline_conclusions(&self) -> impl Iterator<Item = String> {
        self.baselines().map(|(_, baseline)| baseline.comparison.sentence())
    }

    /// Notes on the baseline.
    pub(crate) fn baseline_notes(&self) -> Vec<String> {
        self.baselines()
            .next()
            .map(|(_, baseline)| baseline.origin.notes.clone())
            .unwrap_or_default()
    }

    /// Name and time of the baseline.
    pub(crate) fn baseline_title(&self) -> Option<String> {
        self.baselines().next().map(|(_, baseline)| baseline.origin.title())
    }

    /// Ratios for the page.
    pub(crate) fn baseline_ratios(&self) -> Option<FigureTable> {
        let row = |(target_report, baseline): (&TargetReport, &BaselineComparison)| {
            let ratio = |name| comparison::text(baseline.comparison.ratio(name));
            let ratios = ["rate", "p50", "p99"].map(ratio);
            [target_report.results.name.clone()].into_iter().chain(ratios).collect()
        };
        let rows: Vec<_> = self.baselines().map(row).collect();
        let head = ["now ÷ baseline", "a second", "p50", "p99"].map(str::to_owned).into();
        (!rows.is_empty()).then_some(FigureTable { head, rows })
    }

    /// The charts of the baseline, without its time series, which is not saved.
    pub(crate) fn baseline_views(&self) -> impl Iterator<Item = TargetView> {
        self.baselines().map(|(target_report, baseline)| {
            let target = target_report.view_of(&baseline.results);
            let when = format::timestamp(&baseline.origin.when);
            TargetView {
                name: format!("{}, baseline", target_report.results.name),
                address: Some(when),
                ..target
            }
        })
    }
}
