//! The table in the catalog of PostgreSQL.

use mesero_terminal::nearest::listed;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use crate::database::error::DatabaseError;
use crate::database::location::TableSelection;
use crate::database::postgres::column::{self, COLUMNS, ColumnRole, PgColumnExtra};
use crate::database::postgres::error::translate;
use crate::database::server::address::ServerAddress;
use crate::database::server::column::CatalogColumns;
use crate::database::server::lookup::{self, COUNTED_ROWS, NameCase, UniqueKeys};
use crate::database::server::table::{CatalogTable, SelectedTable};

/// The selected table, and what its statements and advisories depend on.
#[derive(Debug)]
pub(super) struct PgCatalog {
    pub(super) table: SelectedTable<PgColumnExtra>,
    pub(super) oid: i64,
    /// Excludes tables that inherit from it, whose rows are not its own; false for a partitioned
    /// table.
    pub(super) only: bool,
    /// Encoding in which texts become the bytes that an application sends: `UTF8`; or `SQL_ASCII`,
    /// where the server does not know the encoding of its texts.
    pub(super) encoding: &'static str,
    pub(super) server_encoding: String,
}

impl PgCatalog {
    /// The table in messages.
    pub(super) fn display_name(&self) -> String {
        format!("`{}.{}`", self.table.schema, self.table.name)
    }
}

/// Looks up the table, its columns and its key. It only reads: dropped, it changes nothing.
///
/// # Errors
/// If a name does not exist, or the table cannot be hashed.
pub(super) async fn look_up(
    connection: &mut PgConnection,
    selection: &TableSelection,
    address: &ServerAddress,
) -> Result<PgCatalog, DatabaseError> {
    let read = |error: sqlx::Error| translate("read the catalog", &error);
    let tables = sqlx::query(TABLES).fetch_all(&mut *connection).await.map_err(read)?;
    let tables: Vec<CatalogTable<PgTableExtra>> =
        tables.iter().map(read_table).collect::<Result<_, _>>().map_err(read)?;
    let found = find(&tables, &selection.table, address)?;
    let CatalogTable { schema, name, extra, .. } = found;
    let shown = format!("`{}`", found.qualified());
    if let Some(what) = extra.kind_of_no_table() {
        return Err(DatabaseError::usage(format!(
            "hash passwords in {shown}: it is {what}, not a table"
        )));
    }

    let oid = extra.oid;
    let columns = sqlx::query(COLUMNS).bind(oid).fetch_all(&mut *connection).await.map_err(read)?;
    let columns = columns.iter().map(column::read).collect::<Result<_, _>>().map_err(read)?;
    let columns = CatalogColumns::new(columns, &shown, NameCase::Distinct);
    let column = columns.find(&selection.column)?;
    let into = selection.into.as_deref().map(|name| columns.find(name)).transpose()?;
    let role = if into.is_none() { ColumnRole::Target } else { ColumnRole::Source };
    column::check(&column, role, &shown)?;
    if let Some(into) = &into {
        column::check(into, ColumnRole::Target, &shown)?;
    }

    let keys = sqlx::query(KEYS).bind(oid).fetch_all(&mut *connection).await.map_err(read)?;
    let mut known = UniqueKeys::default();
    for row in &keys {
        let columns: Vec<String> = row.try_get(1).map_err(read)?;
        if row.try_get(0).map_err(read)? {
            known.primary = columns;
        } else {
            known.others.push(columns);
        }
    }
    let written: Vec<_> =
        std::iter::once(&column).chain(&into).map(|column| column.name.as_str()).collect();
    let key = columns.key(selection, &known, &written)?;

    let encoding: String = sqlx::query_scalar("SHOW server_encoding")
        .fetch_one(&mut *connection)
        .await
        .map_err(read)?;
    let (schema, name) = (schema.clone(), name.clone());
    let mut table = SelectedTable { schema, name, key, column, into, rows: extra.estimate };
    let only = extra.kind == "r";
    if table.rows < COUNTED_ROWS {
        let only = if only { "ONLY " } else { "" };
        let count = format!("SELECT count(*) FROM {only}{}", table.quoted('"'));
        let count = sqlx::query_scalar(AssertSqlSafe(count));
        let rows: i64 = count
            .fetch_one(connection)
            .await
            .map_err(|error| translate("count the rows", &error))?;
        table.rows = u64::try_from(rows).unwrap_or(0);
    }
    Ok(PgCatalog {
        table,
        oid,
        only,
        encoding: if encoding == "SQL_ASCII" { "SQL_ASCII" } else { "UTF8" },
        server_encoding: encoding,
    })
}

/// Properties of a table that only PostgreSQL has.
#[derive(Debug)]
struct PgTableExtra {
    oid: i64,
    kind: String,
    /// The catalog's estimate of the number of rows.
    estimate: u64,
}

impl PgTableExtra {
    /// The kind of a relation that is no table.
    fn kind_of_no_table(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "v" => Some("a view"),
            "m" => Some("a materialized view"),
            "f" => Some("a foreign table"),
            _ => None,
        }
    }
}

fn read_table(row: &PgRow) -> sqlx::Result<CatalogTable<PgTableExtra>> {
    let estimate: f64 = row.try_get(5)?;
    Ok(CatalogTable {
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
        is_in_default_schema: row.try_get(4)?,
        extra: PgTableExtra {
            oid: row.try_get(0)?,
            kind: row.try_get(3)?,
            estimate: estimate.max(0.0) as u64,
        },
    })
}

fn find<'a>(
    tables: &'a [CatalogTable<PgTableExtra>],
    name: &str,
    address: &ServerAddress,
) -> Result<&'a CatalogTable<PgTableExtra>, DatabaseError> {
    if let Some(found) = CatalogTable::find(tables, name) {
        return Ok(found);
    }
    let elsewhere = tables.iter().filter(|table| table.name == name);
    let elsewhere: Vec<String> = elsewhere.map(CatalogTable::qualified).collect();
    if !elsewhere.is_empty() {
        let elsewhere = listed(elsewhere.iter().map(String::as_str));
        return Err(DatabaseError::usage(format!(
            "find the table `{name}` in {address}: it is not in the search path; there is {elsewhere}"
        )));
    }
    let names = CatalogTable::names(tables);
    Err(lookup::table_not_found(name, address, names.iter().map(String::as_str)))
}

/// All tables of applications, and what can be mistaken for one.
const TABLES: &str = "
    SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text,
           pg_table_is_visible(c.oid), c.reltuples::float8
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'
    ORDER BY n.nspname, c.relname";

/// Unique keys: of all rows, checked at once, without NULL, and in the order in which the columns are
/// compared.
const KEYS: &str = "
    SELECT i.indisprimary, array_agg(a.attname::text ORDER BY k.address)
    FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, address)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = $1::int8::oid AND i.indisunique AND i.indisvalid
      AND i.indpred IS NULL AND i.indexprs IS NULL AND k.address <= i.indnkeyatts
    GROUP BY i.indexrelid, i.indisprimary
    HAVING bool_and(a.attnotnull AND i.indcollation[(k.address - 1)::int] = a.attcollation)
    ORDER BY i.indisprimary DESC, i.indexrelid";
