//! What the catalogue of MySQL or MariaDB says of the table.

use crate::database::server::lookup;
use crate::database::server::lookup::COUNTED_ROWS;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Row as _};

use crate::database::error::DatabaseError;
use crate::database::location::TableSelection;
use crate::database::mysql::column::{COLUMNS, MySqlColumn};
use crate::database::mysql::error::failed;
use crate::database::mysql::key::KeyType;
use crate::database::server::address::ServerAddress;
use crate::database::server::lookup::UniqueKeys;
use crate::database::server::sql::quoted;
use crate::database::table::{Advisory, PasswordTable};
use crate::rows::row::ValueForm;

/// The table, and what its columns are.
#[derive(Debug)]
pub(super) struct MySqlCatalog {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) engine: String,
    /// Old rows are kept by the table itself.
    pub(super) versioned: bool,
    pub(super) key: Vec<(MySqlColumn, KeyType)>,
    pub(super) column: MySqlColumn,
    pub(super) into: Option<MySqlColumn>,
    /// All columns of the table.
    pub(super) columns: Vec<MySqlColumn>,
    pub(super) rows: u64,
    /// Of data and indexes.
    pub(super) bytes: u64,
}

impl MySqlCatalog {
    /// The table as a statement names it.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema, '`'), quoted(&self.name, '`'))
    }

    pub(super) fn table(&self, advisories: Vec<Advisory>) -> PasswordTable {
        PasswordTable {
            name: format!("{}.{}", self.schema, self.name),
            key: self.key.iter().map(|(column, _)| column.column()).collect(),
            column: self.column.column(),
            into: self.into.as_ref().map(MySqlColumn::column),
            rows: self.rows,
            advisories,
        }
    }
}

/// Looks all names up.
pub(super) async fn look_up(
    connection: &mut MySqlConnection,
    wanted: &TableSelection,
    address: &ServerAddress,
) -> Result<MySqlCatalog, DatabaseError> {
    let read = |error: sqlx::Error| failed("read the catalog", &error);
    let current: Option<String> = sqlx::query_scalar("SELECT CAST(DATABASE() AS CHAR)")
        .fetch_one(&mut *connection)
        .await
        .map_err(read)?;
    let tables = sqlx::query(TABLES).fetch_all(&mut *connection).await.map_err(read)?;
    let tables =
        tables.iter().map(MySqlTable::read).collect::<Result<Vec<_>, _>>().map_err(read)?;
    let relation = find(&tables, &wanted.table, (current.as_deref(), address))?;
    let MySqlTable { schema, name, .. } = relation;
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
        columns.iter().map(MySqlColumn::read).collect::<Result<Vec<_>, _>>().map_err(read)?;
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
    lookup::check_key_is_not_written(&key, &written(&column, into.as_ref()), &shown)?;
    let key = key.iter().map(|name| {
        let column = find(name)?;
        let form = KeyType::of(&column, &shown)?;
        Ok((column, form))
    });
    let key = key.collect::<Result<Vec<_>, DatabaseError>>()?;

    let mut catalog = MySqlCatalog {
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
    if catalog.rows < COUNTED_ROWS {
        let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", catalog.quoted()));
        let count = sqlx::query_scalar(count).fetch_one(connection).await;
        let rows: i64 = count.map_err(|error| failed("count the rows", &error))?;
        catalog.rows = u64::try_from(rows).unwrap_or(0);
    }
    Ok(catalog)
}

fn written<'a>(column: &'a MySqlColumn, into: Option<&'a MySqlColumn>) -> Vec<&'a str> {
    std::iter::once(column).chain(into).map(|it| it.name.as_str()).collect()
}

/// Passwords and hashes are texts or bytes that can be read and written.
fn check(
    column: &MySqlColumn,
    into: Option<&MySqlColumn>,
    table: &str,
) -> Result<(), DatabaseError> {
    for described in std::iter::once(column).chain(into) {
        let MySqlColumn { name, type_name, .. } = described;
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
        let is_number = described.form() == Some(ValueForm::Number);
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

struct MySqlTable {
    schema: String,
    name: String,
    kind: String,
    engine: String,
    rows: u64,
    bytes: u64,
}

impl MySqlTable {
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
    tables: &'a [MySqlTable],
    wanted: &str,
    (current, address): (Option<&str>, &ServerAddress),
) -> Result<&'a MySqlTable, DatabaseError> {
    let is_here = |table: &&MySqlTable| current == Some(table.schema.as_str());
    let here = tables.iter().filter(is_here).find(|table| table.name == wanted);
    let found = here.or_else(|| tables.iter().find(|table| table.qualified() == wanted));
    if let Some(found) = found {
        return Ok(found);
    }
    let shown = |table: &MySqlTable| match is_here(&table) {
        true => table.name.clone(),
        false => table.qualified(),
    };
    let known: Vec<String> = tables.iter().map(shown).collect();
    Err(lookup::table_not_found(wanted, address, known.iter().map(String::as_str)))
}

/// Unique keys, whole columns without NULL, from the columns of indexes.
fn keys(rows: &[MySqlRow]) -> sqlx::Result<UniqueKeys> {
    let mut keys = UniqueKeys::default();
    let mut index: Option<(String, Vec<String>, bool)> = None;
    let finish = |index: Option<(String, Vec<String>, bool)>, keys: &mut UniqueKeys| match index {
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
