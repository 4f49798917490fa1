//! Results are given out: as they come, or in the order of the input.

use std::collections::BTreeMap;

use crate::driver::Driver;
use crate::output::record::{ItemRecord, ItemStatus};

/// Results that wait for those before them.
#[derive(Debug, Default)]
pub(crate) struct ReorderBuffer {
    next: u64,
    records: BTreeMap<u64, ItemRecord>,
}

impl Driver<'_> {
    /// Gives a result out as soon as it is its turn.
    pub(crate) fn emit_in_order(&mut self, record: ItemRecord) {
        let Some(reorder) = &mut self.reorder else { return self.emit(&record) };
        reorder.records.insert(record.item.index, record);
        while let Some(reorder) = &mut self.reorder
            && let Some(record) = reorder.records.remove(&reorder.next)
        {
            reorder.next += 1;
            self.emit(&record);
        }
    }

    pub(crate) fn has_reordered(&self) -> bool {
        self.reorder.as_ref().is_some_and(|reorder| !reorder.records.is_empty())
    }

    /// What came early and waits for what will not come.
    pub(crate) fn emit_remaining(&mut self) {
        let records = self.reorder.as_mut().map(|reorder| std::mem::take(&mut reorder.records));
        records.unwrap_or_default().values().for_each(|record| self.emit(record));
    }

    fn emit(&mut self, record: &ItemRecord) {
        self.scheduler.result_emitted();
        if let Some(line) = self.writer.line(record, self.target) {
            self.results.line(&line);
        }
        if let Some(failed) = &mut self.failed
            && !matches!(
                record.status(),
                ItemStatus::Succeeded | ItemStatus::BadInput | ItemStatus::Unknown
            )
        {
            failed.line(&record.item.input.json());
        }
        if self.rules.verbose {
            let (index, words) = (record.item.index, record.display_text());
            let visible: String =
                words.chars().take(100).flat_map(mesero_terminal::output::visible).collect();
            self.output.say(&format!("#{index} {visible} {:.2}s", record.ran.as_secs_f64()));
        }
    }
}
