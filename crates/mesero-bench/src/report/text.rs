//! The report as text, and in Markdown.

use comfy_table::{CellAlignment, Table, TableStyle, presets};
use mesero_terminal::output::visible;
use mesero_terminal::units;

use crate::report::TargetReport;
use crate::stats::format;
use crate::stats::latency_histogram::LatencyHistogram;
use crate::stats::metric::STATISTICS;

impl TargetReport {
    /// Text for the terminal.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n{}\n\n", shown(&self.results.name), self.load());
        text.push_str(&lines(&self.counts(presets::NOTHING)));
        if self.results.record.has_latencies() {
            text.push('\n');
            text.push_str(&lines(&self.times(presets::NOTHING)));
        }
        for note in self.resource_usage().into_iter().chain(self.notes()) {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }

    /// Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("`{}`: {}\n\n", shown(&self.results.name), self.load());
        text.push_str(&lines(&self.counts(presets::ASCII_MARKDOWN)));
        if self.results.record.has_latencies() {
            text.push('\n');
            text.push_str(&lines(&self.times(presets::ASCII_MARKDOWN)));
        }
        for note in self.resource_usage().into_iter().chain(self.notes()) {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }

    fn counts(&self, style: TableStyle) -> Table {
        let requests = self.results.record.requests;
        let mut table = Table::new();
        table.load_style(style);
        table.set_header(["requests", &units::grouped(requests), "share", "a second", ""]);
        for outcome in self.results.record.outcome_counts() {
            let rate = match outcome.name.as_str() {
                "ok" if self.results.record.ok_in_window > 0 => {
                    units::number(self.results.record.rate())
                }
                _ => String::new(),
            };
            let (count, share) =
                (units::grouped(outcome.count), units::share(outcome.count, requests));
            table.add_row([
                outcome.name,
                count,
                share,
                rate,
                shown(&outcome.first.unwrap_or_default()),
            ]);
        }
        right(&mut table, 1..4);
        table
    }

    fn times(&self, style: TableStyle) -> Table {
        let mut table = Table::new();
        table.load_style(style);
        let names = STATISTICS.map(|(name, _)| name);
        table.set_header(std::iter::once("time").chain(names));
        let mut add = |name: &str, times: &LatencyHistogram| {
            let latencies = STATISTICS.map(|(_, statistic)| format::latency(statistic.of(times)));
            table.add_row(std::iter::once(name.to_owned()).chain(latencies));
        };
        add("response", &self.results.record.response);
        if self.is_open() {
            add("service", &self.results.record.service);
        }
        right(&mut table, 1..STATISTICS.len() + 1);
        table
    }
}

pub(crate) fn right(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A table without trailing blanks.
pub(crate) fn lines(table: &Table) -> String {
    let text = table.to_string();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

pub(crate) fn shown(text: &str) -> String {
    text.chars().flat_map(visible).collect()
}

#[cfg(test)]
mod tests {
    use crate::report::target_report::tests::target_report;
    use crate::report::{BenchReport, TargetReport};
    use crate::stats::record::LoadRecord;

    fn report(target_report: TargetReport) -> BenchReport {
        BenchReport { target_reports: vec![target_report], comparisons: Vec::new() }
    }

    #[test]
    fn the_text_has_counts_latencies_and_a_verdict() {
        let text = report(target_report()).text();
        let head = "\
http://localhost:8001/resource
10 clients, closed load; 20.0 s; timeout 7.00 s

 requests        20   share  a second
 ok              10  50.0 %      0.50
 client timeout   9  45.0 %
 status 503       1   5.0 %

 time ";
        assert!(text.starts_with(head), "{text}");
        assert!(text.contains("> 7.00 s"), "{text}");
        assert!(
            text.ends_with("failed: client_timeout=0 (9 of 20), p95<5s (more than 7.00 s)\n"),
            "{text}"
        );
    }

    #[test]
    fn without_times_there_is_no_table_of_them() {
        let mut target_report = target_report();
        target_report.results.record =
            LoadRecord::new(target_report.results.record.window).unwrap();
        assert!(!target_report.text().contains(" time "), "{}", target_report.text());
        assert!(
            target_report.text().contains("so there are no response times"),
            "{}",
            target_report.text()
        );
    }

    #[test]
    fn markdown_has_two_tables_and_the_verdict() {
        let text = report(target_report()).markdown();
        let rules = text.lines().filter(|line| line.starts_with("|-")).count();
        assert_eq!(rules, 2, "{text}");
        assert!(text.contains("\nfailed: client_timeout=0 (9 of 20)"), "{text}");
    }
}
