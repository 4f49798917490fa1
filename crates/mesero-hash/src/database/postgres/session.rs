//! The connection to PostgreSQL, and the settings of a session.

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use crate::database::error::DatabaseError;
use crate::database::location::DatabaseLocation;
use crate::database::server::address::{ServerAddress, UrlScheme, rejected_url};
use crate::database::server::roots::system_roots_pem;
use crate::database::server::timeouts::{LOCK, STATEMENT};

const SCHEME: UrlScheme = UrlScheme {
    names: &["postgres", "postgresql"],
    socket_example: "postgres:///database?user=anna&host=/run/postgresql",
    parameters: &[
        "host",
        "hostaddr",
        "port",
        "user",
        "dbname",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "application_name",
        "options",
    ],
    password_variable: "PGPASSWORD",
};

/// PostgreSQL, and the options of its sessions.
pub(crate) struct PgDialect {
    options: PgConnectOptions,
    read_only: bool,
}

/// Reads the URL and the password; connects to nothing.
///
/// # Errors
/// If the URL is invalid, or the password file cannot be read.
pub(super) fn from_location(
    location: &DatabaseLocation,
) -> Result<(PgDialect, ServerAddress), DatabaseError> {
    let address = ServerAddress::read(location, &SCHEME)?;
    let options = PgConnectOptions::from_url(&address.url).map_err(|error| rejected_url(&error))?;
    let options = options.disable_statement_logging().statement_cache_capacity(20);
    let options = match address.password() {
        Some(password) => options.password(&password),
        None => options,
    };
    let options = match address.parameter(&["application_name"]) {
        Some(_) => options,
        None => options.application_name("mesero hash"),
    };
    let verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    let own_roots = address.parameter(&["sslrootcert"]).is_some()
        || std::env::var_os("PGSSLROOTCERT").is_some();
    let options = if verified && !own_roots {
        options.ssl_root_cert_from_pem(system_roots_pem())
    } else {
        options
    };
    Ok((PgDialect { options, read_only: location.read_only }, address))
}

impl PgDialect {
    /// Opens a session; if dropped, closes the socket.
    pub(super) async fn open(&self) -> sqlx::Result<PgConnection> {
        let mut connection = self.options.connect().await?;
        connection.execute(AssertSqlSafe(self.settings())).await?;
        Ok(connection)
    }

    /// Settings under which the application is not delayed, and keys are read as they are written.
    fn settings(&self) -> String {
        let (statement, lock) = (STATEMENT.as_millis(), LOCK.as_millis());
        let read_only = self.read_only;
        format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {statement}; \
             SET default_transaction_read_only = {read_only}; SET row_security = off; \
             SET client_min_messages = error; SET bytea_output = hex; SET DateStyle = 'ISO'; \
             SET IntervalStyle = postgres; SET TimeZone = 'UTC'; SET enable_hashjoin = off; \
             SET enable_mergejoin = off"
        )
    }
}

/// Keeps values out of the server's log, as far as the user may change the settings: superusers may,
/// and roles with a grant.
pub(super) async fn try_settings(connection: &mut PgConnection) {
    const UNLOGGED: [&str; 5] = [
        "SET log_parameter_max_length = 0",
        "SET log_parameter_max_length_on_error = 0",
        "SET log_statement = 'none'",
        "SET auto_explain.log_min_duration = -1",
        "SET pgaudit.log_parameter = off",
    ];
    for setting in UNLOGGED {
        let _ = connection.execute(setting).await;
    }
}
