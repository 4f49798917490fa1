//! What a person should know of a PostgreSQL table before the first write.

use crate::database::server::disk::free_space;
use std::path::Path;

use mesero_terminal::nearest::listed;
use sqlx::postgres::PgConnection;

use crate::database::error::DatabaseError;
use crate::database::postgres::catalog::PgCatalog;
use crate::database::postgres::error::failed;
use crate::database::server::address::ServerAddress;
use crate::database::server::disk::size;
use crate::database::table::Advisory;
use crate::rows::row::ValueForm;

/// Looks at everything that is not the table itself.
///
/// # Errors
/// If the table cannot be read or written at all.
pub(super) async fn look(
    connection: &mut PgConnection,
    catalog: &PgCatalog,
    address: &ServerAddress,
) -> Result<Vec<Advisory>, DatabaseError> {
    let failed = |error: sqlx::Error| failed("look at the table", &error);
    permitted(connection, catalog).await?;
    let mut advisories = Vec::new();
    columns(catalog, &mut advisories);
    side_effects(connection, catalog, &mut advisories).await.map_err(failed)?;
    copies(connection, catalog, &mut advisories).await.map_err(failed)?;
    logs(connection, &mut advisories).await.map_err(failed)?;
    surroundings(connection, address, &mut advisories).await.map_err(failed)?;
    space(connection, catalog, address, &mut advisories).await.map_err(failed)?;
    Ok(advisories)
}

/// Better said now than after the first hashes.
async fn permitted(
    connection: &mut PgConnection,
    catalog: &PgCatalog,
) -> Result<(), DatabaseError> {
    let asked = "SELECT current_user::text, has_table_privilege($1::int8::oid, 'SELECT') OR \
                 has_any_column_privilege($1::int8::oid, 'SELECT'), \
                 (SELECT bool_and(has_column_privilege($1::int8::oid, name, 'UPDATE')) \
                  FROM unnest($2::text[]) name)";
    let written = [Some(&catalog.column), catalog.into.as_ref()];
    let written: Vec<String> = written.into_iter().flatten().map(|it| it.name.clone()).collect();
    let asking = sqlx::query_as(asked).bind(catalog.oid).bind(written);
    let answer: (String, bool, bool) =
        asking.fetch_one(connection).await.map_err(|error| failed("look at privileges", &error))?;
    let (user, read, write) = answer;
    let shown = catalog.shown();
    match (read, write) {
        (true, true) => Ok(()),
        (false, _) => Err(DatabaseError::usage(format!(
            "read {shown}: the user `{user}` may not (GRANT SELECT)"
        ))),
        (true, false) => Err(DatabaseError::usage(format!(
            "write {shown}: the user `{user}` may not (GRANT UPDATE)"
        ))),
    }
}

fn columns(catalog: &PgCatalog, advisories: &mut Vec<Advisory>) {
    let padded = |base: &str| base == "bpchar";
    let PgCatalog { column, into, .. } = catalog;
    let target = into.as_ref().unwrap_or(column);
    if padded(&target.base) {
        advisories.push(Advisory::blocker(format!(
            "the column `{}` is {}, which fills hashes up with spaces, and most programs refuse \
             such a hash: make it varchar(255) or text first",
            target.name, target.type_name
        )));
    }
    if into.is_some() && padded(&column.base) {
        advisories.push(Advisory::info(format!(
            "the column `{}` is {}: spaces at the end of a password were never kept, and are \
             hashed by nobody; programs must take them off before they verify",
            column.name, column.type_name
        )));
    }
    let is_text = column.form() == Some(ValueForm::Text);
    match catalog.server_encoding.as_str() {
        "UTF8" => {}
        "SQL_ASCII" if is_text => advisories.push(Advisory::info(
            "the database's encoding is SQL_ASCII: passwords are hashed byte for byte as they are",
        )),
        other if is_text => advisories.push(Advisory::warning(format!(
            "the database's encoding is {other}: passwords are hashed as UTF-8, which is what \
             programs with client_encoding UTF8 send"
        ))),
        _ => {}
    }
}

/// What else happens when a row is written.
async fn side_effects(
    connection: &mut PgConnection,
    catalog: &PgCatalog,
    advisories: &mut Vec<Advisory>,
) -> sqlx::Result<()> {
    let triggers = "SELECT tgname::text FROM pg_catalog.pg_trigger WHERE tgrelid = $1::int8::oid \
                    AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 16 <> 0 ORDER BY 1";
    let triggers: Vec<String> =
        sqlx::query_scalar(triggers).bind(catalog.oid).fetch_all(&mut *connection).await?;
    if !triggers.is_empty() {
        advisories.push(Advisory::warning(format!(
            "every update of a row runs {}, which may copy the old value, or hash it once more: \
             look at what it does",
            triggers_named(&triggers)
        )));
    }
    let inheriting = "SELECT count(*) FROM pg_catalog.pg_inherits WHERE inhparent = $1::int8::oid";
    let inheriting: i64 =
        sqlx::query_scalar(inheriting).bind(catalog.oid).fetch_one(connection).await?;
    if catalog.only && inheriting > 0 {
        advisories.push(Advisory::warning(format!(
            "tables inherit from it, {inheriting} in all: their rows are not looked at; run it for each"
        )));
    }
    Ok(())
}

fn triggers_named(triggers: &[String]) -> String {
    let names = listed(triggers.iter().map(String::as_str));
    if triggers.len() == 1 {
        format!("the trigger {names}")
    } else {
        format!("the triggers {names}")
    }
}

/// Where else in the database the plaintext is.
async fn copies(
    connection: &mut PgConnection,
    catalog: &PgCatalog,
    advisories: &mut Vec<Advisory>,
) -> sqlx::Result<()> {
    let column = &catalog.column.name;
    let generated = "SELECT a.attname::text FROM pg_catalog.pg_attrdef d \
        JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
        JOIN pg_catalog.pg_depend p ON p.objid = d.oid AND p.refobjid = d.adrelid \
        JOIN pg_catalog.pg_attribute s ON s.attrelid = d.adrelid AND s.attnum = p.refobjsubid \
        WHERE d.adrelid = $1::int8::oid AND a.attgenerated <> '' AND s.attname = $2 AND a.attnum <> s.attnum";
    let generated: Vec<String> = sqlx::query_scalar(generated)
        .bind(catalog.oid)
        .bind(column)
        .fetch_all(&mut *connection)
        .await?;
    for generated in generated {
        advisories.push(Advisory::info(format!(
            "the column `{generated}` is made of `{column}`, and changes with it"
        )));
    }
    let indexes = "SELECT DISTINCT c.relname::text FROM pg_catalog.pg_index i \
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
        JOIN pg_catalog.pg_depend p ON p.objid = i.indexrelid AND p.refobjid = i.indrelid \
        JOIN pg_catalog.pg_attribute s ON s.attrelid = i.indrelid AND s.attnum = p.refobjsubid \
        WHERE i.indrelid = $1::int8::oid AND s.attname = $2";
    let indexes: Vec<String> =
        sqlx::query_scalar(indexes).bind(catalog.oid).bind(column).fetch_all(connection).await?;
    for index in indexes {
        advisories.push(Advisory::warning(format!(
            "the index `{index}` has the plaintext in it as well: drop it before, or rewrite it \
             afterwards with REINDEX"
        )));
    }
    Ok(())
}

/// Whether the values of our statements are logged, after all that could be done about it.
async fn logs(connection: &mut PgConnection, advisories: &mut Vec<Advisory>) -> sqlx::Result<()> {
    let settings = "SELECT name, current_setting(name, true) FROM unnest(ARRAY[\
        'log_statement', 'log_min_duration_statement', 'log_min_duration_sample', \
        'log_transaction_sample_rate', 'log_parameter_max_length', 'pgaudit.log', \
        'pgaudit.log_parameter', 'auto_explain.log_min_duration']) name";
    let settings: Vec<(String, Option<String>)> =
        sqlx::query_as(settings).fetch_all(connection).await?;
    let of = |name: &str| {
        let found = settings.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.as_deref()).unwrap_or_default()
    };
    let set = |name: &str| !matches!(of(name), "" | "-1" | "0" | "none" | "off");
    // Zero means every statement here, and not none.
    let timed = |name: &str| !matches!(of(name), "" | "-1");
    let mut loggers = Vec::new();
    if of("log_parameter_max_length") != "0" {
        loggers.extend(matches!(of("log_statement"), "mod" | "all").then_some("log_statement"));
        loggers.extend(
            ["log_min_duration_statement", "log_min_duration_sample"]
                .into_iter()
                .filter(|it| timed(it)),
        );
        loggers.extend(["log_transaction_sample_rate"].into_iter().filter(|it| set(it)));
    }
    if set("pgaudit.log") && of("pgaudit.log_parameter") == "on" {
        loggers.push("pgaudit.log_parameter");
    }
    if timed("auto_explain.log_min_duration") {
        loggers.push("auto_explain.log_min_duration");
    }
    if !loggers.is_empty() {
        advisories.push(Advisory::warning(format!(
            "the server's log can get the values of our statements, and so plaintext, because of \
             {}: a superuser can set log_parameter_max_length = 0 for this user (ALTER ROLE … SET) \
             until it is done",
            listed(loggers)
        )));
    }
    Ok(())
}

/// Who else gets what is written, and who listens on the way.
async fn surroundings(
    connection: &mut PgConnection,
    address: &ServerAddress,
    advisories: &mut Vec<Advisory>,
) -> sqlx::Result<()> {
    let asked = "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only'), \
        coalesce((SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()), false), \
        inet_server_addr() IS NOT NULL, \
        (SELECT count(*) FROM pg_catalog.pg_replication_slots), \
        current_setting('archive_mode') <> 'off'";
    let answer: (bool, String, bool, bool, i64, bool) =
        sqlx::query_as(asked).fetch_one(connection).await?;
    let (standby, _, encrypted, over_network, slots, archived) = answer;
    if standby {
        advisories.push(Advisory::blocker(
            "the server is a standby, which takes no writes: name the primary",
        ));
    }
    if over_network && !encrypted && !address.is_local() {
        advisories.push(Advisory::warning(
            "the connection is not encrypted: plaintext passwords go over the network as they are; \
             add sslmode=verify-full to the URL",
        ));
    }
    if slots > 0 || archived {
        let archive = if archived { ", and into the archive of the WAL" } else { "" };
        advisories.push(Advisory::info(format!(
            "every write goes to {slots} replication slots{archive}: a replica that cannot keep up \
             makes the WAL grow; --max-rows-per-s spares it"
        )));
    }
    Ok(())
}

/// Every row is written anew beside its old version, and again into the WAL.
async fn space(
    connection: &mut PgConnection,
    catalog: &PgCatalog,
    address: &ServerAddress,
    advisories: &mut Vec<Advisory>,
) -> sqlx::Result<()> {
    let table = sqlx::query_scalar("SELECT pg_total_relation_size($1::int8::oid)");
    let table: i64 = table.bind(catalog.oid).fetch_one(&mut *connection).await?;
    // Only for those who may see it.
    let folder = sqlx::query_scalar(
        "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'",
    );
    let folder: Option<String> = folder.fetch_optional(connection).await?;
    let table = u64::try_from(table).unwrap_or(0);
    let needed = table.saturating_mul(2);
    let free = folder.filter(|_| address.is_local()).and_then(|it| free_space(Path::new(&it)));
    match free {
        Some(free) if free < needed => advisories.push(Advisory::warning(format!(
            "the server's disk has {} left, and rewriting all rows can take {} before it is \
             vacuumed, and as much again in the WAL",
            size(free), size(table)
        ))),
        Some(_) => {}
        None => advisories.push(Advisory::info(format!(
            "rewriting all rows can take {} of the server's disk before it is vacuumed, and as much \
             again in the WAL; how much is free cannot be seen from here",
            size(table)
        ))),
    }
    Ok(())
}
