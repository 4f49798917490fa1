//! What PostgreSQL's catalogue says of the table.

use crate::database::server::lookup;
use crate::database::server::lookup::COUNTED_ROWS;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};

use crate::database::error::DatabaseError;
use crate::database::location::TableSelection;
use crate::database::postgres::column::{COLUMNS, PgColumn};
use crate::database::postgres::error::failed;
use crate::database::server::address::ServerAddress;
use crate::database::server::lookup::UniqueKeys;
use crate::database::server::sql::quoted;
use crate::database::table::{Advisory, PasswordTable};

/// The table, and what its columns are.
#[derive(Debug)]
pub(super) struct PgCatalog {
    pub(super) oid: i64,
    pub(super) schema: String,
    pub(super) name: String,
    /// Rows of tables that inherit from it are not its own; those of partitions are.
    pub(super) only: bool,
    pub(super) key: Vec<PgColumn>,
    pub(super) column: PgColumn,
    pub(super) into: Option<PgColumn>,
    pub(super) rows: u64,
    /// How the server's texts become the bytes that an application sends: `UTF8`; or `SQL_ASCII`,
    /// where the server does not know what its texts mean.
    pub(super) encoding: &'static str,
    pub(super) server_encoding: String,
}

impl PgCatalog {
    /// The table as a statement names it.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema, '"'), quoted(&self.name, '"'))
    }

    /// The table as a person names it.
    pub(super) fn shown(&self) -> String {
        format!("`{}.{}`", self.schema, self.name)
    }

    pub(super) fn table(&self, advisories: Vec<Advisory>) -> PasswordTable {
        PasswordTable {
            name: format!("{}.{}", self.schema, self.name),
            key: self.key.iter().map(PgColumn::column).collect(),
            column: self.column.column(),
            into: self.into.as_ref().map(PgColumn::column),
            rows: self.rows,
            advisories,
        }
    }
}

/// Looks all names up.
pub(super) async fn look_up(
    connection: &mut PgConnection,
    wanted: &TableSelection,
    address: &ServerAddress,
) -> Result<PgCatalog, DatabaseError> {
    let read = |error: sqlx::Error| failed("read the catalog", &error);
    let tables = sqlx::query(TABLES).fetch_all(&mut *connection).await.map_err(read)?;
    let tables: Vec<PgTable> =
        tables.iter().map(PgTable::read).collect::<Result<_, _>>().map_err(read)?;
    let relation = find(&tables, &wanted.table, address)?;
    let PgTable { oid, schema, name, .. } = relation;
    let shown = format!("`{schema}.{name}`");
    if let Some(what) = relation.unusable() {
        return Err(DatabaseError::usage(format!(
            "hash passwords in {shown}: it is {what}, not a table"
        )));
    }

    let columns = sqlx::query(COLUMNS).bind(oid).fetch_all(&mut *connection).await.map_err(read)?;
    let columns: Vec<PgColumn> =
        columns.iter().map(PgColumn::read).collect::<Result<_, _>>().map_err(read)?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let find = |name: &str| {
        let name = lookup::column(name, &names, &shown, false)?;
        let found = columns.iter().find(|column| column.name == name);
        found
            .cloned()
            .ok_or_else(|| DatabaseError::usage(format!("find the column `{name}` in {shown}")))
    };
    let column = find(&wanted.column)?;
    let into = wanted.into.as_deref().map(find).transpose()?;
    column.check(into.is_none(), &shown)?;
    if let Some(into) = &into {
        into.check(true, &shown)?;
    }

    let keys = sqlx::query(KEYS).bind(oid).fetch_all(&mut *connection).await.map_err(read)?;
    let mut known = UniqueKeys::default();
    for row in &keys {
        let key: Vec<String> = row.try_get(1).map_err(read)?;
        match row.try_get(0).map_err(read)? {
            true => known.primary = key,
            false => known.others.push(key),
        }
    }
    let named = wanted.key.iter().map(|name| find(name).map(|column| column.name));
    let named: Vec<String> = named.collect::<Result<_, _>>()?;
    let key = known.choose(&named, &shown)?;
    let written: Vec<_> =
        std::iter::once(&column).chain(&into).map(|it| it.name.as_str()).collect();
    lookup::check_key_is_not_written(&key, &written, &shown)?;
    let key = key.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;

    let encoding: String = sqlx::query_scalar("SHOW server_encoding")
        .fetch_one(&mut *connection)
        .await
        .map_err(read)?;
    let mut catalog = PgCatalog {
        oid: *oid,
        schema: schema.clone(),
        name: name.clone(),
        only: relation.kind == "r",
        key,
        column,
        into,
        rows: relation.estimate,
        encoding: if encoding == "SQL_ASCII" { "SQL_ASCII" } else { "UTF8" },
        server_encoding: encoding,
    };
    if catalog.rows < COUNTED_ROWS {
        let only = if catalog.only { "ONLY " } else { "" };
        let count = format!("SELECT count(*) FROM {only}{}", catalog.quoted());
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(count));
        let rows: i64 =
            count.fetch_one(connection).await.map_err(|error| failed("count the rows", &error))?;
        catalog.rows = u64::try_from(rows).unwrap_or(0);
    }
    Ok(catalog)
}

struct PgTable {
    oid: i64,
    schema: String,
    name: String,
    kind: String,
    /// Whether it is found without its schema.
    visible: bool,
    estimate: u64,
}

impl PgTable {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let estimate: f64 = row.try_get(5)?;
        Ok(Self {
            oid: row.try_get(0)?,
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            kind: row.try_get(3)?,
            visible: row.try_get(4)?,
            estimate: estimate.max(0.0) as u64,
        })
    }

    fn unusable(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "v" => Some("a view"),
            "m" => Some("a materialized view"),
            "f" => Some("a foreign table"),
            _ => None,
        }
    }

    fn qualified(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

fn find<'a>(
    tables: &'a [PgTable],
    wanted: &str,
    address: &ServerAddress,
) -> Result<&'a PgTable, DatabaseError> {
    let visible = tables.iter().find(|table| table.visible && table.name == wanted);
    let found = visible.or_else(|| tables.iter().find(|table| table.qualified() == wanted));
    if let Some(found) = found {
        return Ok(found);
    }
    let elsewhere: Vec<String> =
        tables.iter().filter(|table| table.name == wanted).map(PgTable::qualified).collect();
    if !elsewhere.is_empty() {
        let elsewhere = mesero_terminal::nearest::listed(elsewhere.iter().map(String::as_str));
        return Err(DatabaseError::usage(format!(
            "find the table `{wanted}` in {address}: it is not in the search path; there is {elsewhere}"
        )));
    }
    let known: Vec<String> = tables
        .iter()
        .map(|table| if table.visible { table.name.clone() } else { table.qualified() })
        .collect();
    Err(lookup::table_not_found(wanted, address, known.iter().map(String::as_str)))
}

/// All that a person may have meant.
const TABLES: &str = "
    SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text,
           pg_table_is_visible(c.oid), c.reltuples::float8
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'
    ORDER BY n.nspname, c.relname";

/// Unique, for all rows, at once, without NULL, and in the order in which the columns are compared.
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
