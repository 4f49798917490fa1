//! An SQLite file: its connection lives on a thread of its own, which takes one request after the other.

use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::database::contract::{Answer, Change, Database, Fate, Opened, Trace};
use crate::database::error::{DatabaseError, ErrorKind};
use crate::database::location::{Location, Wanted};
use crate::rows::key::Key;
use crate::rows::page::{Page, Size};
use crate::rows::row::Value;

mod catalog;
mod connection;
mod error;
mod scrub;
mod statements;

use connection::Session;

/// Opens the file, and finds the table in it.
///
/// # Errors
/// If there is no such file, or none that can be used; or no such names.
pub(crate) async fn open(location: &Location, wanted: &Wanted) -> Result<Opened, DatabaseError> {
    // One request is served, and one waits: that of a future that was dropped meanwhile.
    let (hand, mut requests) = mpsc::channel::<Request>(1);
    let (tell, told) = oneshot::channel();
    let (location, wanted) = (location.clone(), wanted.clone());
    let serve = move || {
        let (mut session, table) = match Session::open(&location, &wanted) {
            Ok(opened) => opened,
            Err(error) => {
                let _ = tell.send(Err(error));
                return;
            }
        };
        let _ = tell.send(Ok(table));
        while let Some(request) = requests.blocking_recv() {
            request(&mut session);
        }
    };
    thread::Builder::new().name("mesero-sqlite".to_owned()).spawn(serve).map_err(|error| {
        DatabaseError { kind: ErrorKind::Broken, text: format!("start a thread: {error}") }
    })?;
    let table = told.await.map_err(|_| ended())??;
    Ok(Opened { table, database: Box::new(Sqlite { hand }) })
}

/// The way to the thread of the connection; the thread ends when it is dropped.
struct Sqlite {
    hand: mpsc::Sender<Request>,
}

type Request = Box<dyn FnOnce(&mut Session) + Send>;

impl Sqlite {
    async fn ask<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Session) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (tell, told) = oneshot::channel();
        let request = move |session: &mut Session| {
            // Nobody may wait any more; it is done all the same.
            let _ = tell.send(work(session));
        };
        self.hand.send(Box::new(request)).await.map_err(|_| ended())?;
        told.await.map_err(|_| ended())?
    }
}

impl Database for Sqlite {
    fn page<'a>(&'a mut self, after: Option<&'a Key>, size: Size) -> Answer<'a, Page> {
        let after = after.cloned();
        Box::pin(self.ask(move |session| session.page(after.as_ref(), size)))
    }

    fn begin(&mut self) -> Answer<'_, ()> {
        Box::pin(self.ask(|session| session.begin()))
    }

    fn write<'a>(&'a mut self, changes: &'a Arc<[Change]>) -> Answer<'a, Vec<Fate>> {
        let changes = Arc::clone(changes);
        Box::pin(self.ask(move |session| session.write(&changes)))
    }

    fn read_back<'a>(&'a mut self, keys: &'a [Key]) -> Answer<'a, Vec<Option<Value>>> {
        let keys = keys.to_vec();
        Box::pin(self.ask(move |session| session.read_back(&keys)))
    }

    fn wipe(&mut self, rewrite: bool) -> Answer<'_, Vec<Trace>> {
        Box::pin(self.ask(move |session| session.wipe(rewrite)))
    }
}

fn ended() -> DatabaseError {
    let text = "go on: the thread of the database has ended".to_owned();
    DatabaseError { kind: ErrorKind::Broken, text }
}
