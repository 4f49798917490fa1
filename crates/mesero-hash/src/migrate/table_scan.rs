//! A way through the whole table, page by page.

use crate::migrate::session::{HashSession, SessionError};
use crate::rows::key::RowKey;
use crate::rows::page::PageLimits;
use crate::rows::row::Row;

/// A way through the whole table.
#[derive(Debug)]
pub(crate) struct TableScan {
    after: Option<RowKey>,
    rows: usize,
    at_end: bool,
}

/// Rows in a page: much more than what is in work, and little memory.
const ROWS: usize = 1000;

/// In the first page, before anything is known of how large rows are.
const FIRST: usize = 100;

/// In a page, where values are large.
const BYTES: usize = 8 << 20;

impl TableScan {
    pub(crate) fn new() -> Self {
        Self { after: None, rows: FIRST, at_end: false }
    }

    /// Whether there is no next page.
    pub(crate) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Goes no further.
    pub(crate) fn stop(&mut self) {
        self.at_end = true;
    }

    /// The next page, which is empty only at the end.
    ///
    /// # Errors
    /// If the table cannot be read, or a signal came meanwhile.
    pub(crate) async fn next(
        &mut self,
        session: &mut HashSession<'_>,
    ) -> Result<Vec<Row>, SessionError> {
        let size = PageLimits { rows: self.rows, bytes: BYTES };
        let after = self.after.as_ref();
        let page = session.with_retries(async |database| database.page(after, size).await).await?;
        self.at_end = page.is_last() || page.rows.is_empty();
        // What is asked for and has no room is read in vain.
        self.rows = if page.bytes < BYTES { ROWS.min(self.rows * 2) } else { page.rows.len() };
        if let Some(row) = page.rows.last() {
            self.after = Some(row.key.clone());
        }
        Ok(page.rows)
    }
}
