//! The contract of a dialect: the SQL of one kind of server, and the meaning of its replies.

use crate::database::contract::{RowChange, ScrubMode};
use crate::database::error::DatabaseError;
use crate::database::location::{DatabaseLocation, TableSelection};
use crate::database::residue::Residue;
use crate::database::server::address::ServerAddress;
use crate::database::server::changes::CurrentValue;
use crate::database::server::connection::ServerConnection;
use crate::database::server::session::SessionDialect;
use crate::database::table::PasswordTable;
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};

/// One kind of server: its sessions, and the SQL for one table.
///
/// All futures may be dropped: the caller then drops the connection, and the server rolls back an open
/// transaction.
pub(crate) trait Dialect: SessionDialect {
    /// The statements for one table.
    type Statements: Send + Sync;

    /// Reads the URL and the password; connects to nothing.
    ///
    /// # Errors
    /// If the URL is invalid, or the password file cannot be read.
    fn from_location(location: &DatabaseLocation) -> Result<(Self, ServerAddress), DatabaseError>;

    /// Looks up the table and its columns in the catalog, and examines them.
    ///
    /// # Errors
    /// If a name does not exist, or the table cannot be hashed.
    fn find_table(
        connection: &mut Self::Connection,
        selection: &TableSelection,
        address: &ServerAddress,
    ) -> impl Future<Output = Result<(PasswordTable, Self::Statements), DatabaseError>> + Send;

    /// Reads a page of rows; see [`Database::page`](crate::database::contract::Database::page).
    fn page(
        statements: &Self::Statements,
        connection: &mut Self::Connection,
        after: Option<&RowKey>,
        limits: PageLimits,
    ) -> impl Future<Output = sqlx::Result<RowPage>> + Send;

    /// Writes each change whose row is unchanged, all in one transaction; returns which were written.
    fn write(
        statements: &Self::Statements,
        connection: &mut Self::Connection,
        changes: &[RowChange],
    ) -> impl Future<Output = sqlx::Result<Vec<bool>>> + Send;

    /// Reads the column of the hashes of these rows, in the order of `keys`.
    fn read_back(
        statements: &Self::Statements,
        connection: &mut Self::Connection,
        keys: &[&RowKey],
    ) -> impl Future<Output = sqlx::Result<Vec<CurrentValue>>> + Send;

    /// Removes old values; see [`Database::scrub`](crate::database::contract::Database::scrub).
    fn scrub(
        statements: &Self::Statements,
        connection: &mut ServerConnection<Self>,
        mode: ScrubMode,
    ) -> impl Future<Output = Result<Vec<Residue>, DatabaseError>> + Send;
}
