//! The statements for one table, and the values that their results contain.

use std::sync::Arc;

use futures_util::{Stream, StreamExt};

use crate::database::server::changes::CurrentValue;
use crate::database::server::sql::quoted;
use crate::rows::key::{KeyValue, RowKey};
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::{Row, StoredValue, ValueForm};
use crate::secret::SecretBytes;

/// The statements for one table, as text. `KeyType` is the dialect's description of a key column.
pub(crate) struct TableStatements<KeyType> {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Column of the plaintext.
    pub(crate) column: String,
    pub(crate) key: Vec<KeyType>,
    pub(crate) form: ValueForm,
    /// Form of the other column, if hashes go there.
    pub(crate) into: Option<ValueForm>,
    pub(crate) first_page: Arc<str>,
    pub(crate) page: Arc<str>,
    pub(crate) write: Arc<str>,
    pub(crate) read_back: Arc<str>,
}

impl<KeyType> TableStatements<KeyType> {
    /// The table in a statement.
    pub(crate) fn table(&self, quote: char) -> String {
        format!("{}.{}", quoted(&self.schema, quote), quoted(&self.name, quote))
    }

    /// The row of a page: the columns of the key, then the plaintext, then the other column. `read`
    /// reads a column by its index.
    ///
    /// # Errors
    /// If a column cannot be read, or a value of the key is NULL.
    pub(crate) fn row(
        &self,
        read: impl Fn(usize) -> sqlx::Result<Option<Vec<u8>>>,
        key_value: impl Fn(&KeyType, Vec<u8>) -> KeyValue,
    ) -> sqlx::Result<Row> {
        let key = self.key.iter().enumerate().map(|(index, key_type)| {
            let is_null = || sqlx::Error::Decode("a value of the key is NULL".into());
            Ok(key_value(key_type, read(index)?.ok_or_else(is_null)?))
        });
        let key = RowKey(key.collect::<sqlx::Result<_>>()?);
        let columns = self.key.len();
        let into = match self.into {
            Some(form) => stored(read(columns + 1)?, form),
            None => None,
        };
        Ok(Row { key, value: stored(read(columns)?, self.form), into })
    }

    /// A value of the column of the hashes.
    pub(crate) fn current(&self, bytes: Option<Vec<u8>>) -> CurrentValue {
        CurrentValue::of(stored(bytes, self.into.unwrap_or(self.form)))
    }
}

fn stored(bytes: Option<Vec<u8>>, form: ValueForm) -> Option<StoredValue> {
    bytes.map(|bytes| StoredValue { bytes: SecretBytes::new(bytes), form })
}

/// Collects rows into a page. Reads `rows` to the end even if the page is full: the server holds a
/// snapshot until then. If dropped, replies remain unread, and the connection can no longer be used.
///
/// # Errors
/// If a row cannot be read.
pub(crate) async fn collect_page<R>(
    mut rows: impl Stream<Item = sqlx::Result<R>> + Unpin,
    limits: PageLimits,
    row: impl Fn(&R) -> sqlx::Result<Row>,
) -> sqlx::Result<RowPage> {
    let mut page = RowPage::new(limits);
    while let Some(found) = rows.next().await {
        let found = found?;
        if page.has_room() {
            page.add(row(&found)?);
        }
    }
    Ok(page)
}
