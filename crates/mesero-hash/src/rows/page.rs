//! The table page by page: so many rows at once, and not many more bytes than a page may have.

use crate::rows::row::Row;

/// What a page may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    /// The row that reaches it still belongs to the page.
    pub(crate) bytes: usize,
}

/// Rows as they were read, in the order of the key.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    /// Rows that were read and have no place here.
    passed_over: usize,
    pub(crate) bytes: usize,
    size: Size,
}

impl Page {
    pub(crate) fn new(size: Size) -> Self {
        Self { rows: Vec::new(), passed_over: 0, bytes: 0, size }
    }

    /// Whether one more row may be added.
    pub(crate) fn has_room(&self) -> bool {
        self.rows.len() + self.passed_over < self.size.rows && self.bytes < self.size.bytes
    }

    pub(crate) fn add(&mut self, row: Row) {
        let values = row.value.iter().chain(&row.into);
        self.bytes += values.map(|value| value.bytes.reveal().len()).sum::<usize>();
        self.rows.push(row);
    }

    /// Counts a row that cannot be found again, so that the table does not seem to end here.
    pub(crate) fn pass_over(&mut self) {
        self.passed_over += 1;
    }

    /// Whether the table ended before the page was full.
    pub(crate) fn is_last(&self) -> bool {
        self.has_room()
    }
}
