//! The statements that are made of a table's names, and what their rows mean.
//!
//! Keys go both ways as the bytes of their texts and are cast to the column's own type, so that an
//! index is used whatever that type is. Values are compared as bytes, whatever their collation.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Row as _};

use crate::database::contract::RowChange;
use crate::database::postgres::catalog::PgCatalog;
use crate::database::postgres::column::PgColumn;
use crate::database::server::changes::{old, old_target};
use crate::database::server::sql::quoted;
use crate::rows::key::{KeyValue, RowKey};
use crate::rows::row::{Row, StoredValue, ValueForm};
use crate::secret::SecretBytes;

/// The statements for one table.
pub(super) struct PgStatements {
    table: String,
    column: String,
    /// Which values of a key are integers.
    integers: Vec<bool>,
    form: ValueForm,
    into: Option<ValueForm>,
    first_page: Arc<str>,
    page: Arc<str>,
    write: Arc<str>,
    read_back: Arc<str>,
}

type PgQuery<'a> = Query<'a, Postgres, PgArguments>;

impl PgStatements {
    pub(super) fn new(catalog: &PgCatalog) -> Self {
        let PgCatalog { key, column, into, encoding, .. } = catalog;
        let (table, target) = (catalog.quoted(), into.as_ref().unwrap_or(column));
        let from = if catalog.only { format!("ONLY {table}") } else { table.clone() };
        let form = |described: &PgColumn| described.form().unwrap_or(ValueForm::Text);
        let read = |described: &PgColumn| bytes(described, "t", encoding);
        let name = |described: &PgColumn| format!("t.{}", quoted(&described.name, '"'));
        let cast = |described: &PgColumn, value: &str| {
            let collate = described.collation.as_ref().map(|name| format!(" COLLATE {name}"));
            let collate = collate.unwrap_or_default();
            format!("convert_from({value}, '{encoding}')::{}{collate}", described.type_name)
        };

        let names: Vec<String> = key.iter().map(name).collect();
        let order = names.join(", ");
        let mut reading: Vec<String> = key.iter().map(|it| text_bytes(it, "t", encoding)).collect();
        reading.push(read(column));
        reading.extend(into.as_ref().map(read));
        let reading = format!("SELECT {} FROM {from} t", reading.join(", "));
        let after: Vec<String> =
            key.iter().enumerate().map(|(n, it)| cast(it, &format!("${}", n + 2))).collect();
        let first_page = format!("{reading} ORDER BY {order} LIMIT $1");
        let page =
            format!("{reading} WHERE ({order}) > ({}) ORDER BY {order} LIMIT $1", after.join(", "));

        // A row of `v` is a change, or a key, and `n` its place.
        let same_key: Vec<String> = key
            .iter()
            .enumerate()
            .map(|(n, it)| format!("{} = {}", name(it), cast(it, &format!("v.k{n}"))))
            .collect();
        let same_key = same_key.join(" AND ");
        let columns: Vec<String> = (0..key.len()).map(|n| format!("k{n}")).collect();
        let columns = columns.join(", ");
        let arrays = |count: usize| {
            let arrays: Vec<String> = (1..=count).map(|n| format!("${n}::bytea[]")).collect();
            arrays.join(", ")
        };
        let new = match form(target) {
            ValueForm::Bytes => "v.new".to_owned(),
            ValueForm::Text | ValueForm::Number => format!("convert_from(v.new, '{encoding}')"),
        };
        let (set, also) = match into {
            None => (format!("{} = {new}", quoted(&column.name, '"')), String::new()),
            Some(into) => (
                format!(
                    "{} = {new}, {} = NULL",
                    quoted(&into.name, '"'),
                    quoted(&column.name, '"')
                ),
                format!(" AND {} IS NOT DISTINCT FROM v.other", read(into)),
            ),
        };
        let write = format!(
            "UPDATE {from} t SET {set} \
             FROM unnest({}) WITH ORDINALITY v({columns}, old, other, new, n) \
             WHERE {same_key} AND {} IS NOT DISTINCT FROM v.old{also} RETURNING v.n",
            arrays(key.len() + 3),
            read(column),
        );
        let read_back = format!(
            "SELECT v.n, {} FROM unnest({}) WITH ORDINALITY v({columns}, n) \
             JOIN {from} t ON {same_key}",
            read(target),
            arrays(key.len()),
        );
        Self {
            table,
            column: column.name.clone(),
            integers: key.iter().map(PgColumn::is_integer).collect(),
            form: form(column),
            into: into.as_ref().map(form),
            first_page: first_page.into(),
            page: page.into(),
            write: write.into(),
            read_back: read_back.into(),
        }
    }

    /// The table, as a statement names it.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// The column of the plaintext, as the catalogue has it.
    pub(super) fn column(&self) -> &str {
        &self.column
    }

    pub(super) fn first_page(&self, rows: i64) -> PgQuery<'_> {
        query(&self.first_page).bind(rows)
    }

    pub(super) fn page(&self, after: &RowKey, rows: i64) -> PgQuery<'_> {
        let query = query(&self.page).bind(rows);
        after.0.iter().fold(query, |query, value| query.bind(value.bytes()))
    }

    pub(super) fn write<'a>(&self, changes: &'a [RowChange]) -> PgQuery<'a> {
        let keys: Vec<&RowKey> = changes.iter().map(|change| &change.row.key).collect();
        let list = |of: fn(&RowChange) -> Option<&[u8]>| changes.iter().map(of).collect::<Vec<_>>();
        let new = list(|change| Some(change.hash.reveal()));
        self.keyed(&self.write, &keys).bind(list(old)).bind(list(old_target)).bind(new)
    }

    pub(super) fn read_back(&self, keys: &[&RowKey]) -> PgQuery<'_> {
        self.keyed(&self.read_back, keys)
    }

    /// A statement whose first arguments are the keys, an array for each column.
    fn keyed<'a>(&self, statement: &Arc<str>, keys: &[&RowKey]) -> PgQuery<'a> {
        (0..self.integers.len()).fold(query(statement), |query, n| {
            let column = keys.iter().map(|key| key.0.get(n).map(KeyValue::bytes));
            query.bind(column.collect::<Vec<_>>())
        })
    }

    /// A row of a page.
    pub(super) fn row(&self, row: &PgRow) -> sqlx::Result<Row> {
        let key = self.integers.iter().enumerate().map(|(n, &is_integer)| {
            let text: Vec<u8> = row.try_get(n)?;
            let number = || std::str::from_utf8(&text).ok()?.parse().ok();
            Ok(match is_integer.then(number).flatten() {
                Some(number) => KeyValue::Integer(number),
                None => KeyValue::Text(text),
            })
        });
        let key = RowKey(key.collect::<sqlx::Result<_>>()?);
        let columns = self.integers.len();
        let into = match self.into {
            Some(form) => value(row, columns + 1, form)?,
            None => None,
        };
        Ok(Row { key, value: value(row, columns, self.form)?, into })
    }

    /// A value of the column of the hashes.
    pub(super) fn value(&self, row: &PgRow, index: usize) -> sqlx::Result<Option<StoredValue>> {
        value(row, index, self.into.unwrap_or(self.form))
    }
}

fn query<'a>(text: &Arc<str>) -> PgQuery<'a> {
    sqlx::query(AssertSqlSafe(Arc::clone(text)))
}

fn value(row: &PgRow, index: usize, form: ValueForm) -> sqlx::Result<Option<StoredValue>> {
    let bytes: Option<Vec<u8>> = row.try_get(index)?;
    Ok(bytes.map(|bytes| StoredValue { bytes: SecretBytes::new(bytes), form }))
}

/// The bytes of a value as an application sends it.
fn bytes(column: &PgColumn, table: &str, encoding: &str) -> String {
    match column.form() {
        Some(ValueForm::Bytes) => format!("{table}.{}", quoted(&column.name, '"')),
        _ => text_bytes(column, table, encoding),
    }
}

/// The cast takes the padding of `character(n)` off, which is no part of the value.
fn text_bytes(column: &PgColumn, table: &str, encoding: &str) -> String {
    format!("convert_to({table}.{}::text, '{encoding}')", quoted(&column.name, '"'))
}
