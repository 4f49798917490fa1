//! The errors of SQLite. Its messages are not repeated where a schema can put values of rows into them.

use rusqlite::Error;
use rusqlite::ffi::{self, ErrorCode};

use crate::database::error::{DatabaseError, ErrorKind};

/// Translates an error, for `map_err`; `doing` continues "failed to".
pub(super) fn of(doing: impl Into<String>) -> impl FnOnce(Error) -> DatabaseError {
    let doing = doing.into();
    move |error| translate(&doing, &error)
}

fn translate(doing: &str, error: &Error) -> DatabaseError {
    let Error::SqliteFailure(failure, message) = error else {
        // A column's type, or a number out of range: no value in the message.
        return DatabaseError { kind: ErrorKind::Broken, text: format!("{doing}: {error}") };
    };
    let meaning = ffi::code_to_str(failure.extended_code);
    let (kind, why) = match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (ErrorKind::Retryable, "another program holds a lock on it".to_owned())
        }
        ErrorCode::ConstraintViolation => (ErrorKind::Row, meaning.to_owned()),
        ErrorCode::DiskFull => (
            ErrorKind::Broken,
            "its disk is full; make room and run the same command again".to_owned(),
        ),
        ErrorCode::ReadOnly => (
            ErrorKind::Broken,
            "the file is read-only; check the permissions of the file and its folder".to_owned(),
        ),
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::NotADatabase => {
            (ErrorKind::Usage, meaning.to_owned())
        }
        // An error of a statement names a missing name of the schema, a collation or a function.
        ErrorCode::Unknown if failure.extended_code == ffi::SQLITE_ERROR => {
            (ErrorKind::Broken, message.clone().unwrap_or_else(|| meaning.to_owned()))
        }
        ErrorCode::SystemIoFailure => {
            let why =
                format!("{meaning}; its disk may be full, or a limit on the size of files reached");
            (ErrorKind::Broken, why)
        }
        _ => (ErrorKind::Broken, meaning.to_owned()),
    };
    DatabaseError { kind, text: format!("{doing}: {why}") }
}
