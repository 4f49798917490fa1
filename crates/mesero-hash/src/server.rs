//! What the database servers share: the connection, their URLs, names that are looked up, and time limits.

mod link;
mod names;
mod place;
mod roots;

use std::path::Path;
use std::time::Duration;

pub(super) use link::{Dialect, Link};
pub(super) use names::{Keys, column, not_written, table_not_found};
pub(super) use place::{Place, Scheme};
pub(super) use roots::system_roots;

use super::database::{Change, DatabaseError, ErrorKind, Fate, Note, Trace, Value, Weight};

/// How long a server may take to let somebody in.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// How long one statement may run in the server: a page of large values from a cold disk takes
/// seconds.
pub(super) const STATEMENT: Duration = Duration::from_secs(60);

/// How long a statement waits for a lock that somebody else has, while it has locks itself: an
/// application's request that waits for those can bear this.
pub(super) const LOCK: Duration = Duration::from_secs(1);

/// When a server that says nothing is given up; it gives up the statement itself before that.
pub(super) const SILENCE: Duration = Duration::from_secs(75);

/// Above so many rows the catalogue's estimate is good enough to show progress by.
pub(super) const COUNTED_ROWS: u64 = 1_000_000;

/// An identifier as a statement has it: in these quotes, which are doubled inside.
pub(super) fn quoted(name: &str, quote: char) -> String {
    let doubled = format!("{quote}{quote}");
    format!("{quote}{}{quote}", name.replace(quote, &doubled))
}

pub(super) fn usage(text: impl Into<String>) -> DatabaseError {
    DatabaseError { kind: ErrorKind::Usage, text: text.into() }
}

pub(super) fn broken(text: impl Into<String>) -> DatabaseError {
    DatabaseError { kind: ErrorKind::Broken, text: text.into() }
}

pub(super) fn retryable(text: impl Into<String>) -> DatabaseError {
    DatabaseError { kind: ErrorKind::Retryable, text: text.into() }
}

/// A URL that the driver does not take. Its words for the kind of error are left out, of which it puts one before another.
pub(super) fn unreadable(error: &sqlx::Error) -> DatabaseError {
    let text = error.to_string();
    let why = text.rsplit("error with configuration: ").next().unwrap_or(&text);
    usage(format!("read the database's URL: {why}"))
}

impl Note {
    pub(super) fn fact(text: impl Into<String>) -> Self {
        Self { weight: Weight::Fact, text: text.into() }
    }

    pub(super) fn warning(text: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, text: text.into() }
    }

    pub(super) fn stop(text: impl Into<String>) -> Self {
        Self { weight: Weight::Stop, text: text.into() }
    }
}

/// The error of `what` where no answer of the server came, or none that makes sense.
pub(super) fn no_answer(what: &str, error: &sqlx::Error) -> DatabaseError {
    if let sqlx::Error::Io(error) = error
        && let Some(refused) = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>())
    {
        return usage(format!("{what}: TLS: {refused}"));
    }
    let kind = match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => ErrorKind::Retryable,
        sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => ErrorKind::Usage,
        _ => ErrorKind::Broken,
    };
    let text = match error {
        sqlx::Error::Io(error) => format!("{what}: {error}"),
        sqlx::Error::Tls(error) => format!("{what}: TLS: {error}"),
        // What it says may have the value in it.
        sqlx::Error::ColumnDecode { index, .. } => {
            format!("{what}: column {index} of the answer is not of the type that was asked for")
        }
        error => format!("{what}: {error}"),
    };
    DatabaseError { kind, text }
}

/// The plaintext of a change as it was read; none for NULL.
pub(super) fn old(change: &Change) -> Option<&[u8]> {
    change.row.value.as_ref().map(|value| value.bytes.reveal())
}

/// What was in the other column when the row was read; none for NULL.
pub(super) fn old_into(change: &Change) -> Option<&[u8]> {
    change.row.into.as_ref().map(|value| value.bytes.reveal())
}

/// What became of a change that a statement did not write, by what its row holds now in the column
/// of the hashes: none if the row is gone, and none in it for NULL.
pub(super) fn fate_of(change: &Change, held: Option<Option<Value>>) -> Fate {
    match held {
        None => Fate::Gone,
        // An earlier call wrote it, and its answer was lost.
        Some(Some(value)) if value.bytes == change.hash => Fate::Written,
        Some(_) => Fate::Changed,
    }
}

/// What was cleaned, as far as the server says.
pub(super) fn cleaned(text: impl Into<String>) -> Trace {
    Trace { cleaned: true, text: text.into() }
}

/// What a person has to do.
pub(super) fn remains(text: impl Into<String>) -> Trace {
    Trace { cleaned: false, text: text.into() }
}

/// What no server can clean.
pub(super) fn deleted_files() -> Trace {
    remains("deleted files stay readable on the disk itself until it is overwritten or trimmed")
}

/// What is free for the server on the disk of a folder, if that can be seen.
pub(super) fn free_space(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// A size as a person reads it.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}
