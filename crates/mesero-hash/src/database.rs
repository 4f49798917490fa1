//! Databases: the contract that each keeps, and the four kinds that are supported.

pub(crate) mod contract;
pub(crate) mod error;
pub(crate) mod location;
mod mysql;
mod postgres;
mod server;
mod sqlite;
pub(crate) mod table;

use self::contract::OpenTable;
use self::error::{DatabaseError, ErrorKind};
use self::location::{DatabaseLocation, TableSelection};

/// Opens the kind of database that was named.
pub(crate) async fn open(
    location: &DatabaseLocation,
    wanted: &TableSelection,
) -> Result<OpenTable, DatabaseError> {
    let usage = |text| Err(DatabaseError { kind: ErrorKind::Usage, text });
    match (location.database.split_once("://"), &location.password_file) {
        (None, None) => sqlite::open(location, wanted).await,
        (None, Some(_)) => {
            usage("use `--password-file`: an SQLite file has no password".to_owned())
        }
        (Some(("postgres" | "postgresql", _)), _) => postgres::open(location, wanted).await,
        (Some(("mysql" | "mariadb", _)), _) => mysql::open(location, wanted).await,
        (Some((scheme, _)), _) => usage(format!(
            "open a database of the kind `{scheme}`: wanted the path of an SQLite file, or a URL that \
             begins with `postgres:`, `mysql:` or `mariadb:`"
        )),
    }
}
