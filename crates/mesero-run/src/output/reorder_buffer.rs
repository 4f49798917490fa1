//! Results are given out: as they come, or in the order of the input.

use std::collections::BTreeMap;

use crate::driver::Driver;
use crate::output::record::{Record, Status};

/// Results that wait for those before them.
#[derive(Debug, Default)]
pub(crate) struct Early {
    next: u64,
    records: BTreeMap<u64, Record>,
}

impl Driver<'_> {
    /// Gives a result out as soon as it is its turn.
    pub(crate) fn in_turn(&mut self, record: Record) {
        let Some(early) = &mut self.early else { return self.give(&record) };
        early.records.insert(record.item.index, record);
        while let Some(early) = &mut self.early
            && let Some(record) = early.records.remove(&early.next)
        {
            early.next += 1;
            self.give(&record);
        }
    }

    pub(crate) fn has_early(&self) -> bool {
        self.early.as_ref().is_some_and(|early| !early.records.is_empty())
    }

    /// What came early and waits for what will not come.
    pub(crate) fn give_all(&mut self) {
        let records = self.early.as_mut().map(|early| std::mem::take(&mut early.records));
        records.unwrap_or_default().values().for_each(|record| self.give(record));
    }

    fn give(&mut self, record: &Record) {
        self.intake.given();
        if let Some(line) = self.writer.line(record, self.target) {
            self.results.line(&line);
        }
        if let Some(failed) = &mut self.failed
            && !matches!(record.status(), Status::Succeeded | Status::BadInput | Status::Unknown)
        {
            failed.line(&record.item.input.json());
        }
        if self.rules.verbose {
            let (index, words) = (record.item.index, record.in_words());
            let visible: String =
                words.chars().take(100).flat_map(mesero_terminal::output::visible).collect();
            self.output.say(&format!("#{index} {visible} {:.2}s", record.ran.as_secs_f64()));
        }
    }
}
