//! Sessions of one kind of server.

use crate::database::error::DatabaseError;

/// Opens sessions of one kind of server, and translates their errors.
///
/// All futures may be dropped: the caller then drops the connection, and the server rolls back an open
/// transaction.
pub(crate) trait SessionDialect: Send + Sync + Sized + 'static {
    type Connection: sqlx::Connection + Send + Sync;

    /// Opens a session with all settings that the statements rely on.
    fn connect(&self) -> impl Future<Output = sqlx::Result<Self::Connection>> + Send;

    /// Tries settings that not every server has and not every user may change. A rejected one keeps
    /// its value; the advisories before the first write report the consequences.
    fn try_settings(&self, connection: &mut Self::Connection) -> impl Future<Output = ()> + Send;

    /// The error of `what`, which continues "failed to", without any value of a row.
    fn error(what: &str, error: &sqlx::Error) -> DatabaseError;
}
