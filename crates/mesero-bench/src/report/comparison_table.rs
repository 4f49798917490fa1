//! Several contestants beside each other, and each beside the first: as text, and in Markdown.

use comfy_table::{Table, TableStyle};

use crate::comparison::results::Measured;
use crate::comparison::{self, Comparison};
use crate::report::page::Grid;
use crate::report::text::{lines, right, shown};
use crate::report::{Account, Report};
use crate::stats::format;
use crate::stats::metric::Statistic;

impl Report {
    /// The plan, a row for each, and what has to be known.
    pub(crate) fn side_by_side(&self, style: TableStyle) -> String {
        let mut paragraphs = Vec::new();
        if let Some(first) = self.accounts.first() {
            paragraphs.push(format!("each: {}\n", first.plan()));
        }
        paragraphs.push(lines(&self.table(style)));
        let notes = self.notes();
        if !notes.is_empty() {
            paragraphs.push(notes);
        }
        paragraphs.join("\n")
    }

    /// What is to be known of some, a line each.
    fn notes(&self) -> String {
        let of =
            |account: &Account| account.failures().into_iter().chain(account.notes()).collect();
        self.named(of).iter().map(|note| format!("{note}\n")).collect()
    }

    /// What is said of each, with its name; what is the same for several is said once.
    pub(crate) fn named(&self, said: impl Fn(&Account) -> Vec<String>) -> Vec<String> {
        let mut notes: Vec<(Vec<String>, String)> = Vec::new();
        for account in &self.accounts {
            let name = shown(&account.measured.name);
            for text in said(account) {
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
        let Grid { head, rows } = self.figures();
        let columns = head.len();
        table.set_header(head);
        table.add_rows(rows);
        right(&mut table, 1..columns);
        table
    }

    /// A row for each, with its figures and what they are beside those of the first.
    pub(crate) fn figures(&self) -> Grid {
        let is_taken = self.accounts.iter().any(|account| account.measured.taken.is_some());
        let comparisons = std::iter::once(None).chain(self.comparisons.iter().map(Some));
        let row = |(account, comparison): (&Account, Option<&Comparison>)| {
            account.measured.row(&account.measured.name, comparison, is_taken)
        };
        let rows = self.accounts.iter().zip(comparisons).map(row).collect();
        Grid { head: Self::head(["target", "÷ first"], is_taken), rows }
    }

    /// What is above such rows: what a row is about, and what its ratios are.
    pub(crate) fn head([what, beside]: [&str; 2], is_taken: bool) -> Vec<String> {
        let figures = [what, "ok", "a second", beside, "p50", beside, "p99", beside];
        let taken = ["CPU a request", "memory"].into_iter().filter(|_| is_taken);
        figures.into_iter().chain(taken).map(str::to_owned).collect()
    }
}

impl Measured {
    /// Its figures and its comparison; with CPU time and memory if the table has those of some contestant.
    pub(crate) fn row(
        &self,
        name: &str,
        comparison: Option<&Comparison>,
        is_taken: bool,
    ) -> Vec<String> {
        let record = &self.record;
        let found = |share| format::found(Statistic::Quantile(share).of(&record.response));
        let ratio = |name| {
            let text = comparison.map(|comparison| comparison::text(comparison.ratio(name)));
            text.unwrap_or_default()
        };
        let cpu = self.taken.and_then(|taken| taken.cpu_per_request());
        let memory = self.taken.map(|taken| taken.memory_bytes);
        let taken = [cpu.map(format::time), memory.map(format::bytes)];
        let taken = taken.map(|text| text.unwrap_or_else(|| "—".to_owned()));
        let figures = [
            shown(name),
            format::share(record.ok, record.requests),
            format::number(record.rate()),
            ratio("rate"),
            found(0.5),
            ratio("p50"),
            found(0.99),
            ratio("p99"),
        ];
        figures.into_iter().chain(taken.into_iter().filter(|_| is_taken)).collect()
    }
}

impl Account {
    /// How requests ended that were no work done; none if all were.
    fn failures(&self) -> Option<String> {
        let endings =
            self.measured.record.endings().into_iter().skip(1).filter(|ending| ending.count > 0);
        let told = endings.map(|ending| {
            let text = format!("{} {}", format::count(ending.count), ending.name);
            match ending.first {
                Some(first) => format!("{text} ({})", shown(&first)),
                None => text,
            }
        });
        let told: Vec<_> = told.collect();
        let requests = format::count(self.measured.record.requests);
        (!told.is_empty()).then(|| format!("of {requests} requests {}", told.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use crate::comparison::Comparison;
    use crate::comparison::ratio::Pairing;
    use crate::comparison::tests::measured;
    use crate::load::validity::Doubt;
    use crate::report::account::tests::account;
    use crate::report::{Account, Report};

    fn report() -> Report {
        let rounds = [100, 110, 100, 100, 90, 100, 100, 100];
        let (old, new) = (measured("old", &rounds), measured("new", &rounds.map(|time| time / 2)));
        let plan = account().plan;
        let comparisons = vec![Comparison::of(&new, &old, &plan.load, Pairing::Rounds)];
        let told = |measured| Account { measured, doubts: Vec::new(), verdict: None, ..account() };
        Report { accounts: vec![told(old), told(new)], comparisons }
    }

    #[test]
    fn a_person_reads_one_table_and_who_is_faster() {
        let text = "\
each: 10 clients, each of which waits; 1 round of 20.0 s; patience 7.00 s

 target     ok  a second             ÷ first      p50                ÷ first      p99                ÷ first
 old     100 %      10.0                       100 ms                          110 ms
 new     100 %      20.0  2.00 × (2.00–2.00)  50.0 ms  0.500 × (0.500–0.500)  55.0 ms  0.500 × (0.500–0.500)

new is faster than old: 2.00 × the rate (2.00–2.00)
";
        assert_eq!(report().text(), text);
        assert!(report().markdown().contains("|--------|"), "{}", report().markdown());
    }

    #[test]
    fn nobody_is_called_faster_by_a_measurement_that_is_void() {
        let mut report = report();
        report.accounts[0].doubts.push(Doubt::Little { in_work: 20.0, clients: 10 });
        let text = report.text();
        assert!(!text.contains("faster"), "{text}");
        assert!(text.contains("\nold: void: rate × time"), "{text}");
    }
}
