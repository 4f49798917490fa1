//! What is said when a run is over, and how mesero ends.

use mesero_terminal::counted::{counted, form};
use mesero_terminal::exit::Exit;
use mesero_terminal::signals::Signal;

use crate::args::HashArgs;
use crate::error::HashRunError;
use crate::migrate::session::{Desk, Unable};
use crate::migrate::summary::Summary;

/// How the passes ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// A pass found nothing that could be hashed.
    Done,
    /// The last that was allowed still found so many.
    Passes(u64),
    Signal(Signal),
    Unable(Unable),
}

impl Ending {
    pub(crate) fn of(ended: Result<Ending, Unable>) -> Self {
        match ended {
            Ok(ending) => ending,
            Err(Unable::Stopped(signal)) => Ending::Signal(signal),
            Err(unable) => Ending::Unable(unable),
        }
    }
}

/// Says how it went.
///
/// # Errors
/// If the summary cannot be made.
pub(crate) fn conclude(
    args: &HashArgs,
    summary: &Summary<'_>,
    (ending, desk): (Ending, &mut Desk<'_>),
) -> Result<Exit, HashRunError> {
    if args.check.json {
        let json = summary.json().map_err(HashRunError::of)?;
        if let Err(error) = desk.output.line(&json) {
            desk.say(&format!("failed to write the summary: {error}"));
        }
    }
    if !args.check.quiet {
        desk.output.say(&summary.text());
    }
    for law in [summary.counts.check(), summary.stats.check()] {
        if let Err(law) = law {
            desk.say(&format!("the counts do not balance, which is a mistake in mesero: {law}"));
        }
    }
    let left = summary.now.as_ref().map_or(0, |now| now.ambiguous());
    Ok(match ending {
        Ending::Signal(signal) => {
            desk.say("to go on, give the same command again: what is hashed stays as it is");
            signal.exit()
        }
        Ending::Unable(unable) => {
            desk.say(&format!("stopped: failed to {unable}"));
            desk.say("every row is as it was, or hashed; to go on, give the same command again");
            Exit::SomeFailed
        }
        Ending::Passes(found) => {
            desk.say(&format!(
                "{} had new plaintext in the last pass: the application still writes it; have it write \
                 hashes, and run the same command again",
                counted(found, "row", "rows"),
            ));
            Exit::SomeFailed
        }
        Ending::Done if summary.counts.failed > 0 => Exit::SomeFailed,
        Ending::Done if left > 0 && args.ambiguous.is_none() => {
            desk.say(&format!(
                "{} came meanwhile that may be plaintext or {}",
                counted(left, "value", "values"),
                form(left, "a hash", "hashes"),
            ));
            Exit::SomeFailed
        }
        Ending::Done => Exit::Fine,
    })
}
