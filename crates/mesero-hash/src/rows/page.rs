//! Pages of a table, limited by rows and by bytes.

use crate::rows::row::Row;

/// Limits of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLimits {
    pub(crate) rows: usize,
    /// Limit of the bytes of all values; the row that reaches it is the last one.
    pub(crate) bytes: usize,
}

/// Rows in the order of the key.
#[derive(Debug)]
pub(crate) struct RowPage {
    pub(crate) rows: Vec<Row>,
    /// Rows that were read and left out.
    skipped: usize,
    pub(crate) bytes: usize,
    limits: PageLimits,
}

impl RowPage {
    pub(crate) fn new(limits: PageLimits) -> Self {
        Self { rows: Vec::new(), skipped: 0, bytes: 0, limits }
    }

    /// Returns whether one more row may be added.
    pub(crate) fn has_room(&self) -> bool {
        self.rows.len() + self.skipped < self.limits.rows && self.bytes < self.limits.bytes
    }

    pub(crate) fn add(&mut self, row: Row) {
        let values = row.value.iter().chain(&row.into);
        self.bytes += values.map(|value| value.bytes.reveal().len()).sum::<usize>();
        self.rows.push(row);
    }

    /// Counts a row that cannot be identified: without it, a full page would look like the last one.
    pub(crate) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Returns whether the table ended before the page was full.
    pub(crate) fn is_last(&self) -> bool {
        self.has_room()
    }
}
