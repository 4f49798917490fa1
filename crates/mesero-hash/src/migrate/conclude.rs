//! What is said when a run is over, and how mesero ends.

use mesero_terminal::counted::{counted, form};
use mesero_terminal::exit::Exit;
use mesero_terminal::signals::Signal;

use crate::args::HashArgs;
use crate::error::HashRunError;
use crate::migrate::session::{HashSession, SessionError};
use crate::migrate::summary::HashSummary;

/// How the passes ended.
#[derive(Debug)]
pub(crate) enum MigrationEnd {
    /// A pass found nothing that could be hashed.
    Done,
    /// The last that was allowed still found so many.
    Passes(u64),
    Signal(Signal),
    SessionError(SessionError),
}

impl MigrationEnd {
    pub(crate) fn of(ended: Result<MigrationEnd, SessionError>) -> Self {
        match ended {
            Ok(ending) => ending,
            Err(SessionError::Stopped(signal)) => MigrationEnd::Signal(signal),
            Err(unable) => MigrationEnd::SessionError(unable),
        }
    }
}

/// Says how it went.
///
/// # Errors
/// If the summary cannot be made.
pub(crate) fn conclude(
    args: &HashArgs,
    summary: &HashSummary<'_>,
    (ending, session): (MigrationEnd, &mut HashSession<'_>),
) -> Result<Exit, HashRunError> {
    if args.report.json {
        let json = summary.json().map_err(HashRunError::of)?;
        if let Err(error) = session.output.line(&json) {
            session.say(&format!("failed to write the summary: {error}"));
        }
    }
    if !args.report.quiet {
        session.output.say(&summary.text());
    }
    for law in [summary.counts.check(), summary.stats.check()] {
        if let Err(law) = law {
            session.say(&format!("the counts do not balance, which is a mistake in mesero: {law}"));
        }
    }
    let left = summary.now.as_ref().map_or(0, |now| now.ambiguous());
    Ok(match ending {
        MigrationEnd::Signal(signal) => {
            session.say("to go on, give the same command again: what is hashed stays as it is");
            signal.exit()
        }
        MigrationEnd::SessionError(unable) => {
            session.say(&format!("stopped: failed to {unable}"));
            session.say("every row is as it was, or hashed; to go on, give the same command again");
            Exit::SomeFailed
        }
        MigrationEnd::Passes(found) => {
            session.say(&format!(
                "{} had new plaintext in the last pass: the application still writes it; have it write \
                 hashes, and run the same command again",
                counted(found, "row", "rows"),
            ));
            Exit::SomeFailed
        }
        MigrationEnd::Done if summary.counts.failed > 0 => Exit::SomeFailed,
        MigrationEnd::Done if left > 0 && args.ambiguous.is_none() => {
            session.say(&format!(
                "{} came meanwhile that may be plaintext or {}",
                counted(left, "value", "values"),
                form(left, "a hash", "hashes"),
            ));
            Exit::SomeFailed
        }
        MigrationEnd::Done => Exit::Fine,
    })
}
