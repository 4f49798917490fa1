//! The statements for one table of PostgreSQL.
//!
//! Keys are read and sent as the bytes of their texts and cast to the types of their columns, so that
//! an index is used for any type. Values are compared as bytes, independent of their collation.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Row as _};

use crate::database::contract::RowChange;
use crate::database::postgres::catalog::PgCatalog;
use crate::database::postgres::column::{PgColumn, is_integer};
use crate::database::server::changes::{CurrentValue, old_target, old_value};
use crate::database::server::sql::quoted;
use crate::database::server::statements::TableStatements;
use crate::rows::key::{KeyValue, RowKey};
use crate::rows::row::{Row, ValueForm};

/// The statements for one table.
pub(crate) struct PgStatements(pub(super) TableStatements<PgKeyType>);

/// The type of a key column in Rust; PostgreSQL's own is in the statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PgKeyType {
    Integer,
    Text,
}

type PgQuery<'a> = Query<'a, Postgres, PgArguments>;

impl PgStatements {
    pub(super) fn new(catalog: &PgCatalog) -> Self {
        let PgCatalog { table, encoding, .. } = catalog;
        let (key, column, into, target) = (&table.key, &table.column, &table.into, table.target());
        let from = table.quoted('"');
        let from = if catalog.only { format!("ONLY {from}") } else { from };
        let form = |column: &PgColumn| column.form.unwrap_or(ValueForm::Text);
        let read = |column: &PgColumn| bytes(column, "t", encoding);
        let name = |column: &PgColumn| format!("t.{}", quoted(&column.name, '"'));
        let cast = |column: &PgColumn, value: &str| {
            let collate = column.extra.collation.as_ref().map(|name| format!(" COLLATE {name}"));
            let collate = collate.unwrap_or_default();
            format!("convert_from({value}, '{encoding}')::{}{collate}", column.type_name)
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

        // A row of `v` is a change, or a key, and `n` is its ordinal.
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
        let key_type = |column: &PgColumn| {
            if is_integer(column) { PgKeyType::Integer } else { PgKeyType::Text }
        };
        Self(TableStatements {
            schema: table.schema.clone(),
            name: table.name.clone(),
            column: column.name.clone(),
            key: key.iter().map(key_type).collect(),
            form: form(column),
            into: into.as_ref().map(form),
            first_page: first_page.into(),
            page: page.into(),
            write: write.into(),
            read_back: read_back.into(),
        })
    }

    /// Reads `rows` rows that follow `after`.
    pub(super) fn page(&self, after: Option<&RowKey>, rows: i64) -> PgQuery<'_> {
        let Some(RowKey(values)) = after else {
            return query(&self.0.first_page).bind(rows);
        };
        let query = query(&self.0.page).bind(rows);
        values.iter().fold(query, |query, value| query.bind(value.bytes()))
    }

    /// Writes each change whose row is unchanged, and returns their ordinals.
    pub(super) fn write<'a>(&self, changes: &'a [RowChange]) -> PgQuery<'a> {
        let keys: Vec<&RowKey> = changes.iter().map(|change| &change.row.key).collect();
        let list = |of: fn(&RowChange) -> Option<&[u8]>| changes.iter().map(of).collect::<Vec<_>>();
        let new = list(|change| Some(change.hash.reveal()));
        self.keyed(&self.0.write, &keys).bind(list(old_value)).bind(list(old_target)).bind(new)
    }

    /// Reads the column of the hashes of some rows, with the ordinals of their keys.
    pub(super) fn read_back(&self, keys: &[&RowKey]) -> PgQuery<'_> {
        self.keyed(&self.0.read_back, keys)
    }

    /// A statement whose first arguments are the keys, an array for each column.
    fn keyed<'a>(&self, statement: &Arc<str>, keys: &[&RowKey]) -> PgQuery<'a> {
        (0..self.0.key.len()).fold(query(statement), |query, n| {
            let column = keys.iter().map(|key| key.0.get(n).map(KeyValue::bytes));
            query.bind(column.collect::<Vec<_>>())
        })
    }

    /// A row of a page.
    pub(super) fn row(&self, row: &PgRow) -> sqlx::Result<Row> {
        self.0.row(
            |index| row.try_get(index),
            |key_type, text| {
                let number = || std::str::from_utf8(&text).ok()?.parse().ok();
                match (key_type, number()) {
                    (PgKeyType::Integer, Some(number)) => KeyValue::Integer(number),
                    _ => KeyValue::Text(text),
                }
            },
        )
    }

    /// The value at `index` of a row that [`read_back`](Self::read_back) reads.
    pub(super) fn current(&self, row: &PgRow, index: usize) -> sqlx::Result<CurrentValue> {
        Ok(self.0.current(row.try_get(index)?))
    }
}

fn query<'a>(text: &Arc<str>) -> PgQuery<'a> {
    sqlx::query(AssertSqlSafe(Arc::clone(text)))
}

/// The expression of a value's bytes as an application sends them.
fn bytes(column: &PgColumn, table: &str, encoding: &str) -> String {
    match column.form {
        Some(ValueForm::Bytes) => format!("{table}.{}", quoted(&column.name, '"')),
        _ => text_bytes(column, table, encoding),
    }
}

/// The bytes of a value's text. The cast removes the padding of `character(n)`, which is not a part of
/// the value.
fn text_bytes(column: &PgColumn, table: &str, encoding: &str) -> String {
    format!("convert_to({table}.{}::text, '{encoding}')", quoted(&column.name, '"'))
}
