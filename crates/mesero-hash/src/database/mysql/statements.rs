//! The statements that are made of a table's names, and what their rows mean.
//!
//! Keys go both ways as the bytes of their texts, and are compared as what their columns are: a
//! number that is compared with a text is compared as a floating-point number, and a text in another
//! collation has another order, without an index. Values are compared as bytes.

use std::sync::Arc;

use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Row as _};

use crate::database::contract::RowChange;
use crate::database::mysql::catalog::MySqlCatalog;
use crate::database::mysql::column::MySqlColumn;
use crate::database::mysql::key::KeyType;
use crate::database::server::changes::{old, old_target};
use crate::database::server::sql::quoted;
use crate::rows::key::{KeyValue, RowKey};
use crate::rows::row::{Row, StoredValue, ValueForm};
use crate::secret::SecretBytes;

/// The statements for one table.
pub(super) struct MySqlStatements {
    schema: String,
    name: String,
    column: String,
    key: Vec<KeyType>,
    form: ValueForm,
    into: Option<ValueForm>,
    first_page: Arc<str>,
    page: Arc<str>,
    write: Arc<str>,
    read_back: Arc<str>,
}

type MySqlQuery<'a> = Query<'a, sqlx::MySql, MySqlArguments>;

impl MySqlStatements {
    pub(super) fn new(catalog: &MySqlCatalog) -> Self {
        let MySqlCatalog { key, column, into, .. } = catalog;
        let (table, target) = (catalog.quoted(), into.as_ref().unwrap_or(column));
        let name = |described: &MySqlColumn| quoted(&described.name, '`');
        let form = |described: &MySqlColumn| described.form().unwrap_or(ValueForm::Text);

        let names: Vec<String> = key.iter().map(|(column, _)| name(column)).collect();
        let order = names.join(", ");
        let mut reading: Vec<String> = key.iter().map(|(it, form)| form.read(&name(it))).collect();
        reading.push(as_text(column));
        reading.extend(into.as_ref().map(as_text));
        let reading = format!("SELECT {} FROM {table}", reading.join(", "));
        let first_page = format!("{reading} ORDER BY {order} LIMIT ?");
        let page = format!("{reading} WHERE {} ORDER BY {order} LIMIT ?", after(key));

        let same_key = key.iter().map(|(it, form)| format!("{} = {}", name(it), form.parameter()));
        let same_key = same_key.collect::<Vec<_>>().join(" AND ");
        let new = |described: &MySqlColumn| match form(described) {
            ValueForm::Bytes => "?",
            ValueForm::Text | ValueForm::Number => "CONVERT(? USING utf8mb4)",
        };
        let (set, also) = match into {
            None => (format!("{} = {}", name(column), new(column)), String::new()),
            Some(into) => (
                format!("{} = {}, {} = NULL", name(into), new(into), name(column)),
                format!(" AND {} <=> ?", bytes(into)),
            ),
        };
        let write =
            format!("UPDATE {table} SET {set} WHERE {same_key} AND {} <=> ?{also}", bytes(column));
        let read_back = format!("SELECT {} FROM {table} WHERE {same_key}", name(target));
        Self {
            schema: catalog.schema.clone(),
            name: catalog.name.clone(),
            column: column.name.clone(),
            key: key.iter().map(|(_, form)| form.clone()).collect(),
            form: form(column),
            into: into.as_ref().map(form),
            first_page: first_page.into(),
            page: page.into(),
            write: write.into(),
            read_back: read_back.into(),
        }
    }

    /// The schema and the name of the table, and the name of the column of the plaintext.
    pub(super) fn names(&self) -> [&str; 3] {
        [&self.schema, &self.name, &self.column]
    }

    pub(super) fn page(&self, after: Option<&RowKey>, rows: u64) -> MySqlQuery<'_> {
        let Some(RowKey(values)) = after else {
            return query(&self.first_page).bind(rows);
        };
        // In the order of `after`: the first, the first two, and so on.
        let values = (1..=values.len()).flat_map(|count| &values[..count]);
        values.fold(query(&self.page), |query, value| query.bind(value.bytes())).bind(rows)
    }

    pub(super) fn write<'a>(&self, change: &'a RowChange) -> MySqlQuery<'a> {
        let query = query(&self.write).bind(change.hash.reveal());
        let query = keyed(query, &change.row.key).bind(old(change));
        match self.into {
            None => query,
            Some(_) => query.bind(old_target(change)),
        }
    }

    pub(super) fn read_back(&self, key: &RowKey) -> MySqlQuery<'_> {
        keyed(query(&self.read_back), key)
    }

    /// A row of a page.
    pub(super) fn row(&self, row: &MySqlRow) -> sqlx::Result<Row> {
        let key = self.key.iter().enumerate().map(|(n, form)| {
            let bytes: Vec<u8> = row.try_get_unchecked(n)?;
            let number = || std::str::from_utf8(&bytes).ok()?.parse().ok();
            Ok(match form {
                KeyType::Bytes => KeyValue::Bytes(bytes),
                KeyType::Signed | KeyType::Unsigned => match number() {
                    Some(number) => KeyValue::Integer(number),
                    // Beyond the numbers that a key can name as such.
                    None => KeyValue::Text(bytes),
                },
                _ => KeyValue::Text(bytes),
            })
        });
        let key = RowKey(key.collect::<sqlx::Result<_>>()?);
        let columns = self.key.len();
        let into = match self.into {
            Some(form) => value(row, columns + 1, form)?,
            None => None,
        };
        Ok(Row { key, value: value(row, columns, self.form)?, into })
    }

    /// A value of the column of the hashes.
    pub(super) fn value(&self, row: &MySqlRow, index: usize) -> sqlx::Result<Option<StoredValue>> {
        value(row, index, self.into.unwrap_or(self.form))
    }
}

/// Which rows come after a key. Not as a comparison of rows, for which no index is used:
/// `a > ? OR (a = ? AND b > ?)`.
fn after(key: &[(MySqlColumn, KeyType)]) -> String {
    let alternatives = (0..key.len()).map(|last| {
        let parts = key[..=last].iter().enumerate().map(|(n, (column, form))| {
            let compared = if n == last { ">" } else { "=" };
            format!("{} {compared} {}", quoted(&column.name, '`'), form.parameter())
        });
        format!("({})", parts.collect::<Vec<_>>().join(" AND "))
    });
    format!("({})", alternatives.collect::<Vec<_>>().join(" OR "))
}

fn query<'a>(text: &Arc<str>) -> MySqlQuery<'a> {
    sqlx::query(AssertSqlSafe(Arc::clone(text)))
}

fn keyed<'a>(statement: MySqlQuery<'a>, key: &RowKey) -> MySqlQuery<'a> {
    key.0.iter().fold(statement, |statement, value| statement.bind(value.bytes()))
}

fn value(row: &MySqlRow, index: usize, form: ValueForm) -> sqlx::Result<Option<StoredValue>> {
    let text = || -> sqlx::Result<Option<Vec<u8>>> { row.try_get_unchecked(index) };
    Ok(text()?.map(|bytes| StoredValue { bytes: SecretBytes::new(bytes), form }))
}

/// What is read: texts in UTF-8, which the session asks for, and of a number its text.
fn as_text(column: &MySqlColumn) -> String {
    let name = quoted(&column.name, '`');
    if column.form() == Some(ValueForm::Number) { format!("CAST({name} AS CHAR)") } else { name }
}

/// The bytes of a value as an application sends it, with its case and its spaces.
fn bytes(column: &MySqlColumn) -> String {
    let name = quoted(&column.name, '`');
    match column.form() {
        Some(ValueForm::Bytes) => name,
        _ => format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY)"),
    }
}
