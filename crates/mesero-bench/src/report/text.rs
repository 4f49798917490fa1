//! The report for people: as text, and in Markdown.

use comfy_table::{CellAlignment, Table, TableStyle, presets};
use mesero_terminal::output::visible;

use crate::report::Account;
use crate::stats::format;
use crate::stats::latency_histogram::Times;
use crate::stats::metric::STATISTICS;

impl Account {
    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n{}\n\n", shown(&self.measured.name), self.load());
        text.push_str(&lines(&self.counts(presets::NOTHING)));
        if self.measured.record.has_times() {
            text.push('\n');
            text.push_str(&lines(&self.times(presets::NOTHING)));
        }
        for note in self.taken().into_iter().chain(self.notes()) {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }

    /// For a page.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("`{}`: {}\n\n", shown(&self.measured.name), self.load());
        text.push_str(&lines(&self.counts(presets::ASCII_MARKDOWN)));
        if self.measured.record.has_times() {
            text.push('\n');
            text.push_str(&lines(&self.times(presets::ASCII_MARKDOWN)));
        }
        for note in self.taken().into_iter().chain(self.notes()) {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }

    fn counts(&self, style: TableStyle) -> Table {
        let requests = self.measured.record.requests;
        let mut table = Table::new();
        table.load_style(style);
        table.set_header(["requests", &format::count(requests), "share", "a second", ""]);
        for ending in self.measured.record.endings() {
            let rate = match ending.name.as_str() {
                "ok" if self.measured.record.ok_in_window > 0 => {
                    format::number(self.measured.record.rate())
                }
                _ => String::new(),
            };
            let (count, share) =
                (format::count(ending.count), format::share(ending.count, requests));
            table.add_row([
                ending.name,
                count,
                share,
                rate,
                shown(&ending.first.unwrap_or_default()),
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
        let mut add = |name: &str, times: &Times| {
            let found = STATISTICS.map(|(_, statistic)| format::found(statistic.of(times)));
            table.add_row(std::iter::once(name.to_owned()).chain(found));
        };
        add("response", &self.measured.record.response);
        if self.is_open() {
            add("service", &self.measured.record.service);
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

/// A table without the blanks that fill its last column.
pub(crate) fn lines(table: &Table) -> String {
    let text = table.to_string();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

pub(crate) fn shown(text: &str) -> String {
    text.chars().flat_map(visible).collect()
}

#[cfg(test)]
mod tests {
    use crate::report::account::tests::account;
    use crate::report::{Account, Report};
    use crate::stats::record::Record;

    fn report(account: Account) -> Report {
        Report { accounts: vec![account], comparisons: Vec::new() }
    }

    #[test]
    fn a_person_reads_counts_times_and_a_verdict() {
        let text = report(account()).text();
        let head = "\
http://localhost:8001/resource
10 clients, each of which waits; 20.0 s; patience 7.00 s

 requests      20   share  a second
 ok            10  50.0 %      0.50
 gave up        9  45.0 %
 answered 503   1   5.0 %

 time ";
        assert!(text.starts_with(head), "{text}");
        assert!(text.contains("> 7.00 s"), "{text}");
        assert!(
            text.ends_with("failed: gave_up=0 (9 of 20), p95<5s (more than 7.00 s)\n"),
            "{text}"
        );
    }

    #[test]
    fn without_times_there_is_no_table_of_them() {
        let mut account = account();
        account.measured.record = Record::new(account.measured.record.window).unwrap();
        assert!(!account.text().contains(" time "), "{}", account.text());
        assert!(account.text().contains("so there are no times"), "{}", account.text());
    }

    #[test]
    fn markdown_has_two_tables_and_the_verdict() {
        let text = report(account()).markdown();
        let rules = text.lines().filter(|line| line.starts_with("|-")).count();
        assert_eq!(rules, 2, "{text}");
        assert!(text.contains("\nfailed: gave_up=0 (9 of 20)"), "{text}");
    }
}
