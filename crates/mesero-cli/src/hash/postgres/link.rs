//! The connection to PostgreSQL: made when it is needed, and made anew when it was lost.

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tokio::time::timeout;

use super::failed;
use crate::hash::database::{DatabaseError, ErrorKind, Location};
use crate::hash::server::{self, Place, Scheme};

const SCHEME: Scheme = Scheme {
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

/// A connection that is there, or can be made.
pub(super) struct Link {
    pub(super) place: Place,
    options: PgConnectOptions,
    read_only: bool,
    /// Not there while a statement runs: whoever drops that statement drops the connection, and the
    /// server rolls back.
    connection: Option<PgConnection>,
}

impl Link {
    /// Reads the URL; nothing is connected yet.
    pub(super) fn to(location: &Location) -> Result<Self, DatabaseError> {
        let place = Place::read(location, &SCHEME)?;
        let options = PgConnectOptions::from_url(&place.url);
        let options =
            options.map_err(|error| server::usage(format!("read the database's URL: {error}")))?;
        let options = options.disable_statement_logging().statement_cache_capacity(20);
        let options = match place.password() {
            Some(password) => options.password(&password),
            None => options,
        };
        let options = match place.parameter(&["application_name"]) {
            Some(_) => options,
            None => options.application_name("mesero hash"),
        };
        let verified =
            matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
        let own_roots = place.parameter(&["sslrootcert"]).is_some()
            || std::env::var_os("PGSSLROOTCERT").is_some();
        let options = match verified && !own_roots {
            true => options.ssl_root_cert_from_pem(server::system_roots()),
            false => options,
        };
        Ok(Self { place, options, read_only: location.read_only, connection: None })
    }

    /// Runs `work` on the connection for the first time: what fails then is not worth trying again.
    pub(super) async fn first<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection, &Place) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let mut connection = self
            .connect()
            .await
            .map_err(|error| DatabaseError { kind: ErrorKind::Usage, text: error.text })?;
        let done = work(&mut connection, &self.place).await;
        self.connection = Some(connection);
        if done.is_err() {
            self.close().await;
        }
        done
    }

    /// Runs statements, for `what` as an error says it. After an error there is another connection.
    pub(super) async fn with<T>(
        &mut self,
        what: &str,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        match timeout(server::SILENCE, work(&mut connection)).await {
            Ok(Ok(done)) => {
                self.connection = Some(connection);
                Ok(done)
            }
            Ok(Err(error)) => Err(failed(what, &error)),
            Err(_) => Err(server::retryable(format!(
                "{what}: {} said nothing for {} s",
                self.place,
                server::SILENCE.as_secs()
            ))),
        }
    }

    /// Runs statements however long they take, on a connection of their own.
    pub(super) async fn at_leisure<T>(
        &self,
        what: &str,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut connection = self.connect().await?;
        let done = work(&mut connection).await.map_err(|error| failed(what, &error))?;
        let _ = timeout(server::CONNECT, connection.close()).await;
        Ok(done)
    }

    async fn connect(&self) -> Result<PgConnection, DatabaseError> {
        let what = format!("connect to {}", self.place);
        let connecting = async {
            let mut connection = self.options.connect().await?;
            connection.execute(AssertSqlSafe(self.settings())).await?;
            Ok(connection)
        };
        let connected: sqlx::Result<PgConnection> = match timeout(server::CONNECT, connecting).await
        {
            Ok(connected) => connected,
            Err(_) => {
                let patience = server::CONNECT.as_secs();
                return Err(server::retryable(format!("{what}: no answer within {patience} s")));
            }
        };
        let mut connection = connected.map_err(|error| failed(&what, &error))?;
        // Not everybody may; the notes say what comes of it.
        for setting in UNLOGGED {
            let _ = connection.execute(*setting).await;
        }
        Ok(connection)
    }

    /// So that the application is not kept waiting, and keys are read as they are written.
    fn settings(&self) -> String {
        let (statement, lock) = (server::STATEMENT.as_millis(), server::LOCK.as_millis());
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

    /// Ends the session in good order.
    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = timeout(server::CONNECT, connection.close()).await;
        }
    }
}

/// What keeps the values of our statements out of the server's log; for superusers, and for whom
/// they have granted it.
const UNLOGGED: &[&str] = &[
    "SET log_parameter_max_length = 0",
    "SET log_parameter_max_length_on_error = 0",
    "SET log_statement = 'none'",
    "SET auto_explain.log_min_duration = -1",
    "SET pgaudit.log_parameter = off",
];
