//! The session of a run with its database: requests are retried, and signals interrupt the wait.

use std::fmt;
use std::time::Duration;

use mesero::Backoff;
use mesero_terminal::signals::Signal;
use tokio::time::{Instant, sleep};

use crate::database::contract::Database;
use crate::database::error::{DatabaseError, ErrorKind};
use crate::migrate::messages::RunMessages;
use crate::migrate::stop_signals::StopSignals;

/// The database of a run, the signals that stop it, and its messages.
pub(crate) struct HashSession<'a> {
    pub(crate) database: Box<dyn Database>,
    pub(crate) stop: StopSignals,
    pub(crate) messages: RunMessages<'a>,
}

/// Maximum time for the retries of one request.
const RETRY_TIMEOUT: Duration = Duration::from_secs(300);
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };
/// Retries are reported after this time: a short lock needs no message.
const QUIET: Duration = Duration::from_secs(2);

/// The reason why a request was not completed; continues "failed to".
#[derive(Debug)]
pub(crate) enum SessionError {
    Database(DatabaseError),
    Stopped(Signal),
    /// An inconsistent state, after which nothing more may be written.
    Inconsistent(String),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::Database(error) => error.fmt(f),
            SessionError::Stopped(signal) => signal.fmt(f),
            SessionError::Inconsistent(why) => write!(f, "continue: {why}"),
        }
    }
}

impl HashSession<'_> {
    /// Sends a request to the database, and repeats it after a retryable error.
    ///
    /// If dropped, the request has taken full effect or none.
    ///
    /// # Errors
    /// The database's error if it is not retryable, or after five minutes; or the signal that arrived
    /// between two attempts.
    pub(crate) async fn with_retries<T>(
        &mut self,
        mut request: impl AsyncFnMut(&mut dyn Database) -> Result<T, DatabaseError>,
    ) -> Result<T, SessionError> {
        let began = Instant::now();
        let mut failures = 0;
        let mut is_reported = false;
        loop {
            let error = match request(&mut *self.database).await {
                Ok(done) => {
                    if is_reported {
                        let seconds = began.elapsed().as_secs_f64();
                        self.messages
                            .print(&format!("database available again after {seconds:.0} s"));
                    }
                    return Ok(done);
                }
                Err(error) => error,
            };
            if error.kind != ErrorKind::Retryable {
                return Err(SessionError::Database(error));
            }
            if began.elapsed() >= RETRY_TIMEOUT {
                let text = format!("{error}, for {} s", RETRY_TIMEOUT.as_secs());
                return Err(SessionError::Database(DatabaseError::broken(text)));
            }
            if !is_reported && began.elapsed() >= QUIET {
                is_reported = true;
                self.messages.print(&format!("waiting for the database: failed to {error}"));
            }
            failures += 1;
            tokio::select! {
                () = sleep(BACKOFF.pause(failures)) => {}
                signal = self.stop.next() => return Err(SessionError::Stopped(signal)),
            }
        }
    }
}

impl fmt::Debug for HashSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashSession").field("stop", &self.stop).finish_non_exhaustive()
    }
}
