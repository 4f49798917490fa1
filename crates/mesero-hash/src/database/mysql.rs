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

use crate::database::contract::Fate;
use crate::database::contract::{Answer, Change, Database, Opened, Trace};
use crate::database::error::DatabaseError;
use crate::database::location::Location;
use crate::database::location::Wanted;
use crate::database::mysql::session::MySqlLink;
use crate::database::mysql::statements::Statements;
use crate::database::server::changes::fate_of;
use crate::rows::key::Key;
use crate::rows::page::{Page, Size};
use crate::rows::row::Value;

/// A table in a MySQL or MariaDB database.
struct MySql {
    link: MySqlLink,
    statements: Statements,
}

/// Opens a `mysql://` or `mariadb://` URL.
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
    Ok(Opened { table, database: Box::new(MySql { link, statements }) })
}

impl Database for MySql {
    fn page<'a>(&'a mut self, after: Option<&'a Key>, size: Size) -> Answer<'a, Page> {
        async move {
            let Self { link, statements } = self;
            let rows = u64::try_from(size.rows).unwrap_or(u64::MAX);
            link.with("read a page of rows", async |connection| {
                let mut found = statements.page(after, rows).fetch(connection);
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

    /// Nothing: what a session can do is done on every connection.
    fn begin(&mut self) -> Answer<'_, ()> {
        async { Ok(()) }.boxed()
    }

    fn write<'a>(&'a mut self, changes: &'a Arc<[Change]>) -> Answer<'a, Vec<Fate>> {
        async move {
            let Self { link, statements } = self;
            let writing = link.with("write hashes", async |connection| {
                // Dropped with the connection, and so rolled back, if one of them fails.
                let mut transaction = connection.begin().await?;
                let mut became = Vec::with_capacity(changes.len());
                for change in changes.iter() {
                    let done = statements.write(change).execute(&mut *transaction).await?;
                    // Rows that were found, and not only those that are different now.
                    became.push((done.rows_affected() > 0).then_some(Fate::Written));
                }
                transaction.commit().await?;
                Ok(became)
            });
            let became = writing.await?;
            let missed = changes.iter().zip(&became).filter(|(_, fate)| fate.is_none());
            let missed: Vec<&Key> = missed.map(|(change, _)| &change.row.key).collect();
            let mut held = read(link, statements, &missed).await?.into_iter();
            let became = became.into_iter().zip(changes.iter());
            let became = became.map(|(fate, change)| {
                fate.unwrap_or_else(|| fate_of(change, held.next().flatten()))
            });
            Ok(became.collect())
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
            let traces = scrub::wipe(link, statements, rewrite).await;
            link.close().await;
            traces
        }
        .boxed()
    }
}

/// What the rows of these keys hold in the column of the hashes: none if there is no such row, and
/// none in it for NULL.
async fn read(
    link: &mut MySqlLink,
    statements: &Statements,
    keys: &[&Key],
) -> Result<Vec<Option<Option<Value>>>, DatabaseError> {
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
