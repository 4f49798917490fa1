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

use crate::database::contract::Fate;
use crate::database::contract::{Answer, Change, Database, Opened, Trace};
use crate::database::error::DatabaseError;
use crate::database::location::Location;
use crate::database::location::Wanted;
use crate::database::postgres::session::PgLink;
use crate::database::postgres::statements::Statements;
use crate::database::server::changes::fate_of;
use crate::rows::key::Key;
use crate::rows::page::{Page, Size};
use crate::rows::row::Value;

/// A table in a PostgreSQL database.
struct Postgres {
    link: PgLink,
    statements: Statements,
}

/// Opens a `postgres://` URL.
///
/// # Errors
/// If the server cannot be reached or does not let in, a name is not there, or what was asked for
/// cannot be done with the table.
pub(crate) async fn open(location: &Location, wanted: &Wanted) -> Result<Opened, DatabaseError> {
    let mut link = session::to(location)?;
    let opening = link.first(async |connection, place| {
        let catalogue = catalog::look_up(connection, wanted, place).await?;
        let notes = advisories::look(connection, &catalogue, place).await?;
        let table = catalogue.table(notes);
        Ok((catalogue, table))
    });
    let (catalogue, table) = opening.await?;
    let statements = Statements::new(&catalogue);
    Ok(Opened { table, database: Box::new(Postgres { link, statements }) })
}

impl Database for Postgres {
    fn page<'a>(&'a mut self, after: Option<&'a Key>, size: Size) -> Answer<'a, Page> {
        async move {
            let Self { link, statements } = self;
            let rows = i64::try_from(size.rows).unwrap_or(i64::MAX);
            link.with("read a page of rows", async |connection| {
                let statement = match after {
                    None => statements.first_page(rows),
                    Some(key) => statements.page(key, rows),
                };
                let mut found = statement.fetch(connection);
                let mut page = Page::new(size);
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
    fn begin(&mut self) -> Answer<'_, ()> {
        async { Ok(()) }.boxed()
    }

    fn write<'a>(&'a mut self, changes: &'a Arc<[Change]>) -> Answer<'a, Vec<Fate>> {
        async move {
            let Self { link, statements } = self;
            let mut became: Vec<Option<Fate>> = vec![None; changes.len()];
            let written = link.with("write hashes", async |connection| {
                // One statement is one transaction.
                places(&statements.write(changes).fetch_all(connection).await?)
            });
            for place in written.await? {
                set(&mut became, place, Fate::Written);
            }
            if became.contains(&None) {
                // Without a transaction: what is seen may be newer than what the statement saw,
                // and what became of the row is true all the same.
                let keys: Vec<&Key> = changes.iter().map(|change| &change.row.key).collect();
                let held = read(link, statements, &keys).await?;
                for ((became, held), change) in became.iter_mut().zip(held).zip(changes.iter()) {
                    *became = became.or_else(|| Some(fate_of(change, held)));
                }
            }
            Ok(became.into_iter().map(|it| it.unwrap_or(Fate::Gone)).collect())
        }
        .boxed()
    }

    fn read_back<'a>(&'a mut self, keys: &'a [Key]) -> Answer<'a, Vec<Option<Value>>> {
        async move {
            let keys: Vec<&Key> = keys.iter().collect();
            let held = read(&mut self.link, &self.statements, &keys).await?;
            Ok(held.into_iter().map(Option::flatten).collect())
        }
        .boxed()
    }

    fn wipe(&mut self, rewrite: bool) -> Answer<'_, Vec<Trace>> {
        async move {
            let Self { link, statements } = self;
            scrub::wipe(link, statements, rewrite).await
        }
        .boxed()
    }
}

/// What the rows of these keys hold in the column of the hashes: none if there is no such row, and
/// none in it for NULL.
async fn read(
    link: &mut PgLink,
    statements: &Statements,
    keys: &[&Key],
) -> Result<Vec<Option<Option<Value>>>, DatabaseError> {
    link.with("read hashes back", async |connection| {
        let rows = statements.read_back(keys).fetch_all(connection).await?;
        let mut held = vec![None; keys.len()];
        for row in rows {
            let place: i64 = row.try_get(0)?;
            set(&mut held, place, statements.value(&row, 1)?);
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
fn set<T>(list: &mut [Option<T>], place: i64, value: T) {
    let index = usize::try_from(place - 1).ok();
    if let Some(slot) = index.and_then(|index| list.get_mut(index)) {
        *slot = Some(value);
    }
}
