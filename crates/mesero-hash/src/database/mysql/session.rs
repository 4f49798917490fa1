//! The connection to MySQL or MariaDB, and the settings of a session.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use crate::database::error::DatabaseError;
use crate::database::location::DatabaseLocation;
use crate::database::server::address::{ServerAddress, UrlScheme, rejected_url};
use crate::database::server::roots::system_roots_pem;
use crate::database::server::timeouts::{LOCK, STATEMENT};

const SCHEME: UrlScheme = UrlScheme {
    names: &["mysql", "mariadb"],
    socket_example: "mysql://anna@localhost/database?socket=/run/mysqld/mysqld.sock",
    parameters: &["socket", "sslmode", "ssl-mode", "sslca", "ssl-ca", "sslcert", "sslkey"],
    password_variable: "MYSQL_PWD",
};

/// MySQL or MariaDB, and the options of its sessions.
pub(crate) struct MySqlDialect {
    options: MySqlConnectOptions,
    read_only: bool,
}

/// Reads the URL and the password; connects to nothing.
///
/// # Errors
/// If the URL is invalid, or the password file cannot be read.
pub(super) fn from_location(
    location: &DatabaseLocation,
) -> Result<(MySqlDialect, ServerAddress), DatabaseError> {
    let address = ServerAddress::read(location, &SCHEME)?;
    let options =
        MySqlConnectOptions::from_url(&address.url).map_err(|error| rejected_url(&error))?;
    let options = options.disable_statement_logging().statement_cache_capacity(20);
    // The function `settings` sets the modes of the session, all at once.
    let options = options.pipes_as_concat(false).no_engine_substitution(false);
    let options = match address.password() {
        Some(password) => options.password(&password),
        None => options,
    };
    let verified = address.parameter(&["sslmode", "ssl-mode"]).is_some_and(|mode| {
        let mode = mode.parse::<MySqlSslMode>();
        matches!(mode, Ok(MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity))
    });
    let options = if verified && address.parameter(&["sslca", "ssl-ca"]).is_none() {
        options.ssl_ca_from_pem(system_roots_pem())
    } else {
        options
    };
    Ok((MySqlDialect { options, read_only: location.read_only }, address))
}

impl MySqlDialect {
    /// Opens a session; if dropped, closes the socket.
    pub(super) async fn open(&self) -> sqlx::Result<MySqlConnection> {
        let mut connection = self.options.connect().await?;
        connection.execute(AssertSqlSafe(settings())).await?;
        if self.read_only {
            connection.execute("SET SESSION TRANSACTION READ ONLY").await?;
        }
        Ok(connection)
    }
}

/// Settings under which nothing is truncated to fit and times are read as they are written, and the
/// application is not delayed: neither by a lock of a row, nor by a waiting `ALTER TABLE`.
fn settings() -> String {
    let lock = LOCK.as_secs().max(1);
    format!(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
         time_zone = '+00:00', innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}"
    )
}

/// Limits the run time of statements, and keeps values out of the statement logs, as far as the server
/// knows the settings and the user may change them.
pub(super) async fn try_settings(connection: &mut MySqlConnection) {
    let settings = [
        // Two names of one limit: MariaDB's, in seconds, and MySQL's, in milliseconds.
        format!("SET SESSION max_statement_time = {}", STATEMENT.as_secs()),
        format!("SET SESSION max_execution_time = {}", STATEMENT.as_millis()),
        "SET SESSION sql_log_off = 1".to_owned(),
        "SET SESSION slow_query_log = 0".to_owned(),
    ];
    for setting in settings {
        let _ = connection.execute(AssertSqlSafe(setting)).await;
    }
}
