//! Old values in PostgreSQL: what can be removed, and what the operator has to do.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::database::contract::ScrubMode;
use crate::database::error::DatabaseError;
use crate::database::postgres::session::PgDialect;
use crate::database::postgres::statements::PgStatements;
use crate::database::residue::Residue;
use crate::database::server::connection::ServerConnection;
use crate::database::server::scrub::{residue_of, residues_elsewhere};
use crate::database::server::sql::quoted;

/// Recomputes the statistics, which contain samples of the plaintext, and vacuums the table, or
/// rewrites it if `mode` says so.
///
/// If dropped, it closes the connections; the server may finish the statement that it runs.
pub(super) async fn scrub(
    statements: &PgStatements,
    connection: &mut ServerConnection<PgDialect>,
    mode: ScrubMode,
) -> Result<Vec<Residue>, DatabaseError> {
    let table = statements.0.table('"');
    let mut residues = Vec::new();

    let analyze = format!("ANALYZE {table} ({})", quoted(&statements.0.column, '"'));
    residues.push(residue_of(
        maintain(connection, "ANALYZE", &analyze).await,
        "the planner's statistics, which contained samples of the plaintext, were recomputed (ANALYZE)",
        |error| {
            format!(
                "the planner's statistics (pg_stats) contain samples of the plaintext: run `{analyze}` \
                 as the table's owner; here it failed to {error}"
            )
        },
    ));
    let full = format!("VACUUM FULL {table}");
    residues.push(match mode {
        ScrubMode::Rewrite => residue_of(
            maintain(connection, "rewrite the table", &full).await,
            "the table and its indexes were rewritten without old versions of rows (VACUUM FULL); the \
             old files were deleted, and not overwritten",
            |error| {
                format!(
                    "the table's files contain old versions of rows: run `{full}`; here it failed to \
                     {error}"
                )
            },
        ),
        ScrubMode::InPlace => {
            let vacuum = format!("VACUUM {table}");
            Residue::remaining(match maintain(connection, "vacuum the table", &vacuum).await {
                Ok(()) => format!(
                    "the space of old versions of rows was released (VACUUM), but the table's files \
                     contain their bytes until they are overwritten; `{full}` rewrites the table while \
                     it is locked, and so does --vacuum"
                ),
                Err(error) => format!(
                    "the table's files contain old versions of rows: run `{full}`, which locks the \
                     whole table; here a plain VACUUM failed to {error}"
                ),
            })
        }
    });
    let copies = connection
        .run("look for copies of old values", async |connection| copies(connection).await)
        .await;
    residues.extend(copies.unwrap_or_else(|_| {
        vec![Residue::remaining("the WAL, its archive and replicas contain old values")]
    }));
    residues.extend(residues_elsewhere("pg_basebackup, pg_dump", "them"));
    Ok(residues)
}

/// Runs one statement without a time limit for it; the limit for locks stays.
///
/// If dropped, its connection is closed; the server may finish the statement.
async fn maintain(
    connection: &ServerConnection<PgDialect>,
    what: &str,
    statement: &str,
) -> Result<(), DatabaseError> {
    let running = connection.without_time_limit(what, async |connection| {
        connection.execute("SET statement_timeout = 0").await?;
        connection.execute(AssertSqlSafe(statement)).await?;
        Ok(())
    });
    running.await
}

/// Finds archives, replicas and publications, beside the WAL itself.
async fn copies(connection: &mut PgConnection) -> sqlx::Result<Vec<Residue>> {
    let question = "SELECT current_setting('archive_mode') <> 'off', \
        (SELECT count(*) FROM pg_catalog.pg_replication_slots), \
        (SELECT count(*) FROM pg_catalog.pg_stat_replication), \
        (SELECT count(*) FROM pg_catalog.pg_publication)";
    let (archived, slots, replicas, publications): (bool, i64, i64, i64) =
        sqlx::query_as(question).fetch_one(connection).await?;
    let mut residues = vec![Residue::remaining(
        "the WAL contains pages with old values until it is recycled: run CHECKPOINT twice as a \
         superuser, and wait until the files in pg_wal are overwritten",
    )];
    if archived {
        residues.push(Residue::remaining(
            "the WAL is archived: delete what is older than a new base backup",
        ));
    }
    if slots + replicas > 0 {
        residues.push(Residue::remaining(format!(
            "there are {} replicas or slots ({slots} slots, {replicas} connected): each has files, WAL \
             and backups of its own",
            slots.max(replicas)
        )));
    }
    if publications > 0 {
        residues.push(Residue::remaining(format!(
            "{publications} publications send rows to other databases, which may keep the old ones"
        )));
    }
    Ok(residues)
}
