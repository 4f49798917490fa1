//! An SQLite file. A thread owns the connection and serves one request after the other.

use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::database::contract::{
    Database, DatabaseFuture, OpenTable, RowChange, ScrubMode, WriteOutcome,
};
use crate::database::error::DatabaseError;
use crate::database::location::{DatabaseLocation, TableSelection};
use crate::database::residue::Residue;
use crate::rows::key::RowKey;
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::StoredValue;

mod catalog;
mod connection;
mod error;
mod scrub;
mod statements;

use self::connection::SqliteConnection;

/// Opens the file and finds the table in it.
///
/// If dropped, the thread closes the file when it has finished its lookups.
///
/// # Errors
/// If the file does not exist or cannot be used, or a name does not exist.
pub(crate) async fn open(
    location: &DatabaseLocation,
    selection: &TableSelection,
) -> Result<OpenTable, DatabaseError> {
    // One request runs and one waits: a dropped future leaves its request behind.
    let (requests, mut requests_rx) = mpsc::channel::<SqliteRequest>(1);
    let (table_tx, table_rx) = oneshot::channel();
    let (location, selection) = (location.clone(), selection.clone());
    let serve = move || {
        let (mut connection, table) = match SqliteConnection::open(&location, &selection) {
            Ok(opened) => opened,
            Err(error) => {
                let _ = table_tx.send(Err(error));
                return;
            }
        };
        let _ = table_tx.send(Ok(table));
        while let Some(request) = requests_rx.blocking_recv() {
            request(&mut connection);
        }
    };
    thread::Builder::new()
        .name("mesero-sqlite".to_owned())
        .spawn(serve)
        .map_err(|error| DatabaseError::broken(format!("start a thread: {error}")))?;
    let table = table_rx.await.map_err(|_| thread_ended())??;
    Ok(OpenTable { table, database: Box::new(SqliteDatabase { requests }) })
}

/// A handle to the thread that owns the connection; the thread ends when the handle is dropped.
struct SqliteDatabase {
    requests: mpsc::Sender<SqliteRequest>,
}

type SqliteRequest = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

impl SqliteDatabase {
    /// Runs `work` on the thread of the connection. If dropped, the work is still done when the
    /// thread has accepted it, and its result is discarded.
    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (result_tx, result_rx) = oneshot::channel();
        let request = move |connection: &mut SqliteConnection| {
            // The receiver is gone if the future was dropped.
            let _ = result_tx.send(work(connection));
        };
        self.requests.send(Box::new(request)).await.map_err(|_| thread_ended())?;
        result_rx.await.map_err(|_| thread_ended())?
    }
}

impl Database for SqliteDatabase {
    fn page<'a>(
        &'a mut self,
        after: Option<&'a RowKey>,
        limits: PageLimits,
    ) -> DatabaseFuture<'a, RowPage> {
        let after = after.cloned();
        Box::pin(self.run(move |connection| connection.page(after.as_ref(), limits)))
    }

    fn prepare_writes(&mut self) -> DatabaseFuture<'_, ()> {
        Box::pin(self.run(|connection| connection.prepare_writes()))
    }

    fn write<'a>(
        &'a mut self,
        changes: &'a Arc<[RowChange]>,
    ) -> DatabaseFuture<'a, Vec<WriteOutcome>> {
        let changes = Arc::clone(changes);
        Box::pin(self.run(move |connection| connection.write(&changes)))
    }

    fn read_back<'a>(
        &'a mut self,
        keys: &'a [RowKey],
    ) -> DatabaseFuture<'a, Vec<Option<StoredValue>>> {
        let keys = keys.to_vec();
        Box::pin(self.run(move |connection| connection.read_back(&keys)))
    }

    fn scrub(&mut self, mode: ScrubMode) -> DatabaseFuture<'_, Vec<Residue>> {
        Box::pin(self.run(move |connection| connection.scrub(mode)))
    }
}

fn thread_ended() -> DatabaseError {
    DatabaseError::broken("continue: the thread of the database has ended")
}
