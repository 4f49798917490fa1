//! Targets in one table, each compared with the first: as text, and in Markdown.

use comfy_table::{Table, TableStyle};
use mesero_terminal::units;

use crate::comparison::results::TargetResults;
use crate::comparison::{self, Comparison};
use crate::report::page::FigureTable;
use crate::report::text::{lines, right, shown};
use crate::report::{BenchReport, TargetReport};
use crate::stats::format;
use crate::stats::metric::Statistic;

impl BenchReport {
    /// The plan, a row for each target, and notes.
    pub(crate) fn comparison_text(&self, style: TableStyle) -> String {
        let mut paragraphs = Vec::new();
        if let Some(first) = self.target_reports.first() {
            paragraphs.push(format!("each: {}\n", first.plan()));
        }
        paragraphs.push(lines(&self.table(style)));
        let notes = self.notes();
        if !notes.is_empty() {
            paragraphs.push(notes);
        }
        paragraphs.join("\n")
    }

    /// Notes on single targets, a line each.
    fn notes(&self) -> String {
        let of = |target_report: &TargetReport| {
            target_report.failures().into_iter().chain(target_report.notes()).collect()
        };
        self.named(of).iter().map(|note| format!("{note}\n")).collect()
    }

    /// Texts on each target, with its name; a text for several targets has all their names.
    pub(crate) fn named(&self, said: impl Fn(&TargetReport) -> Vec<String>) -> Vec<String> {
        let mut notes: Vec<(Vec<String>, String)> = Vec::new();
        for target_report in &self.target_reports {
            let name = shown(&target_report.results.name);
            for text in said(target_report) {
                match notes.iter_mut().find(|(_, known)| *known == text) {
                    Some((names, _)) => names.push(name.clone()),
                    None => notes.push((vec![name.clone()], text)),
                }
            }
        }
        notes.iter().map(|(names, text)| format!("{}: {text}", names.join(", "))).collect()
    }

    fn table(&self, style: TableStyle) -> Table {
        let mut table = Table::new();
        table.load_style(style);
        let FigureTable { head, rows } = self.figures();
        let columns = head.len();
        table.set_header(head);
        table.add_rows(rows);
        right(&mut table, 1..columns);
        table
    }

    /// A row for each target, with its figures and their ratios to the first.
    pub(crate) fn figures(&self) -> FigureTable {
        let has_usage = self
            .target_reports
            .iter()
            .any(|target_report| target_report.results.resource_usage.is_some());
        let comparisons = std::iter::once(None).chain(self.comparisons.iter().map(Some));
        let row = |(target_report, comparison): (&TargetReport, Option<&Comparison>)| {
            target_report.results.row(&target_report.results.name, comparison, has_usage)
        };
        let rows = self.target_reports.iter().zip(comparisons).map(row).collect();
        FigureTable { head: Self::head(["target", "÷ first"], has_usage), rows }
    }

    /// The head of such a table.
    pub(crate) fn head([what, beside]: [&str; 2], has_usage: bool) -> Vec<String> {
        let figures = [what, "ok", "a second", beside, "p50", beside, "p99", beside];
        let resource_usage = ["CPU per request", "memory"].into_iter().filter(|_| has_usage);
        figures.into_iter().chain(resource_usage).map(str::to_owned).collect()
    }
}

impl TargetResults {
    /// Figures and ratios; with CPU time and memory if any target of the table has them.
    pub(crate) fn row(
        &self,
        name: &str,
        comparison: Option<&Comparison>,
        has_usage: bool,
    ) -> Vec<String> {
        let record = &self.record;
        let quantile = |share| format::latency(Statistic::Quantile(share).of(&record.response));
        let ratio = |name| {
            let text = comparison.map(|comparison| comparison::text(comparison.ratio(name)));
            text.unwrap_or_default()
        };
        let cpu = self.resource_usage.and_then(|resource_usage| resource_usage.cpu_per_request());
        let memory = self.resource_usage.map(|resource_usage| resource_usage.memory_bytes);
        let resource_usage = [cpu.map(units::with_three_digits), memory.map(units::bytes)];
        let resource_usage = resource_usage.map(|text| text.unwrap_or_else(|| "—".to_owned()));
        let figures = [
            shown(name),
            units::share(record.ok, record.requests),
            units::number(record.rate()),
            ratio("rate"),
            quantile(0.5),
            ratio("p50"),
            quantile(0.99),
            ratio("p99"),
        ];
        figures.into_iter().chain(resource_usage.into_iter().filter(|_| has_usage)).collect()
    }
}

impl TargetReport {
    /// Counts of failed requests; none without any.
    fn failures(&self) -> Option<String> {
        let outcome_counts = self
            .results
            .record
            .outcome_counts()
            .into_iter()
            .skip(1)
            .filter(|outcome| outcome.count > 0);
        let label = outcome_counts.map(|outcome| {
            let text = format!("{} {}", units::grouped(outcome.count), outcome.name);
            match outcome.first {
                Some(first) => format!("{text} ({})", shown(&first)),
                None => text,
            }
        });
        let label: Vec<_> = label.collect();
        let requests = units::grouped(self.results.record.requests);
        (!label.is_empty()).then(|| format!("of {requests} requests: {}", label.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use crate::comparison::Comparison;
    use crate::comparison::ratio::Pairing;
    use crate::comparison::tests::results;
    use crate::load::validity::ValidityIssue;
    use crate::report::target_report::tests::target_report;
    use crate::report::{BenchReport, TargetReport};

    fn report() -> BenchReport {
        let rounds = [100, 110, 100, 100, 90, 100, 100, 100];
        let (old, new) = (results("old", &rounds), results("new", &rounds.map(|time| time / 2)));
        let plan = target_report().plan;
        let comparisons = vec![Comparison::of(&new, &old, &plan.load, Pairing::Rounds)];
        let label = |results| TargetReport {
            results,
            issues: Vec::new(),
            verdict: None,
            ..target_report()
        };
        BenchReport { target_reports: vec![label(old), label(new)], comparisons }
    }

    #[test]
    fn the_text_has_one_table_and_the_faster_target() {
        let text = "\
each: 10 clients, closed load; 1 round of 20.0 s; timeout 7.00 s

 target     ok  a second             ÷ first      p50                ÷ first      p99                ÷ first
 old     100 %      10.0                       100 ms                          110 ms
 new     100 %      20.0  2.00 × (2.00–2.00)  50.0 ms  0.500 × (0.500–0.500)  55.0 ms  0.500 × (0.500–0.500)

new is 2.00 × faster than old: 20.0 responses a second against 10.0 (2.00–2.00 ×)
";
        assert_eq!(report().text(), text);
        assert!(report().markdown().contains("|--------|"), "{}", report().markdown());
    }

    #[test]
    fn a_void_measurement_calls_no_target_faster() {
        let mut report = report();
        report.target_reports[0]
            .issues
            .push(ValidityIssue::LittlesLaw { in_flight: 20.0, clients: 10 });
        let text = report.text();
        assert!(!text.contains("faster"), "{text}");
        assert!(text.contains("\nold: void: rate × time"), "{text}");
    }
}
