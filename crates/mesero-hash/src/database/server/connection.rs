//! The connection to a database server: made when it is needed, and made anew when it was lost.

use sqlx::Connection;
use tokio::time::timeout;

use crate::database::error::{DatabaseError, ErrorKind};
use crate::database::server::address::ServerAddress;
use crate::database::server::timeouts::{CONNECT, SILENCE};

/// How one kind of server is connected to, and what its errors mean.
pub(crate) trait Dialect {
    type Connection: Connection;

    /// Opens a session with every setting that the statements rely on.
    async fn connect(&self) -> sqlx::Result<Self::Connection>;

    /// Asks for settings that not every server has and not every user may change. One that is
    /// refused is left as it is: the notes before the first write say what follows from that.
    async fn try_settings(&self, connection: &mut Self::Connection);

    /// The error of `what`, which reads on after "failed to", without any value of a row.
    fn failed(what: &str, error: &sqlx::Error) -> DatabaseError;
}

/// A connection that is open, or can be opened.
pub(crate) struct ServerConnection<D: Dialect> {
    dialect: D,
    place: ServerAddress,
    /// Absent while a statement runs: whoever drops that statement drops the connection with it, and
    /// the server rolls back.
    connection: Option<D::Connection>,
}

impl<D: Dialect> ServerConnection<D> {
    /// A link to `place`; nothing is connected yet.
    pub(crate) fn new(dialect: D, place: ServerAddress) -> Self {
        Self { dialect, place, connection: None }
    }

    /// Runs `work` on the connection for the first time: an error then is not worth a retry.
    pub(crate) async fn first<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut D::Connection, &ServerAddress) -> Result<T, DatabaseError>,
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

    /// Runs statements; `what` names them in an error. After an error the next call opens a new
    /// connection.
    pub(crate) async fn with<T>(
        &mut self,
        what: &str,
        work: impl AsyncFnOnce(&mut D::Connection) -> sqlx::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        match timeout(SILENCE, work(&mut connection)).await {
            Ok(Ok(done)) => {
                self.connection = Some(connection);
                Ok(done)
            }
            Ok(Err(error)) => Err(D::failed(what, &error)),
            Err(_) => {
                let (place, patience) = (&self.place, SILENCE.as_secs());
                Err(DatabaseError::retryable(format!(
                    "{what}: {place} said nothing for {patience} s"
                )))
            }
        }
    }

    /// Runs statements without a time limit, on a connection of their own.
    pub(crate) async fn without_time_limit<T>(
        &self,
        what: &str,
        work: impl AsyncFnOnce(&mut D::Connection) -> sqlx::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut connection = self.connect().await?;
        let done = work(&mut connection).await.map_err(|error| D::failed(what, &error))?;
        let _ = timeout(CONNECT, connection.close()).await;
        Ok(done)
    }

    async fn connect(&self) -> Result<D::Connection, DatabaseError> {
        let what = format!("connect to {}", self.place);
        let Ok(connected) = timeout(CONNECT, self.dialect.connect()).await else {
            let patience = CONNECT.as_secs();
            return Err(DatabaseError::retryable(format!("{what}: no answer within {patience} s")));
        };
        let mut connection = connected.map_err(|error| D::failed(&what, &error))?;
        self.dialect.try_settings(&mut connection).await;
        Ok(connection)
    }

    /// Ends the session in good order: a server may log one that is merely cut off.
    pub(crate) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = timeout(CONNECT, connection.close()).await;
        }
    }
}
