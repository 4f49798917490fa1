//! The connection to a database server: opened when it is needed, and again after an error.

use sqlx::Connection;
use tokio::time::timeout;

use crate::database::error::DatabaseError;
use crate::database::server::address::ServerAddress;
use crate::database::server::session::SessionDialect;
use crate::database::server::timeouts::{CONNECT, REPLY};

/// A connection that is open, or can be opened.
pub(crate) struct ServerConnection<D: SessionDialect> {
    dialect: D,
    address: ServerAddress,
    /// Absent while a statement runs: dropping the statement's future drops the connection with it,
    /// and the server rolls back an open transaction.
    connection: Option<D::Connection>,
}

impl<D: SessionDialect> ServerConnection<D> {
    /// A connection to `address`, not yet open.
    pub(crate) fn new(dialect: D, address: ServerAddress) -> Self {
        Self { dialect, address, connection: None }
    }

    /// Connects for the first time and runs `work`; errors of the connection are not retryable here.
    ///
    /// If dropped, it closes the connection.
    pub(crate) async fn connect_and_run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut D::Connection, &ServerAddress) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let connecting = self.connect().await;
        let mut connection = connecting.map_err(|error| DatabaseError::usage(error.text))?;
        let done = work(&mut connection, &self.address).await;
        self.connection = Some(connection);
        if done.is_err() {
            self.close().await;
        }
        done
    }

    /// Runs statements; `what` names them in an error.
    ///
    /// After an error, and if this future is dropped, the connection is closed: the server rolls back an
    /// open transaction, and may finish a single statement. The next call opens a new connection.
    pub(crate) async fn run<T>(
        &mut self,
        what: &str,
        work: impl AsyncFnOnce(&mut D::Connection) -> sqlx::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        match timeout(REPLY, work(&mut connection)).await {
            Ok(Ok(done)) => {
                self.connection = Some(connection);
                Ok(done)
            }
            Ok(Err(error)) => Err(D::error(what, &error)),
            Err(_) => {
                let (address, seconds) = (&self.address, REPLY.as_secs());
                Err(DatabaseError::retryable(format!(
                    "{what}: no reply from {address} within {seconds} s"
                )))
            }
        }
    }

    /// Runs statements without a time limit, on another connection, which is closed at the end.
    ///
    /// If dropped, it closes that connection; the server may finish the statement that it runs.
    pub(crate) async fn without_time_limit<T>(
        &self,
        what: &str,
        work: impl AsyncFnOnce(&mut D::Connection) -> sqlx::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut connection = self.connect().await?;
        let done = work(&mut connection).await.map_err(|error| D::error(what, &error))?;
        let _ = timeout(CONNECT, connection.close()).await;
        Ok(done)
    }

    async fn connect(&self) -> Result<D::Connection, DatabaseError> {
        let what = format!("connect to {}", self.address);
        let Ok(connected) = timeout(CONNECT, self.dialect.connect()).await else {
            let seconds = CONNECT.as_secs();
            return Err(DatabaseError::retryable(format!("{what}: no answer within {seconds} s")));
        };
        let mut connection = connected.map_err(|error| D::error(&what, &error))?;
        self.dialect.try_settings(&mut connection).await;
        Ok(connection)
    }

    /// Ends the session in order: a server may log a session that is cut off.
    ///
    /// If dropped, the connection is cut off.
    pub(crate) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = timeout(CONNECT, connection.close()).await;
        }
    }
}
