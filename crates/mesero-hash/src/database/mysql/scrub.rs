//! Old values in MySQL and MariaDB: what can be removed, and what the operator has to do.

use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor, Row as _};

use crate::database::contract::ScrubMode;
use crate::database::error::DatabaseError;
use crate::database::mysql::session::MySqlDialect;
use crate::database::mysql::statements::MySqlStatements;
use crate::database::residue::Residue;
use crate::database::server::connection::ServerConnection;
use crate::database::server::scrub::{residue_of, residues_elsewhere};
use crate::database::server::sql::quoted;

/// Renews a histogram of the column, if there is one, and rebuilds the table if `mode` says so.
///
/// If dropped, it closes the connections; the server may finish the statement that it runs.
pub(super) async fn scrub(
    statements: &MySqlStatements,
    connection: &mut ServerConnection<MySqlDialect>,
    mode: ScrubMode,
) -> Result<Vec<Residue>, DatabaseError> {
    let names = ColumnName {
        schema: &statements.0.schema,
        table: &statements.0.name,
        column: &statements.0.column,
    };
    let table = statements.0.table('`');
    let mut residues = Vec::new();

    let histogram = connection
        .run("look for histograms", async |connection| Ok(histogram(connection, names).await));
    if let Some(kind) = histogram.await? {
        let statement = kind.renewal(&table, names.column);
        residues.push(residue_of(
            maintain(connection, "renew the histogram", &statement).await,
            "the column's histogram, which contained samples of the plaintext, was recomputed",
            |error| {
                format!(
                    "the column's histogram contains samples of the plaintext: run `{statement}`; \
                     here it failed to {error}"
                )
            },
        ));
    }
    let optimize = format!("OPTIMIZE TABLE {table}");
    residues.push(match mode {
        ScrubMode::Rewrite => residue_of(
            maintain(connection, "rebuild the table", &optimize).await,
            "the table and its indexes were rebuilt without old versions of rows (OPTIMIZE TABLE); the \
             old file was deleted, and not overwritten",
            |error| {
                format!(
                    "free parts of the table's pages contain old values: run `{optimize}`; here it \
                     failed to {error}"
                )
            },
        ),
        ScrubMode::InPlace => Residue::remaining(format!(
            "free parts of the table's pages contain old values until they are overwritten; \
             `{optimize}` rebuilds the table, and so does --vacuum"
        )),
    });
    residues.push(Residue::remaining(
        "the undo log contains old versions of rows until they are purged; the redo log and the \
         doublewrite buffer contain pages with old values until they are overwritten",
    ));
    let copies = connection
        .run("look for copies of old values", async |connection| copies(connection, names).await);
    residues.extend(copies.await?);
    residues
        .extend(residues_elsewhere("mariabackup, mysqldump", "the general, slow and audit logs"));
    Ok(residues)
}

/// The names of a column, its table and its schema.
#[derive(Debug, Clone, Copy)]
struct ColumnName<'a> {
    schema: &'a str,
    table: &'a str,
    column: &'a str,
}

/// A histogram of a column, which contains samples of its values.
#[derive(Debug, Clone, Copy)]
enum HistogramKind {
    MariaDb,
    MySql,
}

impl HistogramKind {
    fn renewal(self, table: &str, column: &str) -> String {
        let column = quoted(column, '`');
        match self {
            HistogramKind::MariaDb => {
                format!("ANALYZE TABLE {table} PERSISTENT FOR COLUMNS ({column}) INDEXES ()")
            }
            HistogramKind::MySql => format!("ANALYZE TABLE {table} UPDATE HISTOGRAM ON {column}"),
        }
    }

    /// Counts the histograms of a column. Only one of the two servers has the table.
    fn count(self) -> &'static str {
        match self {
            HistogramKind::MariaDb => {
                "SELECT COUNT(*) FROM mysql.column_stats WHERE db_name = ? AND table_name = ? AND \
                 column_name = ?"
            }
            HistogramKind::MySql => {
                "SELECT COUNT(*) FROM information_schema.COLUMN_STATISTICS WHERE SCHEMA_NAME = ? AND \
                 TABLE_NAME = ? AND COLUMN_NAME = ?"
            }
        }
    }
}

/// Finds the column's histogram; `None` also for a user without the privilege to read histograms.
async fn histogram(
    connection: &mut MySqlConnection,
    names: ColumnName<'_>,
) -> Option<HistogramKind> {
    for kind in [HistogramKind::MariaDb, HistogramKind::MySql] {
        let query = sqlx::query_scalar(kind.count());
        let query = query.bind(names.schema).bind(names.table).bind(names.column);
        if let Ok(1..) = query.fetch_one(&mut *connection).await.map(|count: i64| count) {
            return Some(kind);
        }
    }
    None
}

/// Runs a maintenance statement, which replies with messages, one of which may be an error.
///
/// If dropped, its connection is closed; the server may finish the statement.
async fn maintain(
    connection: &ServerConnection<MySqlDialect>,
    what: &str,
    statement: &str,
) -> Result<(), DatabaseError> {
    let messages = connection.without_time_limit(what, async |connection| {
        for setting in ["SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0"]
        {
            let _ = connection.execute(setting).await;
        }
        let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(connection).await?;
        let messages = rows.iter().map(|row| Ok((row.try_get(2)?, row.try_get(3)?)));
        messages.collect::<sqlx::Result<Vec<(String, String)>>>()
    });
    match messages.await?.into_iter().find(|(kind, _)| kind.eq_ignore_ascii_case("error")) {
        None => Ok(()),
        Some((_, error)) => Err(DatabaseError::broken(format!("{what}: {error}"))),
    }
}

/// Finds the binary log and the table's history.
async fn copies(
    connection: &mut MySqlConnection,
    names: ColumnName<'_>,
) -> sqlx::Result<Vec<Residue>> {
    let mut residues = Vec::new();
    let log: i64 =
        sqlx::query_scalar("SELECT CAST(@@log_bin AS SIGNED)").fetch_one(&mut *connection).await?;
    if log != 0 {
        residues.push(Residue::remaining(
            "the binary log contains old values: PURGE BINARY LOGS BEFORE NOW() when all replicas and \
             backups have read it; replicas have files, relay logs and backups of their own",
        ));
    }
    let ColumnName { schema, table, .. } = names;
    let kind = "SELECT CAST(TABLE_TYPE AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? \
                AND TABLE_NAME = ?";
    let kind: Option<String> =
        sqlx::query_scalar(kind).bind(schema).bind(table).fetch_optional(connection).await?;
    if kind.is_some_and(|kind| kind == "SYSTEM VERSIONED") {
        let table = format!("{}.{}", quoted(schema, '`'), quoted(table, '`'));
        residues.push(Residue::remaining(format!(
            "the table's history contains every plaintext: DELETE HISTORY FROM {table}"
        )));
    }
    Ok(residues)
}
