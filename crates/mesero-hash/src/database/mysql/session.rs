//! How MySQL and MariaDB are connected to, and the settings of a session.

use crate::database::server::address::rejected_url;
use crate::database::server::connection::ServerConnection;
use crate::database::server::roots::system_roots_pem;
use crate::database::server::timeouts::LOCK;
use crate::database::server::timeouts::STATEMENT;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use crate::database::error::DatabaseError;
use crate::database::location::DatabaseLocation;
use crate::database::mysql::error;
use crate::database::server::address::{ServerAddress, UrlScheme};
use crate::database::server::connection::Dialect;

const SCHEME: UrlScheme = UrlScheme {
    names: &["mysql", "mariadb"],
    socket_example: "mysql://anna@localhost/database?socket=/run/mysqld/mysqld.sock",
    parameters: &["socket", "sslmode", "ssl-mode", "sslca", "ssl-ca", "sslcert", "sslkey"],
    password_variable: "MYSQL_PWD",
};

pub(super) type MySqlLink = ServerConnection<MySqlDialect>;

/// What a session is opened with.
pub(super) struct MySqlDialect {
    options: MySqlConnectOptions,
    read_only: bool,
}

/// Reads the URL; nothing is connected yet.
///
/// # Errors
/// If the URL or the password file cannot be read.
pub(super) fn to(location: &DatabaseLocation) -> Result<MySqlLink, DatabaseError> {
    let address = ServerAddress::read(location, &SCHEME)?;
    let options =
        MySqlConnectOptions::from_url(&address.url).map_err(|error| rejected_url(&error))?;
    let options = options.disable_statement_logging().statement_cache_capacity(20);
    // The modes of the session are set in `Session::settings`, all at once.
    let options = options.pipes_as_concat(false).no_engine_substitution(false);
    let options = match address.password() {
        Some(password) => options.password(&password),
        None => options,
    };
    let verified = address.parameter(&["sslmode", "ssl-mode"]).is_some_and(|mode| {
        let mode = mode.parse::<MySqlSslMode>();
        matches!(mode, Ok(MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity))
    });
    let options = match verified && address.parameter(&["sslca", "ssl-ca"]).is_none() {
        true => options.ssl_ca_from_pem(system_roots_pem()),
        false => options,
    };
    Ok(ServerConnection::new(MySqlDialect { options, read_only: location.read_only }, address))
}

impl MySqlDialect {
    /// Nothing is truncated to fit, times are read as they are written, and the application is not
    /// kept waiting: neither for a row, nor by a change of the table that waits for us.
    fn settings(&self) -> String {
        let lock = LOCK.as_secs().max(1);
        format!(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
             time_zone = '+00:00', innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}"
        )
    }
}

impl Dialect for MySqlDialect {
    type Connection = MySqlConnection;

    async fn connect(&self) -> sqlx::Result<MySqlConnection> {
        let mut connection = self.options.connect().await?;
        connection.execute(AssertSqlSafe(self.settings())).await?;
        if self.read_only {
            connection.execute("SET SESSION TRANSACTION READ ONLY").await?;
        }
        Ok(connection)
    }

    async fn try_settings(&self, connection: &mut MySqlConnection) {
        let patience = STATEMENT;
        let settings = [
            // The limit for a statement: MariaDB's, in seconds, and MySQL's, in milliseconds.
            format!("SET SESSION max_statement_time = {}", patience.as_secs()),
            format!("SET SESSION max_execution_time = {}", patience.as_millis()),
            // These keep values out of the statement logs.
            "SET SESSION sql_log_off = 1".to_owned(),
            "SET SESSION slow_query_log = 0".to_owned(),
        ];
        for setting in settings {
            let _ = connection.execute(AssertSqlSafe(setting)).await;
        }
    }

    fn failed(what: &str, error: &sqlx::Error) -> DatabaseError {
        error::failed(what, error)
    }
}
