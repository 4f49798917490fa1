//! Advisories about a table in PostgreSQL.

use std::path::Path;

use mesero_terminal::nearest::listed;
use sqlx::postgres::PgConnection;

use crate::database::disk::free_space;
use crate::database::error::DatabaseError;
use crate::database::postgres::catalog::PgCatalog;
use crate::database::postgres::error::translate;
use crate::database::server::address::ServerAddress;
use crate::database::server::advisories::{
    disk_space, generated_column, index, triggers, unencrypted,
};
use crate::database::table::Advisory;
use crate::rows::row::ValueForm;

/// Examines the table, and everything around it that could copy or keep plaintext. It only reads:
/// dropped, it changes nothing.
///
/// # Errors
/// If the user may not read or write the table.
pub(super) async fn examine(
    connection: &mut PgConnection,
    catalog: &PgCatalog,
    address: &ServerAddress,
) -> Result<Vec<Advisory>, DatabaseError> {
    let failed = |error: sqlx::Error| translate("examine the table", &error);
    check_privileges(connection, catalog).await?;
    let mut advisories = columns(catalog);
    advisories.extend(side_effects(connection, catalog).await.map_err(failed)?);
    advisories.extend(copies(connection, catalog).await.map_err(failed)?);
    advisories.extend(statement_logs(connection).await.map_err(failed)?);
    advisories.extend(server(connection, address).await.map_err(failed)?);
    advisories.extend(space(connection, catalog, address).await.map_err(failed)?);
    Ok(advisories)
}

/// Checks the user's privileges, before the first hash instead of after it.
async fn check_privileges(
    connection: &mut PgConnection,
    catalog: &PgCatalog,
) -> Result<(), DatabaseError> {
    let question = "SELECT current_user::text, has_table_privilege($1::int8::oid, 'SELECT') OR \
                    has_any_column_privilege($1::int8::oid, 'SELECT'), \
                    (SELECT bool_and(has_column_privilege($1::int8::oid, name, 'UPDATE')) \
                     FROM unnest($2::text[]) name)";
    let written = [Some(&catalog.table.column), catalog.table.into.as_ref()];
    let written: Vec<String> = written.into_iter().flatten().map(|it| it.name.clone()).collect();
    let asking = sqlx::query_as(question).bind(catalog.oid).bind(written);
    let answer: (String, bool, bool) = asking
        .fetch_one(connection)
        .await
        .map_err(|error| translate("examine the privileges", &error))?;
    let (user, may_read, may_write) = answer;
    let shown = catalog.display_name();
    if !may_read {
        return Err(DatabaseError::usage(format!(
            "read {shown}: the user `{user}` may not (GRANT SELECT)"
        )));
    }
    if !may_write {
        return Err(DatabaseError::usage(format!(
            "write {shown}: the user `{user}` may not (GRANT UPDATE)"
        )));
    }
    Ok(())
}

fn columns(catalog: &PgCatalog) -> Vec<Advisory> {
    let is_padded = |base: &str| base == "bpchar";
    let (column, into, target) =
        (&catalog.table.column, &catalog.table.into, catalog.table.target());
    let mut advisories = Vec::new();
    if is_padded(&target.base) {
        advisories.push(Advisory::blocker(format!(
            "the column `{}` is {}, which pads hashes with spaces, and most programs reject such a \
             hash: change it to varchar(255) or text first",
            target.name, target.type_name
        )));
    }
    if into.is_some() && is_padded(&column.base) {
        advisories.push(Advisory::info(format!(
            "the column `{}` is {}: spaces at the end of a password were never stored, and are not \
             hashed; programs must remove them before they verify a password",
            column.name, column.type_name
        )));
    }
    let is_text = column.form == Some(ValueForm::Text);
    match catalog.server_encoding.as_str() {
        "UTF8" => {}
        "SQL_ASCII" if is_text => advisories.push(Advisory::info(
            "the database's encoding is SQL_ASCII: the bytes of passwords are hashed unchanged",
        )),
        other if is_text => advisories.push(Advisory::warning(format!(
            "the database's encoding is {other}: passwords are hashed as UTF-8, the encoding that \
             programs with client_encoding UTF8 send"
        ))),
        _ => {}
    }
    advisories
}

/// Triggers that run for each write, and tables that a run leaves out.
async fn side_effects(
    connection: &mut PgConnection,
    catalog: &PgCatalog,
) -> sqlx::Result<Vec<Advisory>> {
    let query = "SELECT tgname::text FROM pg_catalog.pg_trigger WHERE tgrelid = $1::int8::oid \
                 AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 16 <> 0 ORDER BY 1";
    let names: Vec<String> =
        sqlx::query_scalar(query).bind(catalog.oid).fetch_all(&mut *connection).await?;
    let mut advisories: Vec<_> = triggers(&names).into_iter().collect();
    let query = "SELECT count(*) FROM pg_catalog.pg_inherits WHERE inhparent = $1::int8::oid";
    let inheriting: i64 = sqlx::query_scalar(query).bind(catalog.oid).fetch_one(connection).await?;
    if catalog.only && inheriting > 0 {
        advisories.push(Advisory::warning(format!(
            "tables inherit from it, {inheriting} in all: their rows are not included; run the command \
             for each"
        )));
    }
    Ok(advisories)
}

/// Generated columns and indexes with the plaintext.
async fn copies(connection: &mut PgConnection, catalog: &PgCatalog) -> sqlx::Result<Vec<Advisory>> {
    let column = &catalog.table.column.name;
    let query = "SELECT a.attname::text FROM pg_catalog.pg_attrdef d \
        JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
        JOIN pg_catalog.pg_depend p ON p.objid = d.oid AND p.refobjid = d.adrelid \
        JOIN pg_catalog.pg_attribute s ON s.attrelid = d.adrelid AND s.attnum = p.refobjsubid \
        WHERE d.adrelid = $1::int8::oid AND a.attgenerated <> '' AND s.attname = $2 AND a.attnum <> s.attnum";
    let query = sqlx::query_scalar(query).bind(catalog.oid).bind(column);
    let names: Vec<String> = query.fetch_all(&mut *connection).await?;
    let mut advisories: Vec<_> = names.iter().map(|name| generated_column(name, column)).collect();
    let query = "SELECT DISTINCT c.relname::text FROM pg_catalog.pg_index i \
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
        JOIN pg_catalog.pg_depend p ON p.objid = i.indexrelid AND p.refobjid = i.indrelid \
        JOIN pg_catalog.pg_attribute s ON s.attrelid = i.indrelid AND s.attnum = p.refobjsubid \
        WHERE i.indrelid = $1::int8::oid AND s.attname = $2";
    let query = sqlx::query_scalar(query).bind(catalog.oid).bind(column);
    let names: Vec<String> = query.fetch_all(connection).await?;
    let remedy = "drop it first, or rewrite it afterwards with REINDEX";
    advisories.extend(names.iter().map(|name| index(name, remedy)));
    Ok(advisories)
}

/// Logs that still contain the values of our statements after the settings of the session.
async fn statement_logs(connection: &mut PgConnection) -> sqlx::Result<Option<Advisory>> {
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
    let is_set = |name: &str| !matches!(of(name), "" | "-1" | "0" | "none" | "off");
    // A duration of 0 means every statement here, not none.
    let is_timed = |name: &str| !matches!(of(name), "" | "-1");
    let mut loggers = Vec::new();
    if of("log_parameter_max_length") != "0" {
        if matches!(of("log_statement"), "mod" | "all") {
            loggers.push("log_statement");
        }
        for name in ["log_min_duration_statement", "log_min_duration_sample"] {
            if is_timed(name) {
                loggers.push(name);
            }
        }
        if is_set("log_transaction_sample_rate") {
            loggers.push("log_transaction_sample_rate");
        }
    }
    if is_set("pgaudit.log") && of("pgaudit.log_parameter") == "on" {
        loggers.push("pgaudit.log_parameter");
    }
    if is_timed("auto_explain.log_min_duration") {
        loggers.push("auto_explain.log_min_duration");
    }
    Ok((!loggers.is_empty()).then(|| {
        Advisory::warning(format!(
            "the server can log the values of our statements, and so plaintext, because of {}: a \
             superuser can set log_parameter_max_length = 0 for this user (ALTER ROLE … SET) during the \
             run",
            listed(loggers)
        ))
    }))
}

/// Properties of the server and of the connection to it.
async fn server(
    connection: &mut PgConnection,
    address: &ServerAddress,
) -> sqlx::Result<Vec<Advisory>> {
    let question = "SELECT pg_is_in_recovery(), \
        coalesce((SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()), false), \
        inet_server_addr() IS NOT NULL, \
        (SELECT count(*) FROM pg_catalog.pg_replication_slots), \
        current_setting('archive_mode') <> 'off'";
    let (standby, encrypted, over_network, slots, archived): (bool, bool, bool, i64, bool) =
        sqlx::query_as(question).fetch_one(connection).await?;
    let mut advisories = Vec::new();
    if standby {
        advisories.push(Advisory::blocker(
            "the server is a standby, which rejects writes: name the primary",
        ));
    }
    if over_network && !encrypted && !address.is_local() {
        advisories.push(unencrypted("sslmode=verify-full"));
    }
    if slots > 0 || archived {
        let archive = if archived { ", and to the archive of the WAL" } else { "" };
        advisories.push(Advisory::info(format!(
            "every write is copied to {slots} replication slots{archive}: a slow replica makes the WAL \
             grow; --max-rows-per-s limits that"
        )));
    }
    Ok(advisories)
}

/// Disk space: a rewritten row is stored beside its old version, and in the WAL.
async fn space(
    connection: &mut PgConnection,
    catalog: &PgCatalog,
    address: &ServerAddress,
) -> sqlx::Result<Option<Advisory>> {
    let table = sqlx::query_scalar("SELECT pg_total_relation_size($1::int8::oid)");
    let table: i64 = table.bind(catalog.oid).fetch_one(&mut *connection).await?;
    // No row for a user without the privilege to see the setting.
    let folder = sqlx::query_scalar(
        "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'",
    );
    let folder: Option<String> = folder.fetch_optional(connection).await?;
    let folder = folder.filter(|_| address.is_local());
    Ok(disk_space(
        u64::try_from(table).unwrap_or(0),
        folder.and_then(|folder| free_space(Path::new(&folder))),
        "before it is vacuumed, and as much again in the WAL",
    ))
}
