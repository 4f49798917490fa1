//! The statements for one table of MySQL or MariaDB.
//!
//! Keys are read and sent as the bytes of their texts, and compared in the types of their columns: the
//! server compares a number with a text as floating-point numbers, and a text in another collation has
//! another order and no index. Values are compared as bytes.

use std::sync::Arc;

use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql, Row as _};

use crate::database::contract::RowChange;
use crate::database::mysql::catalog::MySqlCatalog;
use crate::database::mysql::column::MySqlColumn;
use crate::database::mysql::key::KeyType;
use crate::database::server::changes::{CurrentValue, old_target, old_value};
use crate::database::server::sql::quoted;
use crate::database::server::statements::TableStatements;
use crate::rows::key::{KeyValue, RowKey};
use crate::rows::row::{Row, ValueForm};

/// The statements for one table.
pub(crate) struct MySqlStatements(pub(super) TableStatements<KeyType>);

type MySqlQuery<'a> = Query<'a, MySql, MySqlArguments>;

impl MySqlStatements {
    pub(super) fn new(catalog: &MySqlCatalog) -> Self {
        let table = &catalog.table;
        let (column, into, target) = (&table.column, &table.into, table.target());
        let key: Vec<_> = table.key.iter().zip(&catalog.key_types).collect();
        let from = table.quoted('`');
        let name = |column: &MySqlColumn| quoted(&column.name, '`');
        let form = |column: &MySqlColumn| column.form.unwrap_or(ValueForm::Text);

        let names: Vec<String> = table.key.iter().map(name).collect();
        let order = names.join(", ");
        let mut reading: Vec<String> = key.iter().map(|(it, form)| form.read(&name(it))).collect();
        reading.push(as_text(column));
        reading.extend(into.as_ref().map(as_text));
        let reading = format!("SELECT {} FROM {from}", reading.join(", "));
        let first_page = format!("{reading} ORDER BY {order} LIMIT ?");
        let page = format!("{reading} WHERE {} ORDER BY {order} LIMIT ?", after(&key));

        let same_key = key.iter().map(|(it, form)| format!("{} = {}", name(it), form.parameter()));
        let same_key = same_key.collect::<Vec<_>>().join(" AND ");
        let new = |column: &MySqlColumn| match form(column) {
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
            format!("UPDATE {from} SET {set} WHERE {same_key} AND {} <=> ?{also}", bytes(column));
        let read_back = format!("SELECT {} FROM {from} WHERE {same_key}", name(target));
        Self(TableStatements {
            schema: table.schema.clone(),
            name: table.name.clone(),
            column: column.name.clone(),
            key: catalog.key_types.clone(),
            form: form(column),
            into: into.as_ref().map(form),
            first_page: first_page.into(),
            page: page.into(),
            write: write.into(),
            read_back: read_back.into(),
        })
    }

    /// Reads `rows` rows that follow `after`.
    pub(super) fn page(&self, after: Option<&RowKey>, rows: u64) -> MySqlQuery<'_> {
        let Some(RowKey(values)) = after else {
            return query(&self.0.first_page).bind(rows);
        };
        // The parameters of the condition that the function `after` builds: the first value, the first
        // two, and so on.
        let values = (1..=values.len()).flat_map(|count| &values[..count]);
        values.fold(query(&self.0.page), |query, value| query.bind(value.bytes())).bind(rows)
    }

    /// Writes one change if its row is unchanged.
    pub(super) fn write<'a>(&self, change: &'a RowChange) -> MySqlQuery<'a> {
        let query = query(&self.0.write).bind(change.hash.reveal());
        let query = keyed(query, &change.row.key).bind(old_value(change));
        match self.0.into {
            None => query,
            Some(_) => query.bind(old_target(change)),
        }
    }

    /// Reads the column of the hashes of one row.
    pub(super) fn read_back(&self, key: &RowKey) -> MySqlQuery<'_> {
        keyed(query(&self.0.read_back), key)
    }

    /// A row of a page.
    pub(super) fn row(&self, row: &MySqlRow) -> sqlx::Result<Row> {
        self.0.row(
            |index| row.try_get_unchecked(index),
            |key_type, bytes| {
                let number = || std::str::from_utf8(&bytes).ok()?.parse().ok();
                match key_type {
                    KeyType::Bytes => KeyValue::Bytes(bytes),
                    KeyType::Signed | KeyType::Unsigned => match number() {
                        Some(number) => KeyValue::Integer(number),
                        // Beyond the range of a 64-bit signed integer.
                        None => KeyValue::Text(bytes),
                    },
                    KeyType::Cast(_) | KeyType::Text { .. } => KeyValue::Text(bytes),
                }
            },
        )
    }

    /// The value that [`read_back`](Self::read_back) reads.
    pub(super) fn current(&self, row: &MySqlRow) -> sqlx::Result<CurrentValue> {
        Ok(self.0.current(row.try_get_unchecked(0)?))
    }
}

/// The condition of the rows after a key, as `a > ? OR (a = ? AND b > ?)`: MySQL uses no index for a
/// comparison of rows.
fn after(key: &[(&MySqlColumn, &KeyType)]) -> String {
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

fn keyed<'a>(query: MySqlQuery<'a>, key: &RowKey) -> MySqlQuery<'a> {
    key.0.iter().fold(query, |query, value| query.bind(value.bytes()))
}

/// The expression that reads a column: a text in UTF-8, which the session requests, and a number as
/// its text.
fn as_text(column: &MySqlColumn) -> String {
    let name = quoted(&column.name, '`');
    if column.form == Some(ValueForm::Number) { format!("CAST({name} AS CHAR)") } else { name }
}

/// The expression of a value's bytes as an application sends them, with their case and their spaces.
fn bytes(column: &MySqlColumn) -> String {
    let name = quoted(&column.name, '`');
    match column.form {
        Some(ValueForm::Bytes) => name,
        _ => format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY)"),
    }
}
