//! Advisories about a table in MySQL or MariaDB.

use std::collections::HashMap;
use std::path::Path;

use mesero_terminal::nearest::listed;
use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::database::disk::free_space;
use crate::database::error::DatabaseError;
use crate::database::mysql::catalog::MySqlCatalog;
use crate::database::mysql::error::translate;
use crate::database::server::address::ServerAddress;
use crate::database::server::advisories::{
    disk_space, generated_column, index, triggers, unencrypted,
};
use crate::database::server::timeouts::LOCK;
use crate::database::table::Advisory;

/// Examines the table, and everything around it that could copy or keep plaintext. It only reads:
/// dropped, it changes nothing.
pub(super) async fn examine(
    connection: &mut MySqlConnection,
    catalog: &MySqlCatalog,
    address: &ServerAddress,
) -> Result<Vec<Advisory>, DatabaseError> {
    let failed = |error: sqlx::Error| translate("examine the table", &error);
    let mut advisories = columns(catalog);
    advisories.extend(copies(connection, catalog).await.map_err(failed)?);
    let variables = ServerVariables::read(connection).await.map_err(failed)?;
    advisories.extend(statement_logs(&variables));
    advisories.extend(binary_log(&variables));
    advisories.extend(server(&variables, address));
    let folder = Some(variables.of("datadir")).filter(|it| !it.is_empty() && address.is_local());
    let free = folder.and_then(|folder| free_space(Path::new(folder)));
    advisories.extend(disk_space(
        catalog.bytes,
        free,
        "for old versions, and more in the binary log",
    ));
    Ok(advisories)
}

fn columns(catalog: &MySqlCatalog) -> Vec<Advisory> {
    let (column, into, engine) = (&catalog.table.column, &catalog.table.into, &catalog.engine);
    let mut advisories = Vec::new();
    if into.is_some() && column.base == "char" {
        advisories.push(Advisory::info(format!(
            "the column `{}` is {}: spaces at the end of a password were never stored",
            column.name, column.type_name
        )));
    }
    for stamped in catalog.columns.iter().filter(|column| column.extra.is_stamped) {
        advisories.push(Advisory::info(format!(
            "every write sets a new time in the column `{}`",
            stamped.name
        )));
    }
    for generated in &catalog.columns {
        let expression = generated.extra.expression.as_ref();
        if expression.is_some_and(|expression| expression.contains(&column.name)) {
            advisories.push(generated_column(&generated.name, &column.name));
        }
    }
    if catalog.is_versioned {
        advisories.push(Advisory::warning(
            "the table keeps old rows (WITH SYSTEM VERSIONING): every plaintext stays in its history \
             until DELETE HISTORY removes it",
        ));
    }
    if !matches!(engine.as_str(), "InnoDB" | "ROCKSDB" | "TokuDB" | "ndbcluster") {
        advisories.push(Advisory::warning(format!(
            "the engine {engine} has no transactions: each row is written by itself, and a crash of the \
             server may damage the table"
        )));
    }
    advisories
}

/// Triggers that run for each write, and indexes with the plaintext.
async fn copies(
    connection: &mut MySqlConnection,
    catalog: &MySqlCatalog,
) -> sqlx::Result<Vec<Advisory>> {
    let table = &catalog.table;
    let query = "SELECT CAST(TRIGGER_NAME AS CHAR) FROM information_schema.TRIGGERS \
        WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? AND EVENT_MANIPULATION = 'UPDATE'";
    let query = sqlx::query_scalar(query).bind(&table.schema).bind(&table.name);
    let names: Vec<String> = query.fetch_all(&mut *connection).await?;
    let mut advisories: Vec<_> = triggers(&names).into_iter().collect();
    let query = "SELECT DISTINCT CAST(INDEX_NAME AS CHAR) FROM information_schema.STATISTICS \
        WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND COLUMN_NAME = ?";
    let query = sqlx::query_scalar(query).bind(&table.schema).bind(&table.name);
    let names: Vec<String> = query.bind(&table.column.name).fetch_all(connection).await?;
    advisories.extend(names.iter().map(|name| index(name, "drop it first")));
    Ok(advisories)
}

/// Settings of the server, as this session has them.
struct ServerVariables(HashMap<String, String>);

impl ServerVariables {
    async fn read(connection: &mut MySqlConnection) -> sqlx::Result<Self> {
        let rows = sqlx::query(VARIABLES).fetch_all(&mut *connection).await?;
        let encryption = "SHOW SESSION STATUS LIKE 'Ssl_cipher'";
        let encryption = sqlx::query(encryption).fetch_all(connection).await?;
        let pairs = rows.iter().chain(&encryption).map(|row| {
            let name: String = row.try_get(0)?;
            Ok((name.to_lowercase(), row.try_get(1)?))
        });
        Ok(Self(pairs.collect::<sqlx::Result<_>>()?))
    }

    /// The value of a setting; empty if the server does not have it.
    fn of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn is_on(&self, name: &str) -> bool {
        matches!(self.of(name), "ON" | "1")
    }
}

const VARIABLES: &str = "SHOW VARIABLES WHERE Variable_name IN ('general_log', 'sql_log_off', \
    'slow_query_log', 'long_query_time', 'log_bin', 'binlog_format', 'binlog_row_image', 'read_only', \
    'super_read_only', 'wsrep_on', 'datadir', 'server_audit_logging', 'audit_log_policy')";

/// Logs that still contain the values of our statements after the settings of the session.
fn statement_logs(variables: &ServerVariables) -> Option<Advisory> {
    let mut loggers = Vec::new();
    if variables.is_on("general_log") && !variables.is_on("sql_log_off") {
        loggers.push("general_log");
    }
    // A statement of ours waits at most a second for a lock, and does nothing slow.
    let threshold = variables.of("long_query_time").parse().unwrap_or(f64::INFINITY);
    if variables.is_on("slow_query_log") && threshold <= LOCK.as_secs_f64() {
        loggers.push("slow_query_log");
    }
    if variables.is_on("server_audit_logging") {
        loggers.push("server_audit_logging");
    }
    if matches!(variables.of("audit_log_policy"), "ALL" | "QUERIES") {
        loggers.push("audit_log_policy");
    }
    (!loggers.is_empty()).then(|| {
        Advisory::warning(format!(
            "the server logs the values of our statements, and so plaintext, because of {}: turn it off \
             during the run, or run this as a user with the privilege to set sql_log_off",
            listed(loggers)
        ))
    })
}

fn binary_log(variables: &ServerVariables) -> Option<Advisory> {
    if !variables.is_on("log_bin") {
        return None;
    }
    let (format, image) = (variables.of("binlog_format"), variables.of("binlog_row_image"));
    Some(match (format, image) {
        ("ROW", "MINIMAL" | "NOBLOB") => Advisory::info(
            "every write is copied to the binary log, to replicas and to their backups; rows are logged \
             without their old values",
        ),
        ("ROW", _) => Advisory::warning(
            "the binary log and replicas receive the old value of every row (binlog_row_image is FULL); \
             SET GLOBAL binlog_row_image = MINIMAL prevents that, if no reader of the log needs it",
        ),
        _ => Advisory::warning(format!(
            "the binary log and replicas receive our statements with the plaintext in them \
             (binlog_format is {format}); ROW with binlog_row_image = MINIMAL prevents that, if no reader \
             of the log needs them"
        )),
    })
}

/// Properties of the server and of the connection to it.
fn server(variables: &ServerVariables, address: &ServerAddress) -> Vec<Advisory> {
    let mut advisories = Vec::new();
    if !matches!(variables.of("read_only"), "" | "OFF" | "0") || variables.is_on("super_read_only")
    {
        advisories
            .push(Advisory::blocker("the server is read-only, as replicas are: name the primary"));
    }
    if variables.of("ssl_cipher").is_empty() && !address.is_local() {
        advisories.push(unencrypted("sslmode=VERIFY_IDENTITY"));
    }
    if variables.is_on("wsrep_on") {
        advisories.push(Advisory::info(
            "the server is a node of a Galera cluster: all nodes receive every write",
        ));
    }
    advisories
}
