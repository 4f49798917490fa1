//! PostgreSQL: a table of it, read in pages and written row by row.

mod advisories;
mod catalog;
mod column;
mod error;
mod scrub;
mod session;
mod statements;

use std::sync::Arc;

use futures_util::{FutureExt, TryStreamExt};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::database::contract::WriteOutcome;
use crate::database::contract::{Database, DatabaseFuture, OpenTable, Residue, RowChange};
use crate::database::error::DatabaseError;
use crate::database::location::DatabaseLocation;
use crate::database::location::TableSelection;
use crate::database::postgres::session::PgLink;
use crate::database::postgres::statements::PgStatements;
use crate::database::server::changes::outcome_of;
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::StoredValue;

/// A table in a PostgreSQL database.
struct Postgres {
    link: PgLink,
    statements: PgStatements,
}

/// Opens a `postgres://` URL.
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
    let statements = PgStatements::new(&catalog);
    Ok(OpenTable { table, database: Box::new(Postgres { link, statements }) })
}

impl Database for Postgres {
    fn page<'a>(
        &'a mut self,
        after: Option<&'a RowKey>,
        size: PageLimits,
    ) -> DatabaseFuture<'a, RowPage> {
        async move {
            let Self { link, statements } = self;
            let rows = i64::try_from(size.rows).unwrap_or(i64::MAX);
            link.with("read a page of rows", async |connection| {
                let statement = match after {
                    None => statements.first_page(rows),
                    Some(key) => statements.page(key, rows),
                };
                let mut found = statement.fetch(connection);
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

    /// Nothing: statement logs are kept from values on every connection.
    fn begin(&mut self) -> DatabaseFuture<'_, ()> {
        async { Ok(()) }.boxed()
    }

    fn write<'a>(
        &'a mut self,
        changes: &'a Arc<[RowChange]>,
    ) -> DatabaseFuture<'a, Vec<WriteOutcome>> {
        async move {
            let Self { link, statements } = self;
            let mut outcomes: Vec<Option<WriteOutcome>> = vec![None; changes.len()];
            let written = link.with("write hashes", async |connection| {
                // One statement is one transaction.
                places(&statements.write(changes).fetch_all(connection).await?)
            });
            for address in written.await? {
                set(&mut outcomes, address, WriteOutcome::Written);
            }
            if outcomes.contains(&None) {
                // Without a transaction: what is seen may be newer than what the statement saw,
                // and what became of the row is true all the same.
                let keys: Vec<&RowKey> = changes.iter().map(|change| &change.row.key).collect();
                let held = read(link, statements, &keys).await?;
                for ((outcomes, held), change) in outcomes.iter_mut().zip(held).zip(changes.iter())
                {
                    *outcomes = outcomes.or_else(|| Some(outcome_of(change, held)));
                }
            }
            Ok(outcomes.into_iter().map(|it| it.unwrap_or(WriteOutcome::Deleted)).collect())
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
            scrub::scrub(link, statements, rewrite).await
        }
        .boxed()
    }
}

/// What the rows of these keys hold in the column of the hashes: none if there is no such row, and
/// none in it for NULL.
async fn read(
    link: &mut PgLink,
    statements: &PgStatements,
    keys: &[&RowKey],
) -> Result<Vec<Option<Option<StoredValue>>>, DatabaseError> {
    link.with("read hashes back", async |connection| {
        let rows = statements.read_back(keys).fetch_all(connection).await?;
        let mut held = vec![None; keys.len()];
        for row in rows {
            let address: i64 = row.try_get(0)?;
            set(&mut held, address, statements.value(&row, 1)?);
        }
        Ok(held)
    })
    .await
}

/// The places, counted from one, that a statement returned.
fn places(rows: &[PgRow]) -> sqlx::Result<Vec<i64>> {
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// Sets what is at a place, counted from one.
fn set<T>(list: &mut [Option<T>], address: i64, value: T) {
    let index = usize::try_from(address - 1).ok();
    if let Some(slot) = index.and_then(|index| list.get_mut(index)) {
        *slot = Some(value);
    }
}
