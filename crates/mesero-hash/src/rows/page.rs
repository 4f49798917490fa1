//! The table page by page: so many rows at once, and not many more bytes than a page may have.

use crate::rows::row::Row;

/// What a page may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLimits {
    pub(crate) rows: usize,
    /// The row that reaches it still belongs to the page.
    pub(crate) bytes: usize,
}

/// Rows as they were read, in the order of the key.
#[derive(Debug)]
pub(crate) struct RowPage {
    pub(crate) rows: Vec<Row>,
    /// Rows that were read and have no place here.
    skipped: usize,
    pub(crate) bytes: usize,
    size: PageLimits,
}

impl RowPage {
    pub(crate) fn new(size: PageLimits) -> Self {
        Self { rows: Vec::new(), skipped: 0, bytes: 0, size }
    }

    /// Whether one more row may be added.
    pub(crate) fn has_room(&self) -> bool {
        self.rows.len() + self.skipped < self.size.rows && self.bytes < self.size.bytes
    }

    pub(crate) fn add(&mut self, row: Row) {
        let values = row.value.iter().chain(&row.into);
        self.bytes += values.map(|value| value.bytes.reveal().len()).sum::<usize>();
        self.rows.push(row);
    }

    /// Counts a row that cannot be found again, so that the table does not seem to end here.
    pub(crate) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Whether the table ended before the page was full.
    pub(crate) fn is_last(&self) -> bool {
        self.has_room()
    }
}
