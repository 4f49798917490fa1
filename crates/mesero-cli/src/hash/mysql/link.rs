//! The connection to MySQL or MariaDB: made when it is needed, and made anew when it was lost.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tokio::time::timeout;

use super::failed;
use crate::hash::database::{DatabaseError, ErrorKind, Location};
use crate::hash::server::{self, Place, Scheme};

const SCHEME: Scheme = Scheme {
    names: &["mysql", "mariadb"],
    socket_example: "mysql://anna@localhost/database?socket=/run/mysqld/mysqld.sock",
    parameters: &["socket", "sslmode", "ssl-mode", "sslca", "ssl-ca", "sslcert", "sslkey"],
    password_variable: "MYSQL_PWD",
};

/// A connection that is there, or can be made.
pub(super) struct Link {
    place: Place,
    options: MySqlConnectOptions,
    read_only: bool,
    /// Not there while a statement runs: whoever drops that statement drops the connection, and the
    /// server rolls back.
    connection: Option<MySqlConnection>,
}

impl Link {
    /// Reads the URL; nothing is connected yet.
    pub(super) fn to(location: &Location) -> Result<Self, DatabaseError> {
        let place = Place::read(location, &SCHEME)?;
        let options = MySqlConnectOptions::from_url(&place.url)
            .map_err(|error| server::usage(format!("read the database's URL: {error}")))?;
        let options = options.disable_statement_logging().statement_cache_capacity(20);
        // The modes of the session are set below, all at once.
        let options = options.pipes_as_concat(false).no_engine_substitution(false);
        let options = match place.password() {
            Some(password) => options.password(&password),
            None => options,
        };
        let verified = place.parameter(&["sslmode", "ssl-mode"]).is_some_and(|mode| {
            let mode = mode.parse::<MySqlSslMode>();
            matches!(mode, Ok(MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity))
        });
        let options = match verified && place.parameter(&["sslca", "ssl-ca"]).is_none() {
            true => options.ssl_ca_from_pem(server::system_roots()),
            false => options,
        };
        Ok(Self { place, options, read_only: location.read_only, connection: None })
    }

    /// Runs `work` on the connection for the first time: what fails then is not worth trying again.
    pub(super) async fn first<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut MySqlConnection, &Place) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let connecting = self.connect().await;
        let mut connection = connecting
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
        work: impl AsyncFnOnce(&mut MySqlConnection) -> sqlx::Result<T>,
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
            Err(_) => {
                let patience = server::SILENCE.as_secs();
                let place = &self.place;
                Err(server::retryable(format!("{what}: {place} said nothing for {patience} s")))
            }
        }
    }

    /// Runs statements however long they take, on a connection of their own.
    pub(super) async fn at_leisure<T>(
        &self,
        what: &str,
        work: impl AsyncFnOnce(&mut MySqlConnection) -> sqlx::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut connection = self.connect().await?;
        let done = work(&mut connection).await.map_err(|error| failed(what, &error))?;
        let _ = timeout(server::CONNECT, connection.close()).await;
        Ok(done)
    }

    async fn connect(&self) -> Result<MySqlConnection, DatabaseError> {
        let what = format!("connect to {}", self.place);
        let connecting = async {
            let mut connection = self.options.connect().await?;
            connection.execute(AssertSqlSafe(self.settings())).await?;
            if self.read_only {
                connection.execute("SET SESSION TRANSACTION READ ONLY").await?;
            }
            Ok(connection)
        };
        let connected: sqlx::Result<MySqlConnection> =
            match timeout(server::CONNECT, connecting).await {
                Ok(connected) => connected,
                Err(_) => {
                    let patience = server::CONNECT.as_secs();
                    let text = format!("{what}: no answer within {patience} s");
                    return Err(server::retryable(text));
                }
            };
        let mut connection = connected.map_err(|error| failed(&what, &error))?;
        let patience = server::STATEMENT;
        let wished = [
            // MariaDB's name for it, in seconds, and MySQL's, in milliseconds.
            format!("SET SESSION max_statement_time = {}", patience.as_secs()),
            format!("SET SESSION max_execution_time = {}", patience.as_millis()),
            // Keeps values out of the logs of statements. Not everybody may; the notes say what
            // comes of it.
            "SET SESSION sql_log_off = 1".to_owned(),
            "SET SESSION slow_query_log = 0".to_owned(),
        ];
        for setting in wished {
            let _ = connection.execute(AssertSqlSafe(setting)).await;
        }
        Ok(connection)
    }

    /// So that nothing is cut off to fit, times are read as they are written, and the application is
    /// not kept waiting: for a row, and for a change of the table that waits for us.
    fn settings(&self) -> String {
        let lock = server::LOCK.as_secs().max(1);
        format!(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
             time_zone = '+00:00', innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}"
        )
    }

    /// Ends the session in good order: the server logs one that is only cut off.
    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = timeout(server::CONNECT, connection.close()).await;
        }
    }
}
