//! Sessions with either server, for the statements of a test.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use super::{Kind, PASSWORD};

/// A session.
pub(crate) enum Client {
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
}

impl Client {
    pub(super) async fn connect(kind: Kind, url: &str) -> Self {
        match kind {
            Kind::Postgres => {
                let options: PgConnectOptions = url.parse().unwrap();
                Client::Postgres(options.password(PASSWORD).connect().await.unwrap())
            }
            Kind::MariaDb => {
                let options: MySqlConnectOptions = url.parse().unwrap();
                Client::MariaDb(options.password(PASSWORD).connect().await.unwrap())
            }
        }
    }

    /// Runs statements; returns how many rows they changed.
    pub(crate) async fn run(&mut self, text: &str) -> u64 {
        self.try_run(text).await.unwrap_or_else(|error| panic!("{text:.200}: {error}"))
    }

    pub(crate) async fn try_run(&mut self, text: &str) -> sqlx::Result<u64> {
        let statements = sqlx::raw_sql(AssertSqlSafe(text));
        Ok(match self {
            Client::Postgres(connection) => statements.execute(connection).await?.rows_affected(),
            Client::MariaDb(connection) => statements.execute(connection).await?.rows_affected(),
        })
    }

    /// Runs a query for a count.
    pub(crate) async fn count(&mut self, text: &str) -> i64 {
        let query = sqlx::query_scalar(AssertSqlSafe(text));
        match self {
            Client::Postgres(connection) => query.fetch_one(connection).await.unwrap(),
            Client::MariaDb(connection) => {
                sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(connection).await.unwrap()
            }
        }
    }

    /// Runs a query for an integer of eight bytes and a text or bytes.
    pub(crate) async fn pairs(&mut self, text: &str) -> Vec<(i64, Option<Vec<u8>>)> {
        fn pair<R: Row<Database = D>, D: sqlx::Database>(row: &R) -> (i64, Option<Vec<u8>>)
        where
            usize: sqlx::ColumnIndex<R>,
            i64: for<'r> sqlx::Decode<'r, D> + sqlx::Type<D>,
            Vec<u8>: for<'r> sqlx::Decode<'r, D>,
        {
            // Of a text its bytes as they are.
            (row.get(0), row.try_get_unchecked(1).unwrap())
        }
        let text = AssertSqlSafe(text);
        match self {
            Client::Postgres(connection) => {
                let rows = sqlx::query(text).fetch_all(connection).await.unwrap();
                rows.iter().map(pair).collect()
            }
            Client::MariaDb(connection) => {
                let rows = sqlx::query(text).fetch_all(connection).await.unwrap();
                rows.iter().map(pair).collect()
            }
        }
    }
}
