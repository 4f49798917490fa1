//! What the catalogue of MySQL or MariaDB says of the table.

use crate::database::server::lookup;
use crate::database::server::lookup::COUNTED_ROWS;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Row as _};

use crate::database::error::DatabaseError;
use crate::database::location::Wanted;
use crate::database::mysql::column::{COLUMNS, Described};
use crate::database::mysql::error::failed;
use crate::database::mysql::key::KeyForm;
use crate::database::server::address::Place;
use crate::database::server::lookup::Keys;
use crate::database::server::sql::quoted;
use crate::database::table::{Note, Table};
use crate::rows::row::Form;

/// The table, and what its columns are.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) engine: String,
    /// Old rows are kept by the table itself.
    pub(super) versioned: bool,
    pub(super) key: Vec<(Described, KeyForm)>,
    pub(super) column: Described,
    pub(super) into: Option<Described>,
    /// All columns of the table.
    pub(super) columns: Vec<Described>,
    pub(super) rows: u64,
    /// Of data and indexes.
    pub(super) bytes: u64,
}

impl Catalogue {
    /// The table as a statement names it.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema, '`'), quoted(&self.name, '`'))
    }

    pub(super) fn table(&self, notes: Vec<Note>) -> Table {
        Table {
            name: format!("{}.{}", self.schema, self.name),
            key: self.key.iter().map(|(column, _)| column.column()).collect(),
            column: self.column.column(),
            into: self.into.as_ref().map(Described::column),
            rows: self.rows,
            notes,
        }
    }
}

/// Looks all names up.
pub(super) async fn look_up(
    connection: &mut MySqlConnection,
    wanted: &Wanted,
    place: &Place,
) -> Result<Catalogue, DatabaseError> {
    let read = |error: sqlx::Error| failed("read the catalogue", &error);
    let current: Option<String> = sqlx::query_scalar("SELECT CAST(DATABASE() AS CHAR)")
        .fetch_one(&mut *connection)
        .await
        .map_err(read)?;
    let tables = sqlx::query(TABLES).fetch_all(&mut *connection).await.map_err(read)?;
    let tables = tables.iter().map(Relation::read).collect::<Result<Vec<_>, _>>().map_err(read)?;
    let relation = find(&tables, &wanted.table, (current.as_deref(), place))?;
    let Relation { schema, name, .. } = relation;
    let shown = format!("`{schema}.{name}`");
    if !matches!(relation.kind.as_str(), "BASE TABLE" | "SYSTEM VERSIONED") {
        let what = relation.kind.to_lowercase();
        return Err(DatabaseError::usage(format!(
            "hash passwords in {shown}: it is a {what}, not a table"
        )));
    }

    let columns = sqlx::query(COLUMNS).bind(schema).bind(name);
    let columns = columns.fetch_all(&mut *connection).await.map_err(read)?;
    let columns =
        columns.iter().map(Described::read).collect::<Result<Vec<_>, _>>().map_err(read)?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let find = |name: &str| {
        let name = lookup::column(name, &names, &shown, true)?;
        let found = columns.iter().find(|column| column.name == name);
        found
            .cloned()
            .ok_or_else(|| DatabaseError::usage(format!("find the column `{name}` in {shown}")))
    };
    let column = find(&wanted.column)?;
    let into = wanted.into.as_deref().map(find).transpose()?;
    check(&column, into.as_ref(), &shown)?;

    let indexes = sqlx::query(KEYS).bind(schema).bind(name);
    let indexes = indexes.fetch_all(&mut *connection).await.map_err(read)?;
    let known = keys(&indexes).map_err(read)?;
    let named = wanted.key.iter().map(|name| find(name).map(|column| column.name));
    let named = named.collect::<Result<Vec<_>, _>>()?;
    let key = known.choose(&named, &shown)?;
    lookup::not_written(&key, &written(&column, into.as_ref()), &shown)?;
    let key = key.iter().map(|name| {
        let column = find(name)?;
        let form = KeyForm::of(&column, &shown)?;
        Ok((column, form))
    });
    let key = key.collect::<Result<Vec<_>, DatabaseError>>()?;

    let mut catalogue = Catalogue {
        schema: schema.clone(),
        name: name.clone(),
        engine: relation.engine.clone(),
        versioned: relation.kind == "SYSTEM VERSIONED",
        key,
        column,
        into,
        columns,
        rows: relation.rows,
        bytes: relation.bytes,
    };
    if catalogue.rows < COUNTED_ROWS {
        let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", catalogue.quoted()));
        let count = sqlx::query_scalar(count).fetch_one(connection).await;
        let rows: i64 = count.map_err(|error| failed("count the rows", &error))?;
        catalogue.rows = u64::try_from(rows).unwrap_or(0);
    }
    Ok(catalogue)
}

fn written<'a>(column: &'a Described, into: Option<&'a Described>) -> Vec<&'a str> {
    std::iter::once(column).chain(into).map(|it| it.name.as_str()).collect()
}

/// Passwords and hashes are texts or bytes that can be read and written.
fn check(column: &Described, into: Option<&Described>, table: &str) -> Result<(), DatabaseError> {
    for described in std::iter::once(column).chain(into) {
        let Described { name, type_name, .. } = described;
        if described.made_of.is_some() {
            return Err(DatabaseError::usage(format!(
                "write the column `{name}` of {table}: it is generated from others; name the \
                 column that it is made of"
            )));
        }
        if !(described.may("select") && described.may("update")) {
            return Err(DatabaseError::usage(format!(
                "use the column `{name}` of {table}: this user may not read and write it (GRANT \
                 SELECT, UPDATE)"
            )));
        }
        let is_number = described.form() == Some(Form::Number);
        let is_target = into.is_none_or(|into| into.name == *name);
        if described.form().is_none() || (is_number && is_target) {
            return Err(DatabaseError::usage(format!(
                "use the column `{name}` of {table}: it is of the type {type_name}; wanted \
                 varchar, char, text, varbinary or blob"
            )));
        }
    }
    Ok(())
}

struct Relation {
    schema: String,
    name: String,
    kind: String,
    engine: String,
    rows: u64,
    bytes: u64,
}

impl Relation {
    fn read(row: &MySqlRow) -> sqlx::Result<Self> {
        Ok(Self {
            schema: row.try_get(0)?,
            name: row.try_get(1)?,
            kind: row.try_get(2)?,
            engine: row.try_get(3)?,
            rows: row.try_get(4)?,
            bytes: row.try_get(5)?,
        })
    }

    fn qualified(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

fn find<'a>(
    tables: &'a [Relation],
    wanted: &str,
    (current, place): (Option<&str>, &Place),
) -> Result<&'a Relation, DatabaseError> {
    let is_here = |table: &&Relation| current == Some(table.schema.as_str());
    let here = tables.iter().filter(is_here).find(|table| table.name == wanted);
    let found = here.or_else(|| tables.iter().find(|table| table.qualified() == wanted));
    if let Some(found) = found {
        return Ok(found);
    }
    let shown = |table: &Relation| match is_here(&table) {
        true => table.name.clone(),
        false => table.qualified(),
    };
    let known: Vec<String> = tables.iter().map(shown).collect();
    Err(lookup::table_not_found(wanted, place, known.iter().map(String::as_str)))
}

/// Unique keys, whole columns without NULL, from the columns of indexes.
fn keys(rows: &[MySqlRow]) -> sqlx::Result<Keys> {
    let mut keys = Keys::default();
    let mut index: Option<(String, Vec<String>, bool)> = None;
    let finish = |index: Option<(String, Vec<String>, bool)>, keys: &mut Keys| match index {
        Some((name, columns, true)) if name == "PRIMARY" => keys.primary = columns,
        Some((_, columns, true)) => keys.others.push(columns),
        _ => {}
    };
    for row in rows {
        let (name, usable): (String, bool) = (row.try_get(0)?, row.try_get(2)?);
        let column: Option<String> = row.try_get(1)?;
        if index.as_ref().is_none_or(|(known, ..)| *known != name) {
            finish(index.take(), &mut keys);
        }
        let (_, columns, all) = index.get_or_insert_with(|| (name, Vec::new(), true));
        *all &= usable && column.is_some();
        columns.extend(column);
    }
    finish(index, &mut keys);
    Ok(keys)
}

/// All that a person may have meant.
const TABLES: &str = "
    SELECT CAST(TABLE_SCHEMA AS CHAR), CAST(TABLE_NAME AS CHAR), CAST(TABLE_TYPE AS CHAR),
           CAST(COALESCE(ENGINE, '') AS CHAR), CAST(COALESCE(TABLE_ROWS, 0) AS UNSIGNED),
           CAST(COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0) AS UNSIGNED)
    FROM information_schema.TABLES
    WHERE TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
    ORDER BY TABLE_SCHEMA, TABLE_NAME";

/// A part of a column is no key, and of NULLs there may be many.
const KEYS: &str = "
    SELECT CAST(INDEX_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR),
           SUB_PART IS NULL AND COALESCE(NULLABLE, '') <> 'YES'
    FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0
    ORDER BY INDEX_NAME, SEQ_IN_INDEX";
