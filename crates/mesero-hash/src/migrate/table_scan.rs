//! A scan of the whole table, page by page.

use crate::migrate::session::{HashSession, SessionError};
use crate::rows::key::RowKey;
use crate::rows::page::PageLimits;
use crate::rows::row::Row;

/// The position of a scan.
#[derive(Debug)]
pub(crate) struct TableScan {
    /// Key of the last row.
    after: Option<RowKey>,
    /// Rows to request next.
    rows: usize,
    at_end: bool,
}

/// Rows in a page: many more than are in flight, and little memory.
const ROWS: usize = 1000;
/// Rows in the first page, before the size of rows is known.
const FIRST: usize = 100;
/// Bytes in a page, for tables with large values.
const BYTES: usize = 8 << 20;

impl TableScan {
    pub(crate) fn new() -> Self {
        Self { after: None, rows: FIRST, at_end: false }
    }

    /// Returns whether there is no next page.
    pub(crate) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Ends the scan at its position.
    pub(crate) fn stop(&mut self) {
        self.at_end = true;
    }

    /// Reads the next page, which is empty only at the end. If dropped, the next call reads the same
    /// page.
    ///
    /// # Errors
    /// If the table cannot be read, or a signal arrives.
    pub(crate) async fn next(
        &mut self,
        session: &mut HashSession<'_>,
    ) -> Result<Vec<Row>, SessionError> {
        let limits = PageLimits { rows: self.rows, bytes: BYTES };
        let after = self.after.as_ref();
        let page =
            session.with_retries(async |database| database.page(after, limits).await).await?;
        self.at_end = page.is_last() || page.rows.is_empty();
        // Rows that exceed the bytes of a page would be read for nothing.
        self.rows = if page.bytes < BYTES { ROWS.min(self.rows * 2) } else { page.rows.len() };
        if let Some(row) = page.rows.last() {
            self.after = Some(row.key.clone());
        }
        Ok(page.rows)
    }
}
