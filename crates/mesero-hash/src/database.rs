//! Databases: the contract that each keeps, and the kinds that are supported.

pub(crate) mod contract;
mod disk;
pub(crate) mod error;
pub(crate) mod location;
mod mysql;
mod postgres;
pub(crate) mod residue;
mod server;
mod sqlite;
pub(crate) mod table;

use self::contract::OpenTable;
use self::error::DatabaseError;
use self::location::{DatabaseLocation, TableSelection};
use self::mysql::session::MySqlDialect;
use self::postgres::session::PgDialect;

/// Opens the database by the kind that its location names, and finds the table in it.
///
/// A dropped future closes the connection; it has only read.
///
/// # Errors
/// If the location is of an unknown kind, the database cannot be opened, a name does not exist, or
/// the table cannot be hashed.
pub(crate) async fn open(
    location: &DatabaseLocation,
    selection: &TableSelection,
) -> Result<OpenTable, DatabaseError> {
    match (location.database.split_once("://"), &location.password_file) {
        (None, None) => sqlite::open(location, selection).await,
        (None, Some(_)) => {
            Err(DatabaseError::usage("use `--password-file`: an SQLite file has no password"))
        }
        (Some(("postgres" | "postgresql", _)), _) => {
            server::database::open::<PgDialect>(location, selection).await
        }
        (Some(("mysql" | "mariadb", _)), _) => {
            server::database::open::<MySqlDialect>(location, selection).await
        }
        (Some((scheme, _)), _) => Err(DatabaseError::usage(format!(
            "open a database of the kind `{scheme}`: use the path of an SQLite file, or a URL that \
             begins with `postgres:`, `mysql:` or `mariadb:`"
        ))),
    }
}
