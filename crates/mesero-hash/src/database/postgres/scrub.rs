//! What can be cleaned in PostgreSQL, and what a person has to do.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::database::contract::Residue;
use crate::database::error::DatabaseError;
use crate::database::postgres::session::PgLink;
use crate::database::postgres::statements::PgStatements;
use crate::database::server::sql::quoted;

/// Replaces the statistics, which have samples of the plaintext; rewrites the table if asked to.
pub(super) async fn scrub(
    link: &mut PgLink,
    statements: &PgStatements,
    rewrite: bool,
) -> Result<Vec<Residue>, DatabaseError> {
    let table = statements.table();
    let mut residues = Vec::new();

    let analyze = format!("ANALYZE {table} ({})", quoted(statements.column(), '"'));
    residues.push(match run(link, "ANALYZE", &analyze).await {
        Ok(()) => Residue::cleaned("the planner's statistics, which had samples of the plaintext, were made anew (ANALYZE)"),
        Err(error) => Residue::remains(format!(
            "the planner's statistics (pg_stats) have samples of the plaintext: run `{analyze}` as \
             the table's owner; it failed here to {error}"
        )),
    });
    let full = format!("VACUUM FULL {table}");
    if rewrite {
        residues.push(match run(link, "rewrite the table", &full).await {
            Ok(()) => Residue::cleaned(
                "the table and its indexes were rewritten without the old versions of rows (VACUUM \
                 FULL); the old files were deleted, and not overwritten",
            ),
            Err(error) => Residue::remains(format!(
                "old versions of rows are in the table's files: run `{full}`; it failed here to {error}"
            )),
        });
    } else {
        let vacuum = format!("VACUUM {table}");
        residues.push(match run(link, "vacuum the table", &vacuum).await {
            Ok(()) => Residue::remains(format!(
                "old versions of rows were given up (VACUUM), but their bytes stay in the table's \
                 files until something is written there; `{full}` rewrites it, with the whole table \
                 locked, and so does --vacuum"
            )),
            Err(error) => Residue::remains(format!(
                "old versions of rows are in the table's files: run `{full}`, which locks the whole \
                 table; a plain VACUUM failed here to {error}"
            )),
        });
    }
    let facts = link.with("look at what remains", async |connection| facts(connection).await).await;
    residues.extend(facts.unwrap_or_else(|_| {
        vec![Residue::remains("the WAL, its archive and replicas have old values")]
    }));
    residues.push(Residue::remains(
        "backups and dumps (pg_basebackup, pg_dump, snapshots of the disk) have the plaintext: \
         delete or encrypt those that are older than now",
    ));
    residues.push(Residue::remains(
        "the logs of the server and of the application may have passwords from before: look for \
         statements with values in them",
    ));
    residues.push(Residue::deleted_files());
    Ok(residues)
}

/// Runs one statement with as much time as it needs, and with locks waited for as long as others.
async fn run(link: &mut PgLink, what: &str, statement: &str) -> Result<(), DatabaseError> {
    link.without_time_limit(what, async |connection| {
        connection.execute("SET statement_timeout = 0").await?;
        connection.execute(AssertSqlSafe(statement)).await?;
        Ok(())
    })
    .await
}

async fn facts(connection: &mut PgConnection) -> sqlx::Result<Vec<Residue>> {
    let asked = "SELECT current_setting('archive_mode') <> 'off', \
        (SELECT count(*) FROM pg_catalog.pg_replication_slots), \
        (SELECT count(*) FROM pg_catalog.pg_stat_replication), \
        (SELECT count(*) FROM pg_catalog.pg_publication)";
    let (archived, slots, replicas, publications): (bool, i64, i64, i64) =
        sqlx::query_as(asked).fetch_one(connection).await?;
    let mut residues = vec![Residue::remains(
        "the WAL has pages with old values until it is recycled: CHECKPOINT twice as a superuser, \
         and wait until pg_wal was written over",
    )];
    if archived {
        residues.push(Residue::remains(
            "the WAL is archived: delete what is older than a new base backup",
        ));
    }
    if slots + replicas > 0 {
        residues.push(Residue::remains(format!(
            "{} replicas or slots follow ({slots} slots, {replicas} connected): each has files, WAL \
             and backups of its own",
            slots.max(replicas)
        )));
    }
    if publications > 0 {
        residues.push(Residue::remains(format!(
            "{publications} publications send rows to other databases, which may keep the old ones"
        )));
    }
    Ok(residues)
}
