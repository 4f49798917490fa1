//! The table in the catalog of MySQL or MariaDB.

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Row as _};

use crate::database::error::DatabaseError;
use crate::database::location::TableSelection;
use crate::database::mysql::column::{self, COLUMNS, MySqlColumn, MySqlColumnExtra};
use crate::database::mysql::error::translate;
use crate::database::mysql::key::KeyType;
use crate::database::server::address::ServerAddress;
use crate::database::server::column::CatalogColumns;
use crate::database::server::lookup::{self, COUNTED_ROWS, NameCase, UniqueKeys};
use crate::database::server::table::{CatalogTable, SelectedTable};
use crate::rows::row::ValueForm;

/// The selected table, and what its statements and advisories depend on.
#[derive(Debug)]
pub(super) struct MySqlCatalog {
    pub(super) table: SelectedTable<MySqlColumnExtra>,
    /// Types of the key's columns.
    pub(super) key_types: Vec<KeyType>,
    pub(super) engine: String,
    /// The table keeps old rows (`WITH SYSTEM VERSIONING`).
    pub(super) is_versioned: bool,
    /// All columns of the table.
    pub(super) columns: Vec<MySqlColumn>,
    /// Bytes of data and indexes.
    pub(super) bytes: u64,
}

/// Looks up the table, its columns and its key. It only reads: dropped, it changes nothing.
///
/// # Errors
/// If a name does not exist, or the table cannot be hashed.
pub(super) async fn look_up(
    connection: &mut MySqlConnection,
    selection: &TableSelection,
    address: &ServerAddress,
) -> Result<MySqlCatalog, DatabaseError> {
    let read = |error: sqlx::Error| translate("read the catalog", &error);
    let current: Option<String> = sqlx::query_scalar("SELECT CAST(DATABASE() AS CHAR)")
        .fetch_one(&mut *connection)
        .await
        .map_err(read)?;
    let tables = sqlx::query(TABLES).fetch_all(&mut *connection).await.map_err(read)?;
    let tables = tables.iter().map(|row| read_table(row, current.as_deref()));
    let tables = tables.collect::<Result<Vec<_>, _>>().map_err(read)?;
    let Some(found) = CatalogTable::find(&tables, &selection.table) else {
        let names = CatalogTable::names(&tables);
        let names = names.iter().map(String::as_str);
        return Err(lookup::table_not_found(&selection.table, address, names));
    };
    let CatalogTable { schema, name, extra, .. } = found;
    let shown = format!("`{}`", found.qualified());
    if !matches!(extra.kind.as_str(), "BASE TABLE" | "SYSTEM VERSIONED") {
        let what = extra.kind.to_lowercase();
        return Err(DatabaseError::usage(format!(
            "hash passwords in {shown}: it is a {what}, not a table"
        )));
    }

    let columns = sqlx::query(COLUMNS).bind(schema).bind(name);
    let columns = columns.fetch_all(&mut *connection).await.map_err(read)?;
    let columns = columns.iter().map(column::read).collect::<Result<Vec<_>, _>>().map_err(read)?;
    let columns = CatalogColumns::new(columns, &shown, NameCase::Ignored);
    let column = columns.find(&selection.column)?;
    let into = selection.into.as_deref().map(|name| columns.find(name)).transpose()?;
    check(&column, into.as_ref(), &shown)?;

    let indexes = sqlx::query(KEYS).bind(schema).bind(name);
    let indexes = indexes.fetch_all(&mut *connection).await.map_err(read)?;
    let known = keys(&indexes).map_err(read)?;
    let written: Vec<_> =
        std::iter::once(&column).chain(&into).map(|column| column.name.as_str()).collect();
    let key = columns.key(selection, &known, &written)?;
    let key_types = key.iter().map(|column| KeyType::of(column, &shown));
    let key_types = key_types.collect::<Result<Vec<_>, _>>()?;

    let (schema, name) = (schema.clone(), name.clone());
    let mut table = SelectedTable { schema, name, key, column, into, rows: extra.rows };
    if table.rows < COUNTED_ROWS {
        let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", table.quoted('`')));
        let count = sqlx::query_scalar(count).fetch_one(connection).await;
        let rows: i64 = count.map_err(|error| translate("count the rows", &error))?;
        table.rows = u64::try_from(rows).unwrap_or(0);
    }
    Ok(MySqlCatalog {
        table,
        key_types,
        engine: extra.engine.clone(),
        is_versioned: extra.kind == "SYSTEM VERSIONED",
        columns: columns.all,
        bytes: extra.bytes,
    })
}

/// Checks that columns can be read and written, and can contain passwords and hashes.
fn check(
    column: &MySqlColumn,
    into: Option<&MySqlColumn>,
    table: &str,
) -> Result<(), DatabaseError> {
    for used in std::iter::once(column).chain(into) {
        let MySqlColumn { name, type_name, form, extra, .. } = used;
        if extra.expression.is_some() {
            return Err(DatabaseError::usage(format!(
                "write the column `{name}` of {table}: it is generated from other columns; name the \
                 column that it is generated from"
            )));
        }
        if !(extra.has_privilege("select") && extra.has_privilege("update")) {
            return Err(DatabaseError::usage(format!(
                "use the column `{name}` of {table}: this user may not read and write it (GRANT \
                 SELECT, UPDATE)"
            )));
        }
        let is_target = into.is_none_or(|into| into.name == *name);
        if form.is_none() || (*form == Some(ValueForm::Number) && is_target) {
            return Err(DatabaseError::usage(format!(
                "use the column `{name}` of {table}: it is of the type {type_name}; use a column of \
                 the type varchar, char, text, varbinary or blob"
            )));
        }
    }
    Ok(())
}

/// Properties of a table that only MySQL and MariaDB have.
#[derive(Debug)]
struct MySqlTableExtra {
    kind: String,
    engine: String,
    rows: u64,
    bytes: u64,
}

fn read_table(
    row: &MySqlRow,
    current: Option<&str>,
) -> sqlx::Result<CatalogTable<MySqlTableExtra>> {
    let schema: String = row.try_get(0)?;
    Ok(CatalogTable {
        is_in_default_schema: current == Some(schema.as_str()),
        schema,
        name: row.try_get(1)?,
        extra: MySqlTableExtra {
            kind: row.try_get(2)?,
            engine: row.try_get(3)?,
            rows: row.try_get(4)?,
            bytes: row.try_get(5)?,
        },
    })
}

/// Columns of one index, in its order.
struct IndexColumns {
    name: String,
    columns: Vec<String>,
    /// Whole columns without NULL and expressions.
    is_key: bool,
}

/// Collects unique keys, of whole columns without NULL, from the rows of [`KEYS`].
fn keys(rows: &[MySqlRow]) -> sqlx::Result<UniqueKeys> {
    let mut indexes: Vec<IndexColumns> = Vec::new();
    for row in rows {
        let (name, usable): (String, bool) = (row.try_get(0)?, row.try_get(2)?);
        let column: Option<String> = row.try_get(1)?;
        let is_usable = usable && column.is_some();
        match indexes.last_mut() {
            Some(index) if index.name == name => {
                index.is_key &= is_usable;
                index.columns.extend(column);
            }
            _ => indexes.push(IndexColumns {
                name,
                columns: column.into_iter().collect(),
                is_key: is_usable,
            }),
        }
    }
    let mut keys = UniqueKeys::default();
    for IndexColumns { name, columns, .. } in indexes.into_iter().filter(|index| index.is_key) {
        if name == "PRIMARY" {
            keys.primary = columns;
        } else {
            keys.others.push(columns);
        }
    }
    Ok(keys)
}

/// All tables of applications.
const TABLES: &str = "
    SELECT CAST(TABLE_SCHEMA AS CHAR), CAST(TABLE_NAME AS CHAR), CAST(TABLE_TYPE AS CHAR),
           CAST(COALESCE(ENGINE, '') AS CHAR), CAST(COALESCE(TABLE_ROWS, 0) AS UNSIGNED),
           CAST(COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0) AS UNSIGNED)
    FROM information_schema.TABLES
    WHERE TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
    ORDER BY TABLE_SCHEMA, TABLE_NAME";

/// Columns of unique indexes, each with whether it can be a part of a key: an index over a prefix does
/// not identify a row, and a unique index accepts NULL more than once.
const KEYS: &str = "
    SELECT CAST(INDEX_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR),
           SUB_PART IS NULL AND COALESCE(NULLABLE, '') <> 'YES'
    FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0
    ORDER BY INDEX_NAME, SEQ_IN_INDEX";
