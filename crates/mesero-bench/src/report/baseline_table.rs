//! What was measured now beside what was saved before.

use comfy_table::{Table, TableStyle};

use crate::baseline::Then;
use crate::comparison;
use crate::report::page::{Grid, Subject};
use crate::report::text::{lines, right, shown};
use crate::report::{Account, Report};
use crate::stats::format;

impl Report {
    /// Those who have a baseline, and what it was.
    fn thens(&self) -> impl Iterator<Item = (&Account, &Then)> {
        self.accounts.iter().filter_map(|account| Some((account, account.then.as_ref()?)))
    }

    /// The baseline, a row for each, and what has to be known of it; none if there is none.
    pub(crate) fn beside_then(&self, style: TableStyle) -> Option<String> {
        let (_, first) = self.thens().next()?;
        let mut table = Table::new();
        table.load_style(style);
        let beside = "now ÷ then";
        let measured = || self.thens().map(|(_, then)| &then.measured);
        let is_taken = measured().any(|measured| measured.taken.is_some());
        let head = Self::head(["baseline", beside], is_taken);
        let columns = head.len();
        table.set_header(head);
        for (account, then) in self.thens() {
            let name = &account.measured.name;
            table.add_row(then.measured.row(name, Some(&then.comparison), is_taken));
        }
        right(&mut table, 1..columns);
        let mut text = format!("baseline: {}\n\n{}", shown(&first.origin.title()), lines(&table));
        for note in &first.origin.notes {
            text.push_str(&format!("\n{}\n", shown(note)));
        }
        Some(text)
    }

    /// How each compares with its baseline, a sentence each.
    pub(crate) fn conclusions_of_then(&self) -> impl Iterator<Item = String> {
        self.thens().map(|(_, then)| then.comparison.sentence())
    }

    /// What has to be known of it.
    pub(crate) fn notes_of_then(&self) -> Vec<String> {
        self.thens().next().map(|(_, then)| then.origin.notes.clone()).unwrap_or_default()
    }

    /// Which it is.
    pub(crate) fn title_of_then(&self) -> Option<String> {
        self.thens().next().map(|(_, then)| then.origin.title())
    }

    /// The ratios, for the page.
    pub(crate) fn grid_of_then(&self) -> Option<Grid> {
        let row = |(account, then): (&Account, &Then)| {
            let ratio = |name| comparison::text(then.comparison.ratio(name));
            let ratios = ["rate", "p50", "p99"].map(ratio);
            [account.measured.name.clone()].into_iter().chain(ratios).collect()
        };
        let rows: Vec<_> = self.thens().map(row).collect();
        let head = ["now ÷ baseline", "a second", "p50", "p99"].map(str::to_owned).into();
        (!rows.is_empty()).then_some(Grid { head, rows })
    }

    /// What is drawn of it, but for how it went over time, which nobody kept.
    pub(crate) fn subjects_of_then(&self) -> impl Iterator<Item = Subject> {
        self.thens().map(|(account, then)| {
            let subject = account.subject_of(&then.measured);
            let when = format::instant(&then.origin.when);
            Subject {
                name: format!("{}, baseline", account.measured.name),
                address: Some(when),
                ..subject
            }
        })
    }
}
