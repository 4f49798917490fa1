//! The table page by page: so many rows at once, and not many more bytes than a page may have.

use super::database::Row;
use super::desk::{Desk, Unable};
use super::key::Key;

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
    rows: Vec<Row>,
    /// Rows that were read and have no place here.
    passed_over: usize,
    bytes: usize,
    size: Size,
}

/// A way through the whole table.
#[derive(Debug)]
pub(super) struct Walk {
    after: Option<Key>,
    rows: usize,
    at_end: bool,
}

/// Rows in a page: much more than what is in work, and little memory.
const ROWS: usize = 1000;
/// In the first page, before anything is known of how large rows are.
const FIRST: usize = 100;
/// In a page, where values are large.
const BYTES: usize = 8 << 20;

impl Walk {
    pub(super) fn new() -> Self {
        Self { after: None, rows: FIRST, at_end: false }
    }

    /// Whether there is no next page.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Goes no further.
    pub(super) fn stop(&mut self) {
        self.at_end = true;
    }

    /// The next page, which is empty only at the end.
    ///
    /// # Errors
    /// If the table cannot be read, or a signal came meanwhile.
    pub(super) async fn next(&mut self, desk: &mut Desk<'_>) -> Result<Vec<Row>, Unable> {
        let size = Size { rows: self.rows, bytes: BYTES };
        let after = self.after.as_ref();
        let page = desk.ask(async |database| database.page(after, size).await).await?;
        self.at_end = page.is_last() || page.rows.is_empty();
        // What is asked for and has no room is read in vain.
        self.rows = if page.bytes < BYTES { ROWS.min(self.rows * 2) } else { page.rows.len() };
        if let Some(row) = page.rows.last() {
            self.after = Some(row.key.clone());
        }
        Ok(page.rows)
    }
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
    fn is_last(&self) -> bool {
        self.has_room()
    }
}
