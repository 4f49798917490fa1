//! What a person should know of a table in MySQL or MariaDB before the first write.

use crate::database::server::disk::free_space;
use crate::database::server::timeouts::LOCK;
use std::collections::HashMap;
use std::path::Path;

use mesero_terminal::nearest::listed;
use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::database::error::DatabaseError;
use crate::database::mysql::catalog::MySqlCatalog;
use crate::database::mysql::error::failed;
use crate::database::server::address::ServerAddress;
use crate::database::server::disk::size;
use crate::database::table::Advisory;

/// Looks at everything that is not the table itself.
pub(super) async fn look(
    connection: &mut MySqlConnection,
    catalog: &MySqlCatalog,
    address: &ServerAddress,
) -> Result<Vec<Advisory>, DatabaseError> {
    let failed = |error: sqlx::Error| failed("look at the table", &error);
    let mut advisories = Vec::new();
    columns(catalog, &mut advisories);
    copies(connection, catalog, &mut advisories).await.map_err(failed)?;
    let variables = ServerVariables::read(connection).await.map_err(failed)?;
    logs(&variables, &mut advisories);
    surroundings(&variables, address, &mut advisories);
    space(&variables, (catalog, address), &mut advisories);
    Ok(advisories)
}

fn columns(catalog: &MySqlCatalog, advisories: &mut Vec<Advisory>) {
    let MySqlCatalog { column, into, engine, .. } = catalog;
    if into.is_some() && column.base == "char" {
        advisories.push(Advisory::info(format!(
            "the column `{}` is {}: spaces at the end of a password were never kept",
            column.name, column.type_name
        )));
    }
    for stamped in catalog.columns.iter().filter(|it| it.stamped) {
        advisories.push(Advisory::info(format!(
            "the column `{}` gets a new time by every write",
            stamped.name
        )));
    }
    for made in &catalog.columns {
        if made.made_of.as_ref().is_some_and(|it| it.contains(&column.name)) {
            advisories.push(Advisory::info(format!(
                "the column `{}` is made of `{}`, and changes with it",
                made.name, column.name
            )));
        }
    }
    if catalog.versioned {
        advisories.push(Advisory::warning(
            "the table keeps old rows (WITH SYSTEM VERSIONING): every plaintext stays in its \
             history until DELETE HISTORY removes it",
        ));
    }
    if !matches!(engine.as_str(), "InnoDB" | "ROCKSDB" | "TokuDB" | "ndbcluster") {
        advisories.push(Advisory::warning(format!(
            "the engine {engine} has no transactions: each row is written by itself, and a server \
             that crashes may damage the table"
        )));
    }
}

/// What runs when a row is written, and where else the plaintext is.
async fn copies(
    connection: &mut MySqlConnection,
    catalog: &MySqlCatalog,
    advisories: &mut Vec<Advisory>,
) -> sqlx::Result<()> {
    let MySqlCatalog { schema, name, column, .. } = catalog;
    let triggers = "SELECT CAST(TRIGGER_NAME AS CHAR) FROM information_schema.TRIGGERS \
        WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? AND EVENT_MANIPULATION = 'UPDATE'";
    let triggers = sqlx::query_scalar(triggers).bind(schema).bind(name);
    let triggers: Vec<String> = triggers.fetch_all(&mut *connection).await?;
    if !triggers.is_empty() {
        let names = listed(triggers.iter().map(String::as_str));
        advisories.push(Advisory::warning(format!(
            "every update of a row runs the trigger {names}, which may copy the old value, or hash \
             it once more: look at what it does"
        )));
    }
    let indexes = "SELECT DISTINCT CAST(INDEX_NAME AS CHAR) FROM information_schema.STATISTICS \
        WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND COLUMN_NAME = ?";
    let indexes = sqlx::query_scalar(indexes).bind(schema).bind(name).bind(&column.name);
    let indexes: Vec<String> = indexes.fetch_all(connection).await?;
    for index in indexes {
        advisories.push(Advisory::warning(format!(
            "the index `{index}` has the plaintext in it as well: drop it before"
        )));
    }
    Ok(())
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

/// Whether the values of our statements are logged, after all that could be done about it.
fn logs(variables: &ServerVariables, advisories: &mut Vec<Advisory>) {
    let mut loggers = Vec::new();
    if variables.is_on("general_log") && !variables.is_on("sql_log_off") {
        loggers.push("general_log");
    }
    // A statement of ours waits a second for a lock, at most, and does nothing that takes long.
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
    if !loggers.is_empty() {
        advisories.push(Advisory::warning(format!(
            "the server's log gets the values of our statements, and so plaintext, because of {}: \
             turn it off until it is done, or run this as a user who may set sql_log_off",
            listed(loggers)
        )));
    }
    if variables.is_on("log_bin") {
        let (format, image) = (variables.of("binlog_format"), variables.of("binlog_row_image"));
        match (format, image) {
            ("ROW", "MINIMAL" | "NOBLOB") => advisories.push(Advisory::info(
                "every write goes into the binary log, to replicas and into backups of it; rows are \
                 logged without their old values",
            )),
            ("ROW", _) => advisories.push(Advisory::warning(
                "the binary log gets the old value of every row (binlog_row_image is FULL), and so \
                 do replicas; SET GLOBAL binlog_row_image = MINIMAL keeps it out, if everything \
                 that reads the log can do without",
            )),
            _ => advisories.push(Advisory::warning(format!(
                "the binary log gets our statements with the plaintext in them (binlog_format is \
                 {format}), and so do replicas; ROW with binlog_row_image = MINIMAL keeps it out, \
                 if everything that reads the log can do without"
            ))),
        }
    }
}

/// Whether it can be written, and who listens on the way.
fn surroundings(
    variables: &ServerVariables,
    address: &ServerAddress,
    advisories: &mut Vec<Advisory>,
) {
    if !matches!(variables.of("read_only"), "" | "OFF" | "0") || variables.is_on("super_read_only")
    {
        advisories.push(Advisory::blocker(
            "the server is read-only, as replicas are: name the one that takes writes",
        ));
    }
    if variables.of("ssl_cipher").is_empty() && !address.is_local() {
        advisories.push(Advisory::warning(
            "the connection is not encrypted: plaintext passwords go over the network as they are; \
             add sslmode=VERIFY_IDENTITY to the URL",
        ));
    }
    if variables.is_on("wsrep_on") {
        advisories.push(Advisory::info(
            "the server is a node of a Galera cluster: all nodes get every write",
        ));
    }
}

/// Every row's old version is kept until nobody needs it, and written to the logs of changes.
fn space(
    variables: &ServerVariables,
    (catalog, address): (&MySqlCatalog, &ServerAddress),
    advisories: &mut Vec<Advisory>,
) {
    let table = catalog.bytes;
    let folder = Some(variables.of("datadir")).filter(|it| !it.is_empty() && address.is_local());
    match folder.and_then(|folder| free_space(Path::new(folder))) {
        Some(free) if free < table.saturating_mul(2) => advisories.push(Advisory::warning(format!(
            "the server's disk has {} left, and rewriting all rows can take {} for old versions, and \
             more in the binary log",
            size(free),
            size(table)
        ))),
        Some(_) => {}
        None => advisories.push(Advisory::info(format!(
            "rewriting all rows can take {} of the server's disk for old versions, and more in the \
             binary log; how much is free cannot be seen from here",
            size(table)
        ))),
    }
}
