//! The dialect of MySQL and MariaDB.

mod advisories;
mod catalog;
mod column;
mod error;
mod key;
mod scrub;
pub(crate) mod session;
mod statements;

use sqlx::Connection;
use sqlx::mysql::MySqlConnection;

use self::session::MySqlDialect;
use self::statements::MySqlStatements;
use crate::database::contract::{RowChange, ScrubMode};
use crate::database::error::DatabaseError;
use crate::database::location::{DatabaseLocation, TableSelection};
use crate::database::residue::Residue;
use crate::database::server::address::ServerAddress;
use crate::database::server::changes::CurrentValue;
use crate::database::server::connection::ServerConnection;
use crate::database::server::dialect::Dialect;
use crate::database::server::session::SessionDialect;
use crate::database::server::statements::collect_page;
use crate::database::table::PasswordTable;
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};

impl SessionDialect for MySqlDialect {
    type Connection = MySqlConnection;

    async fn connect(&self) -> sqlx::Result<MySqlConnection> {
        self.open().await
    }

    async fn try_settings(&self, connection: &mut MySqlConnection) {
        session::try_settings(connection).await;
    }

    fn error(what: &str, error: &sqlx::Error) -> DatabaseError {
        error::translate(what, error)
    }
}

impl Dialect for MySqlDialect {
    type Statements = MySqlStatements;

    fn from_location(location: &DatabaseLocation) -> Result<(Self, ServerAddress), DatabaseError> {
        session::from_location(location)
    }

    async fn find_table(
        connection: &mut MySqlConnection,
        selection: &TableSelection,
        address: &ServerAddress,
    ) -> Result<(PasswordTable, MySqlStatements), DatabaseError> {
        let catalog = catalog::look_up(connection, selection, address).await?;
        let advisories = advisories::examine(connection, &catalog, address).await?;
        Ok((catalog.table.summary(advisories), MySqlStatements::new(&catalog)))
    }

    async fn page(
        statements: &MySqlStatements,
        connection: &mut MySqlConnection,
        after: Option<&RowKey>,
        limits: PageLimits,
    ) -> sqlx::Result<RowPage> {
        let rows = u64::try_from(limits.rows).unwrap_or(u64::MAX);
        let found = statements.page(after, rows).fetch(connection);
        collect_page(found, limits, |row| statements.row(row)).await
    }

    async fn write(
        statements: &MySqlStatements,
        connection: &mut MySqlConnection,
        changes: &[RowChange],
    ) -> sqlx::Result<Vec<bool>> {
        // After an error it is dropped with the connection, and so rolled back.
        let mut transaction = connection.begin().await?;
        let mut written = Vec::with_capacity(changes.len());
        for change in changes {
            let done = statements.write(change).execute(&mut *transaction).await?;
            // Counts the rows that were found, not only those with new values.
            written.push(done.rows_affected() > 0);
        }
        transaction.commit().await?;
        Ok(written)
    }

    async fn read_back(
        statements: &MySqlStatements,
        connection: &mut MySqlConnection,
        keys: &[&RowKey],
    ) -> sqlx::Result<Vec<CurrentValue>> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            let row = statements.read_back(key).fetch_optional(&mut *connection).await?;
            values.push(match row {
                None => CurrentValue::NoRow,
                Some(row) => statements.current(&row)?,
            });
        }
        Ok(values)
    }

    async fn scrub(
        statements: &MySqlStatements,
        connection: &mut ServerConnection<Self>,
        mode: ScrubMode,
    ) -> Result<Vec<Residue>, DatabaseError> {
        scrub::scrub(statements, connection, mode).await
    }
}
