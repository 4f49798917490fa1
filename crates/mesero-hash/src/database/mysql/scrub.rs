//! What can be cleaned in MySQL and MariaDB, and what a person has to do.

use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor, Row as _};

use crate::database::contract::Residue;
use crate::database::error::DatabaseError;
use crate::database::mysql::session::MySqlLink;
use crate::database::mysql::statements::MySqlStatements;
use crate::database::server::sql::quoted;

/// Replaces histograms of the column, where there are any; rebuilds the table if asked to.
pub(super) async fn scrub(
    link: &mut MySqlLink,
    statements: &MySqlStatements,
    rewrite: bool,
) -> Result<Vec<Residue>, DatabaseError> {
    let [schema, name, column] = statements.names();
    let table = format!("{}.{}", quoted(schema, '`'), quoted(name, '`'));
    let mut residues = Vec::new();

    let histograms = link.with("look for histograms", async |connection| {
        Ok(samples(connection, [schema, name, column]).await)
    });
    if let Some(statement) = histograms.await?.map(|kind| kind.renewal(&table, column)) {
        residues.push(match maintain(link, "renew the histogram", &statement).await {
            Ok(()) => Residue::cleaned(
                "the column's histogram, which had samples of the plaintext, was made anew",
            ),
            Err(error) => Residue::remains(format!(
                "the column's histogram has samples of the plaintext: run `{statement}`; it failed \
                 here to {error}"
            )),
        });
    }
    let optimize = format!("OPTIMIZE TABLE {table}");
    if rewrite {
        residues.push(match maintain(link, "rebuild the table", &optimize).await {
            Ok(()) => Residue::cleaned(
                "the table and its indexes were rebuilt without the old versions of rows (OPTIMIZE \
                 TABLE); the old file was deleted, and not overwritten",
            ),
            Err(error) => Residue::remains(format!(
                "old values are in free parts of the table's pages: run `{optimize}`; it failed here \
                 to {error}"
            )),
        });
    } else {
        residues.push(Residue::remains(format!(
            "old values are in free parts of the table's pages until something is written there; \
             `{optimize}` rebuilds it, and so does --vacuum"
        )));
    }
    residues.push(Residue::remains(
        "the undo log has old versions of rows until purge is through, and the redo log and the \
         doublewrite buffer have pages with old values until they are written over",
    ));
    let facts = link
        .with("look at what remains", async |connection| facts(connection, [schema, name]).await);
    residues.extend(facts.await?);
    residues.push(Residue::remains(
        "backups and dumps (mariabackup, mysqldump, snapshots of the disk) have the plaintext: \
         delete or encrypt those that are older than now",
    ));
    residues.push(Residue::remains(
        "the logs of the server and of the application may have passwords from before: look for \
         statements with values in the general, slow and audit logs",
    ));
    residues.push(Residue::deleted_files());
    Ok(residues)
}

/// Who keeps samples of a column's values.
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
}

/// Each of the two knows one of these tables; who may not read it has no samples to be told of.
async fn samples(connection: &mut MySqlConnection, names: [&str; 3]) -> Option<HistogramKind> {
    let tables = [
        (
            "SELECT COUNT(*) FROM mysql.column_stats WHERE db_name = ? AND table_name = ? AND \
          column_name = ?",
            HistogramKind::MariaDb,
        ),
        (
            "SELECT COUNT(*) FROM information_schema.COLUMN_STATISTICS WHERE SCHEMA_NAME = ? AND \
          TABLE_NAME = ? AND COLUMN_NAME = ?",
            HistogramKind::MySql,
        ),
    ];
    for (query, kind) in tables {
        let query = names.iter().fold(sqlx::query_scalar(query), |query, name| query.bind(*name));
        if let Ok(1..) = query.fetch_one(&mut *connection).await.map(|count: i64| count) {
            return Some(kind);
        }
    }
    None
}

/// Runs a statement that answers with messages, one of which may be an error.
async fn maintain(link: &MySqlLink, what: &str, statement: &str) -> Result<(), DatabaseError> {
    let said = link.without_time_limit(what, async |connection| {
        for setting in ["SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0"]
        {
            let _ = connection.execute(setting).await;
        }
        let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(connection).await?;
        let said = rows.iter().map(|row| Ok((row.try_get(2)?, row.try_get(3)?)));
        said.collect::<sqlx::Result<Vec<(String, String)>>>()
    });
    match said.await?.into_iter().find(|(kind, _)| kind.eq_ignore_ascii_case("error")) {
        None => Ok(()),
        Some((_, error)) => Err(DatabaseError::broken(format!("{what}: {error}"))),
    }
}

async fn facts(
    connection: &mut MySqlConnection,
    [schema, name]: [&str; 2],
) -> sqlx::Result<Vec<Residue>> {
    let mut residues = Vec::new();
    let log: i64 =
        sqlx::query_scalar("SELECT CAST(@@log_bin AS SIGNED)").fetch_one(&mut *connection).await?;
    if log != 0 {
        residues.push(Residue::remains(
            "the binary log has old values: PURGE BINARY LOGS BEFORE NOW() when all replicas and \
             backups are through with it; replicas have files, relay logs and backups of their own",
        ));
    }
    let kind = "SELECT CAST(TABLE_TYPE AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? \
                AND TABLE_NAME = ?";
    let kind: Option<String> =
        sqlx::query_scalar(kind).bind(schema).bind(name).fetch_optional(connection).await?;
    if kind.is_some_and(|kind| kind == "SYSTEM VERSIONED") {
        let table = format!("{}.{}", quoted(schema, '`'), quoted(name, '`'));
        residues.push(Residue::remains(format!(
            "the table's history has every plaintext: DELETE HISTORY FROM {table}"
        )));
    }
    Ok(residues)
}
