//! MySQL and MariaDB: a table of theirs, read in pages and written row by row.

mod advisories;
mod catalog;
mod column;
mod error;
mod key;
mod scrub;
mod session;
mod statements;

use std::sync::Arc;

use futures_util::{FutureExt, TryStreamExt};
use sqlx::Connection;

use crate::database::contract::WriteOutcome;
use crate::database::contract::{Database, DatabaseFuture, OpenTable, Residue, RowChange};
use crate::database::error::DatabaseError;
use crate::database::location::DatabaseLocation;
use crate::database::location::TableSelection;
use crate::database::mysql::session::MySqlLink;
use crate::database::mysql::statements::MySqlStatements;
use crate::database::server::changes::outcome_of;
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::StoredValue;

/// A table in a MySQL or MariaDB database.
struct MySql {
    link: MySqlLink,
    statements: MySqlStatements,
}

/// Opens a `mysql://` or `mariadb://` URL.
///
/// # Errors
/// If the server cannot be reached or does not let in, a name is not there, or what was asked for
/// cannot be done with the table.
pub(crate) async fn open(
    location: &DatabaseLocation,
    wanted: &TableSelection,
) -> Result<OpenTable, DatabaseError> {
    let mut link = session::to(location)?;
    let opening = link.first(async |connection, address| {
        let catalog = catalog::look_up(connection, wanted, address).await?;
        let advisories = advisories::look(connection, &catalog, address).await?;
        let table = catalog.table(advisories);
        Ok((catalog, table))
    });
    let (catalog, table) = opening.await?;
    let statements = MySqlStatements::new(&catalog);
    Ok(OpenTable { table, database: Box::new(MySql { link, statements }) })
}

impl Database for MySql {
    fn page<'a>(
        &'a mut self,
        after: Option<&'a RowKey>,
        size: PageLimits,
    ) -> DatabaseFuture<'a, RowPage> {
        async move {
            let Self { link, statements } = self;
            let rows = u64::try_from(size.rows).unwrap_or(u64::MAX);
            link.with("read a page of rows", async |connection| {
                let mut found = statements.page(after, rows).fetch(connection);
                let mut page = RowPage::new(size);
                // To its end even when the page is full: until then the server holds a snapshot.
                while let Some(row) = found.try_next().await? {
                    if page.has_room() {
                        page.add(statements.row(&row)?);
                    }
                }
                Ok(page)
            })
            .await
        }
        .boxed()
    }

    /// Nothing: what a session can do is done on every connection.
    fn begin(&mut self) -> DatabaseFuture<'_, ()> {
        async { Ok(()) }.boxed()
    }

    fn write<'a>(
        &'a mut self,
        changes: &'a Arc<[RowChange]>,
    ) -> DatabaseFuture<'a, Vec<WriteOutcome>> {
        async move {
            let Self { link, statements } = self;
            let writing = link.with("write hashes", async |connection| {
                // Dropped with the connection, and so rolled back, if one of them fails.
                let mut transaction = connection.begin().await?;
                let mut outcomes = Vec::with_capacity(changes.len());
                for change in changes.iter() {
                    let done = statements.write(change).execute(&mut *transaction).await?;
                    // Rows that were found, and not only those that are different now.
                    outcomes.push((done.rows_affected() > 0).then_some(WriteOutcome::Written));
                }
                transaction.commit().await?;
                Ok(outcomes)
            });
            let outcomes = writing.await?;
            let missed = changes.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_none());
            let missed: Vec<&RowKey> = missed.map(|(change, _)| &change.row.key).collect();
            let mut held = read(link, statements, &missed).await?.into_iter();
            let outcomes = outcomes.into_iter().zip(changes.iter());
            let outcomes = outcomes.map(|(outcome, change)| {
                outcome.unwrap_or_else(|| outcome_of(change, held.next().flatten()))
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
            let held = read(&mut self.link, &self.statements, &keys).await?;
            Ok(held.into_iter().map(Option::flatten).collect())
        }
        .boxed()
    }

    fn scrub(&mut self, rewrite: bool) -> DatabaseFuture<'_, Vec<Residue>> {
        async move {
            let Self { link, statements } = self;
            let residues = scrub::scrub(link, statements, rewrite).await;
            link.close().await;
            residues
        }
        .boxed()
    }
}

/// What the rows of these keys hold in the column of the hashes: none if there is no such row, and
/// none in it for NULL.
async fn read(
    link: &mut MySqlLink,
    statements: &MySqlStatements,
    keys: &[&RowKey],
) -> Result<Vec<Option<Option<StoredValue>>>, DatabaseError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    link.with("read hashes back", async |connection| {
        let mut held = Vec::with_capacity(keys.len());
        for key in keys {
            let row = statements.read_back(key).fetch_optional(&mut *connection).await?;
            held.push(row.map(|row| statements.value(&row, 0)).transpose()?);
        }
        Ok(held)
    })
    .await
}
