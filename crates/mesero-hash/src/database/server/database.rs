//! A table on a database server, of any dialect.

use std::sync::Arc;

use futures_util::FutureExt;

use crate::database::contract::{
    Database, DatabaseFuture, OpenTable, RowChange, ScrubMode, WriteOutcome,
};
use crate::database::error::DatabaseError;
use crate::database::location::{DatabaseLocation, TableSelection};
use crate::database::residue::Residue;
use crate::database::server::changes::{CurrentValue, outcome_of};
use crate::database::server::connection::ServerConnection;
use crate::database::server::dialect::Dialect;
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::StoredValue;

/// The connection to a server, and the statements for one table.
struct ServerDatabase<D: Dialect> {
    connection: ServerConnection<D>,
    statements: D::Statements,
}

/// Connects to the server and finds the table. If dropped, closes the connection; it has only read.
///
/// # Errors
/// If the server cannot be reached or rejects the user, a name does not exist, or the table cannot
/// be hashed.
pub(crate) async fn open<D: Dialect>(
    location: &DatabaseLocation,
    selection: &TableSelection,
) -> Result<OpenTable, DatabaseError> {
    let (dialect, address) = D::from_location(location)?;
    let mut connection = ServerConnection::new(dialect, address);
    let finding = connection.connect_and_run(async |connection, address| {
        D::find_table(connection, selection, address).await
    });
    let (table, statements) = finding.await?;
    Ok(OpenTable { table, database: Box::new(ServerDatabase::<D> { connection, statements }) })
}

impl<D: Dialect> ServerDatabase<D> {
    /// Reads the column of the hashes of these rows; sends nothing for no keys.
    ///
    /// If dropped, the connection is closed, and the next call opens another.
    async fn read_current(&mut self, keys: &[&RowKey]) -> Result<Vec<CurrentValue>, DatabaseError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let Self { connection, statements } = self;
        let reading = connection.run("read hashes back", async |connection| {
            D::read_back(statements, connection, keys).await
        });
        reading.await
    }
}

impl<D: Dialect> Database for ServerDatabase<D> {
    fn page<'a>(
        &'a mut self,
        after: Option<&'a RowKey>,
        limits: PageLimits,
    ) -> DatabaseFuture<'a, RowPage> {
        async move {
            let Self { connection, statements } = self;
            let reading = connection.run("read a page of rows", async |connection| {
                D::page(statements, connection, after, limits).await
            });
            reading.await
        }
        .boxed()
    }

    /// Nothing: every new connection gets the settings of the session.
    fn prepare_writes(&mut self) -> DatabaseFuture<'_, ()> {
        async { Ok(()) }.boxed()
    }

    fn write<'a>(
        &'a mut self,
        changes: &'a Arc<[RowChange]>,
    ) -> DatabaseFuture<'a, Vec<WriteOutcome>> {
        async move {
            let Self { connection, statements } = &mut *self;
            let writing = connection.run("write hashes", async |connection| {
                D::write(statements, connection, changes).await
            });
            let written = writing.await?;
            let missed = changes.iter().zip(&written).filter(|(_, written)| !**written);
            let missed: Vec<&RowKey> = missed.map(|(change, _)| &change.row.key).collect();
            // Outside of the transaction: a row can be newer than what the statement saw, and its
            // outcome is true nevertheless.
            let mut current = self.read_current(&missed).await?.into_iter();
            let outcomes = changes.iter().zip(written).map(|(change, written)| {
                if written {
                    WriteOutcome::Written
                } else {
                    outcome_of(change, current.next().unwrap_or(CurrentValue::NoRow))
                }
            });
            Ok(outcomes.collect())
        }
        .boxed()
    }

    fn read_back<'a>(
        &'a mut self,
        keys: &'a [RowKey],
    ) -> DatabaseFuture<'a, Vec<Option<StoredValue>>> {
        async move {
            let keys: Vec<&RowKey> = keys.iter().collect();
            Ok(self.read_current(&keys).await?.into_iter().map(CurrentValue::value).collect())
        }
        .boxed()
    }

    fn scrub(&mut self, mode: ScrubMode) -> DatabaseFuture<'_, Vec<Residue>> {
        async move {
            let Self { connection, statements } = self;
            let residues = D::scrub(statements, connection, mode).await;
            connection.close().await;
            residues
        }
        .boxed()
    }
}
