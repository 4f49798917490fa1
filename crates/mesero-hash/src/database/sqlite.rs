//! An SQLite file: its connection lives on a thread of its own, which takes one request after the other.

use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::database::contract::{
    Database, DatabaseFuture, OpenTable, Residue, RowChange, WriteOutcome,
};
use crate::database::error::{DatabaseError, ErrorKind};
use crate::database::location::{DatabaseLocation, TableSelection};
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::StoredValue;

mod catalog;
mod connection;
mod error;
mod scrub;
mod statements;

use connection::SqliteConnection;

/// Opens the file, and finds the table in it.
///
/// # Errors
/// If there is no such file, or none that can be used; or no such names.
pub(crate) async fn open(
    location: &DatabaseLocation,
    wanted: &TableSelection,
) -> Result<OpenTable, DatabaseError> {
    // One request is served, and one waits: that of a future that was dropped meanwhile.
    let (requests_tx, mut requests) = mpsc::channel::<SqliteRequest>(1);
    let (tx, rx) = oneshot::channel();
    let (location, wanted) = (location.clone(), wanted.clone());
    let serve = move || {
        let (mut connection, table) = match SqliteConnection::open(&location, &wanted) {
            Ok(opened) => opened,
            Err(error) => {
                let _ = tx.send(Err(error));
                return;
            }
        };
        let _ = tx.send(Ok(table));
        while let Some(request) = requests.blocking_recv() {
            request(&mut connection);
        }
    };
    thread::Builder::new().name("mesero-sqlite".to_owned()).spawn(serve).map_err(|error| {
        DatabaseError { kind: ErrorKind::Broken, text: format!("start a thread: {error}") }
    })?;
    let table = rx.await.map_err(|_| ended())??;
    Ok(OpenTable { table, database: Box::new(SqliteDatabase { requests_tx }) })
}

/// The way to the thread of the connection; the thread ends when it is dropped.
struct SqliteDatabase {
    requests_tx: mpsc::Sender<SqliteRequest>,
}

type SqliteRequest = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

impl SqliteDatabase {
    async fn with_retries<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (tx, rx) = oneshot::channel();
        let request = move |connection: &mut SqliteConnection| {
            // Nobody may wait any more; it is done all the same.
            let _ = tx.send(work(connection));
        };
        self.requests_tx.send(Box::new(request)).await.map_err(|_| ended())?;
        rx.await.map_err(|_| ended())?
    }
}

impl Database for SqliteDatabase {
    fn page<'a>(
        &'a mut self,
        after: Option<&'a RowKey>,
        size: PageLimits,
    ) -> DatabaseFuture<'a, RowPage> {
        let after = after.cloned();
        Box::pin(self.with_retries(move |connection| connection.page(after.as_ref(), size)))
    }

    fn begin(&mut self) -> DatabaseFuture<'_, ()> {
        Box::pin(self.with_retries(|connection| connection.begin()))
    }

    fn write<'a>(
        &'a mut self,
        changes: &'a Arc<[RowChange]>,
    ) -> DatabaseFuture<'a, Vec<WriteOutcome>> {
        let changes = Arc::clone(changes);
        Box::pin(self.with_retries(move |connection| connection.write(&changes)))
    }

    fn read_back<'a>(
        &'a mut self,
        keys: &'a [RowKey],
    ) -> DatabaseFuture<'a, Vec<Option<StoredValue>>> {
        let keys = keys.to_vec();
        Box::pin(self.with_retries(move |connection| connection.read_back(&keys)))
    }

    fn scrub(&mut self, rewrite: bool) -> DatabaseFuture<'_, Vec<Residue>> {
        Box::pin(self.with_retries(move |connection| connection.scrub(rewrite)))
    }
}

fn ended() -> DatabaseError {
    let text = "go on: the thread of the database has ended".to_owned();
    DatabaseError { kind: ErrorKind::Broken, text }
}
