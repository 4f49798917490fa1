//! The dialect of PostgreSQL.

mod advisories;
mod catalog;
mod column;
mod error;
mod scrub;
pub(crate) mod session;
mod statements;

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use self::session::PgDialect;
use self::statements::PgStatements;
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

impl SessionDialect for PgDialect {
    type Connection = PgConnection;

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        self.open().await
    }

    async fn try_settings(&self, connection: &mut PgConnection) {
        session::try_settings(connection).await;
    }

    fn error(what: &str, error: &sqlx::Error) -> DatabaseError {
        error::translate(what, error)
    }
}

impl Dialect for PgDialect {
    type Statements = PgStatements;

    fn from_location(location: &DatabaseLocation) -> Result<(Self, ServerAddress), DatabaseError> {
        session::from_location(location)
    }

    async fn find_table(
        connection: &mut PgConnection,
        selection: &TableSelection,
        address: &ServerAddress,
    ) -> Result<(PasswordTable, PgStatements), DatabaseError> {
        let catalog = catalog::look_up(connection, selection, address).await?;
        let advisories = advisories::examine(connection, &catalog, address).await?;
        Ok((catalog.table.summary(advisories), PgStatements::new(&catalog)))
    }

    async fn page(
        statements: &PgStatements,
        connection: &mut PgConnection,
        after: Option<&RowKey>,
        limits: PageLimits,
    ) -> sqlx::Result<RowPage> {
        let rows = i64::try_from(limits.rows).unwrap_or(i64::MAX);
        let found = statements.page(after, rows).fetch(connection);
        collect_page(found, limits, |row| statements.row(row)).await
    }

    async fn write(
        statements: &PgStatements,
        connection: &mut PgConnection,
        changes: &[RowChange],
    ) -> sqlx::Result<Vec<bool>> {
        // One statement is one transaction.
        let rows = statements.write(changes).fetch_all(connection).await?;
        let mut written = vec![false; changes.len()];
        for row in rows {
            set_at(&mut written, row.try_get(0)?, true);
        }
        Ok(written)
    }

    async fn read_back(
        statements: &PgStatements,
        connection: &mut PgConnection,
        keys: &[&RowKey],
    ) -> sqlx::Result<Vec<CurrentValue>> {
        let rows = statements.read_back(keys).fetch_all(connection).await?;
        let mut values = vec![CurrentValue::NoRow; keys.len()];
        for row in rows {
            set_at(&mut values, row.try_get(0)?, statements.current(&row, 1)?);
        }
        Ok(values)
    }

    async fn scrub(
        statements: &PgStatements,
        connection: &mut ServerConnection<Self>,
        mode: ScrubMode,
    ) -> Result<Vec<Residue>, DatabaseError> {
        scrub::scrub(statements, connection, mode).await
    }
}

/// Sets the element at an ordinal, which SQL counts from one.
fn set_at<T>(list: &mut [T], ordinal: i64, value: T) {
    let index = usize::try_from(ordinal - 1).ok();
    if let Some(element) = index.and_then(|index| list.get_mut(index)) {
        *element = value;
    }
}
