//! Printing records: formats them, keeps their order if needed, and writes them to their outputs.

use std::io;
use std::sync::Arc;

use mesero_target::Target;
use mesero_terminal::output::visible;

use super::stop::OutputKind;
use crate::output::console::Console;
use crate::output::format::RecordFormat;
use crate::output::record::ItemRecord;
use crate::output::reorder_buffer::ReorderBuffer;
use crate::output::sink::RecordSink;
use crate::output::status::ItemStatus;
use crate::scheduler::Scheduler;

/// Prints records that count. Dropping it loses the lines that the sinks have not sent to their threads.
pub(crate) struct RecordEmitter {
    pub(crate) format: RecordFormat,
    pub(crate) target: Arc<Target>,
    pub(crate) results: RecordSink,
    /// The output of failed items, as an input.
    pub(crate) failed: Option<RecordSink>,
    /// With `--ordered`: records that wait for those of earlier items.
    pub(crate) reorder: Option<ReorderBuffer>,
    /// Whether each record has a line on standard error too.
    pub(crate) is_verbose: bool,
    pub(crate) scheduler: Scheduler,
}

impl RecordEmitter {
    pub(super) fn emit_header(&mut self) {
        if let Some(header) = self.format.header() {
            self.results.line(&header);
        }
    }

    /// Prints a record, now or as soon as its predecessors are printed.
    pub(super) fn emit(&mut self, record: ItemRecord, console: &mut Console<'_>) {
        let Some(reorder) = &mut self.reorder else { return self.print(&record, console) };
        reorder.push(record);
        while let Some(record) = self.reorder.as_mut().and_then(ReorderBuffer::pop) {
            self.print(&record, console);
        }
    }

    /// Whether records wait for others.
    pub(super) fn has_reordered(&self) -> bool {
        self.reorder.as_ref().is_some_and(|reorder| !reorder.is_empty())
    }

    /// Prints the records that wait for others which will never have a result.
    pub(super) fn emit_reordered(&mut self, console: &mut Console<'_>) {
        let records = self.reorder.as_mut().map(ReorderBuffer::take_all);
        for record in records.into_iter().flatten() {
            self.print(&record, console);
        }
    }

    fn print(&mut self, record: &ItemRecord, console: &mut Console<'_>) {
        self.scheduler.result_emitted();
        if let Some(line) = self.format.line(record, &self.target) {
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
        if self.is_verbose {
            let (index, text) = (record.item.index, record.display_text());
            let text: String = text.chars().take(100).flat_map(visible).collect();
            console.print(&format!("#{index} {text} {:.2}s", record.ran.as_secs_f64()));
        }
    }

    /// Whether an output accepts no further records for now.
    pub(super) fn is_full(&self) -> bool {
        self.results.is_full() || self.failed.as_ref().is_some_and(RecordSink::is_full)
    }

    /// Whether lines wait to be written.
    pub(super) fn has_lines(&self) -> bool {
        !self.results.is_empty() || self.failed.as_ref().is_some_and(|failed| !failed.is_empty())
    }

    /// Sends the lines of one output to its thread, as soon as the thread can accept them. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// If an output can no longer be written.
    pub(super) async fn write(&mut self) -> Result<(), WriteError> {
        let has_results = !self.results.is_empty();
        let failed = self.failed.as_mut().filter(|failed| !failed.is_empty());
        let has_failed = failed.is_some();
        let write_failed = async {
            match failed {
                Some(failed) => failed.write_buffer().await,
                None => Ok(()),
            }
        };
        let (destination, written) = tokio::select! {
            biased;
            written = self.results.write_buffer(), if has_results => (OutputKind::Results, written),
            written = write_failed, if has_failed => (OutputKind::FailedItems, written),
            else => return Ok(()),
        };
        written.map_err(|error| WriteError { destination, error })
    }

    /// The outputs, to be closed.
    pub(super) fn outputs(&mut self) -> impl Iterator<Item = (OutputKind, &mut RecordSink)> {
        let failed = self.failed.as_mut().map(|failed| (OutputKind::FailedItems, failed));
        std::iter::once((OutputKind::Results, &mut self.results)).chain(failed)
    }
}

/// An output that can no longer be written.
pub(super) struct WriteError {
    pub(super) destination: OutputKind,
    pub(super) error: io::Error,
}
