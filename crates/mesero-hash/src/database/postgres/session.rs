//! How PostgreSQL is connected to, and the settings of a session.

use crate::database::server::address::rejected_url;
use crate::database::server::connection::ServerConnection;
use crate::database::server::roots::system_roots_pem;
use crate::database::server::timeouts::LOCK;
use crate::database::server::timeouts::STATEMENT;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use crate::database::error::DatabaseError;
use crate::database::location::DatabaseLocation;
use crate::database::postgres::error;
use crate::database::server::address::{ServerAddress, UrlScheme};
use crate::database::server::connection::Dialect;

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

pub(super) type PgLink = ServerConnection<PgDialect>;

/// What a session is opened with.
pub(super) struct PgDialect {
    options: PgConnectOptions,
    read_only: bool,
}

/// Reads the URL; nothing is connected yet.
///
/// # Errors
/// If the URL or the password file cannot be read.
pub(super) fn to(location: &DatabaseLocation) -> Result<PgLink, DatabaseError> {
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
    let options = match verified && !own_roots {
        true => options.ssl_root_cert_from_pem(system_roots_pem()),
        false => options,
    };
    Ok(ServerConnection::new(PgDialect { options, read_only: location.read_only }, address))
}

impl PgDialect {
    /// The application is not kept waiting, and keys are read as they are written.
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

impl Dialect for PgDialect {
    type Connection = PgConnection;

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let mut connection = self.options.connect().await?;
        connection.execute(AssertSqlSafe(self.settings())).await?;
        Ok(connection)
    }

    async fn try_settings(&self, connection: &mut PgConnection) {
        for setting in UNLOGGED {
            let _ = connection.execute(*setting).await;
        }
    }

    fn failed(what: &str, error: &sqlx::Error) -> DatabaseError {
        error::failed(what, error)
    }
}

/// These keep the values of our statements out of the server's log. Superusers may set them, and
/// roles that were granted the right to.
const UNLOGGED: &[&str] = &[
    "SET log_parameter_max_length = 0",
    "SET log_parameter_max_length_on_error = 0",
    "SET log_statement = 'none'",
    "SET auto_explain.log_min_duration = -1",
    "SET pgaudit.log_parameter = off",
];
