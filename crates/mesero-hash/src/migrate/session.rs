//! The database beside the person who waits: every request hears signals, and is made again when others were in the way.

use std::fmt;
use std::time::Duration;

use mesero_terminal::output::Output;
use mesero_terminal::signals::{Signal, Signals};
use tokio::time::{Instant, sleep};

use crate::database::contract::Database;
use crate::database::error::{DatabaseError, ErrorKind};
use crate::migrate::progress::RowProgress;

/// What a run talks to.
pub(crate) struct HashSession<'a> {
    pub(crate) database: Box<dyn Database>,
    pub(crate) signals: Signals,
    /// The last one that was heard.
    pub(crate) last_signal: Option<Signal>,
    pub(crate) progress: RowProgress,
    pub(crate) output: &'a mut Output,
}

/// How long others may be in the way, without a pause, before that is an error.
const PATIENCE: Duration = Duration::from_secs(300);
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(5);

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum SessionError {
    Database(DatabaseError),
    Stopped(Signal),
    /// Something that must not be: nothing more is written.
    Inconsistent(String),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::Database(error) => error.fmt(f),
            SessionError::Stopped(signal) => signal.fmt(f),
            SessionError::Inconsistent(why) => write!(f, "go on: {why}"),
        }
    }
}

impl HashSession<'_> {
    /// Asks the database, again and again while others are in the way.
    ///
    /// # Errors
    /// What the database says, if it is not worth another try, or was not for five minutes; or that
    /// a signal came while it waited to ask again.
    pub(crate) async fn with_retries<T>(
        &mut self,
        mut request: impl AsyncFnMut(&mut dyn Database) -> Result<T, DatabaseError>,
    ) -> Result<T, SessionError> {
        let began = Instant::now();
        let mut delay = FIRST_DELAY;
        let mut said = false;
        loop {
            let error = match request(&mut *self.database).await {
                Ok(done) => {
                    if said {
                        self.say(&format!(
                            "going on, after {:.0} s",
                            began.elapsed().as_secs_f64()
                        ));
                    }
                    return Ok(done);
                }
                Err(error) => error,
            };
            if error.kind != ErrorKind::Retryable {
                return Err(SessionError::Database(error));
            }
            if began.elapsed() >= PATIENCE {
                let text = format!("{error}, for {} s", PATIENCE.as_secs());
                return Err(SessionError::Database(DatabaseError {
                    kind: ErrorKind::Broken,
                    text,
                }));
            }
            // A lock that is held for a moment is nothing to talk about.
            if !said && began.elapsed() >= Duration::from_secs(2) {
                said = true;
                self.say(&format!("waiting: failed to {error}"));
            }
            tokio::select! {
                () = sleep(delay) => {}
                signal = self.signals.next() => {
                    self.last_signal = Some(signal);
                    return Err(SessionError::Stopped(signal));
                }
            }
            delay = (delay * 2).min(LAST_DELAY);
        }
    }

    pub(crate) fn say(&mut self, text: &str) {
        let Self { progress, output, .. } = self;
        progress.suspend(|| output.say(&format!("mesero: {text}")));
    }
}

impl fmt::Debug for HashSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("heard", &self.last_signal).finish_non_exhaustive()
    }
}
